"""Which workers may join a group: those of its consumer, in any version, but not those of another one of that name.

The workers of a group share its partitions, and each acknowledges the events that it has no handler for. So a worker of
another consumer with the same name would make events vanish unhandled. A group therefore records in Redis which modules
its handlers are in and which event types they handle.
"""

import msgspec
import structlog
from redis.exceptions import ResponseError

from orchestra.bus import keys
from orchestra.bus.bus import Bus
from orchestra.bus.consumer.definition import PLATFORM, Consumer
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import TransientError
from orchestra.errors import ConsumerError

_LOG = structlog.get_logger("orchestra.bus")
_EVERY = "*"


class Holder(msgspec.Struct, frozen=True):
    """The consumer that a group belongs to: the modules of its handlers and the types they handle, both sorted."""

    modules: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In words: ``mood (user.turn.ended)``."""
        types = "every event" if self.types == (_EVERY,) else ", ".join(self.types)
        return f"{', '.join(self.modules)} ({types})"

    def is_version_of(self, other: "Holder") -> bool:
        """Whether both are versions of one consumer: they share a module, and one handles all types of the other."""
        ours, theirs = set(self.types), set(other.types)
        return bool(set(self.modules) & set(other.modules)) and (ours <= theirs or theirs <= ours)


def holder_of(consumer: Consumer) -> Holder:
    """The record of this consumer."""
    handlers = consumer.all_handlers()
    modules = {handler.module for handler in handlers}
    if consumer.name in PLATFORM:
        modules.add(f"workers.{consumer.name}")  # the module in 0.1: both versions may run at the same time
    types = {_EVERY} if consumer.entry_handler is not None else {tag.decode() for tag in consumer.handlers}
    return Holder(tuple(sorted(modules)), tuple(sorted(types)))


async def join(connections: Connections, consumer: Consumer) -> None:
    """Record that the group belongs to this consumer; a group without a record belongs to it from now on.

    Raises:
        ConsumerError: it belongs to another consumer.

    """
    name, mine = keys.holder_key(consumer.name), holder_of(consumer)
    known = await connections.shared_connection.call("GET", name)
    if known is None:
        await _record(connections, name, mine)
        known = await connections.shared_connection.call("GET", name)  # another worker may have been first
    holder = _read(known)
    if holder is None or holder == mine:
        return
    if not mine.is_version_of(holder):
        msg = (
            f"group {consumer.name!r} is the group of {holder}, and this consumer is {mine}: each would lose events to"
            f" the other; give one another name, or, if the first no longer runs,"
            f" `orchestra group release {consumer.name}`"
        )
        raise ConsumerError(msg)
    await _record(connections, name, mine, replace=True)


async def release(connections: Connections, group: str) -> Holder | None:
    """Delete the record of a group, so that the next consumer to run gets it; its position in the journal stays."""
    return _read(await connections.shared_connection.call("GETDEL", keys.holder_key(group)))


async def drop(bus: Bus, group: str) -> int:
    """Delete a group with its positions and dead letters; returns on how many streams it was.

    Raises:
        ConsumerError: one of its workers runs.

    """
    owners = {status.owner for status in await bus.groups() if status.group == group and status.owner}
    if owners:
        msg = f"group {group!r} is running ({', '.join(sorted(owners))}): stop its workers before it is dropped"
        raise ConsumerError(msg)
    found = 0
    kept = ("lease", "progress", "published", "dead", "requeued")
    for partition in range(bus.partitions):
        connection = bus.connection(partition)
        streams = [keys.key(partition, stream) for stream in keys.STREAMS]
        answers = await connection.calls([("XGROUP", "DESTROY", stream, group) for stream in streams])
        found += sum(answer for answer in answers if isinstance(answer, int))  # an error if there is no such stream
        await connection.call("DEL", *(keys.key(partition, each, group) for each in kept))
    await bus.shared_connection.call("DEL", keys.holder_key(group), keys.members_key(group))
    return found


async def _record(connections: Connections, name: str, holder: Holder, *, replace: bool = False) -> None:
    try:
        await connections.shared_connection.call("SET", name, msgspec.json.encode(holder), "XX" if replace else "NX")
    except (
        ResponseError,
        TransientError,
    ) as error:  # out of memory: a worker that could free some must still start
        _LOG.warning("group.not_recorded", key=name, error=str(error))


def _read(stored: bytes | None) -> Holder | None:
    try:
        return None if stored is None else msgspec.json.decode(stored, type=Holder)
    except msgspec.MsgspecError:  # written by another version
        return None
