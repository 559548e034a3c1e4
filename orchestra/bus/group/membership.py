"""Who may join a group: the consumer that it belongs to, in any version, and no other of the same name.

Two workers of one group share its partitions, and each acknowledges what it has no handler for. So a worker of another
consumer that happens to have the same name would make events vanish unread. A group therefore records in Redis which
modules its handlers come from and which event types they take.
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
    """Whose a group is: the modules of its handlers, and the types of events they take, both sorted."""

    modules: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In words: ``mood (user.turn.ended)``."""
        types = "every event" if self.types == (_EVERY,) else ", ".join(self.types)
        return f"{', '.join(self.modules)} ({types})"

    def is_kin_of(self, other: "Holder") -> bool:
        """Whether both are versions of one consumer: of one module, one handling all that the other handles."""
        ours, theirs = set(self.types), set(other.types)
        return bool(set(self.modules) & set(other.modules)) and (ours <= theirs or theirs <= ours)


def holder_of(consumer: Consumer) -> Holder:
    """What a group records of this consumer."""
    handlers = consumer.all_handlers()
    modules = {handler.module for handler in handlers}
    if consumer.name in PLATFORM:
        modules.add(f"workers.{consumer.name}")  # where the handlers of 0.1 are: both versions may run side by side
    types = {_EVERY} if consumer.entry_handler is not None else {tag.decode() for tag in consumer.handlers}
    return Holder(tuple(sorted(modules)), tuple(sorted(types)))


async def join(connections: Connections, consumer: Consumer) -> None:
    """Record whose the consumer's group is; a group without a record, older or new, is this consumer's from now on.

    Raises:
        ConsumerError: the group is another consumer's.

    """
    name, mine = keys.holder_key(consumer.name), holder_of(consumer)
    known = await connections.shared_connection.call("GET", name)
    if known is None:
        await _record(connections, name, mine)
        known = await connections.shared_connection.call("GET", name)  # another may have been first
    holder = _read(known)
    if holder is None or holder == mine:
        return
    if not mine.is_kin_of(holder):
        msg = (
            f"group {consumer.name!r} is the group of {holder}, and this consumer is {mine}: each would lose events to"
            f" the other; give one another name, or, if the first is no longer run,"
            f" `orchestra group release {consumer.name}`"
        )
        raise ConsumerError(msg)
    await _record(connections, name, mine, instead=True)


async def release(connections: Connections, group: str) -> Holder | None:
    """Forget whose a group is, so that whichever consumer runs next has it; its place in the journal stays."""
    return _read(await connections.shared_connection.call("GETDEL", keys.holder_key(group)))


async def drop(bus: Bus, group: str) -> int:
    """Delete a group with all that is kept of it: its place, its dead letters; on how many streams it was.

    Raises:
        ConsumerError: a worker of it runs.

    """
    owners = {status.owner for status in await bus.groups() if status.group == group and status.owner}
    if owners:
        msg = f"group {group!r} is at work ({', '.join(sorted(owners))}): stop its workers before it is dropped"
        raise ConsumerError(msg)
    found = 0
    kept = ("lease", "progress", "published", "dead", "requeued")
    for partition in range(bus.partitions):
        connection = bus.connection(partition)
        streams = [keys.key(partition, stream) for stream in keys.STREAMS]
        answers = await connection.calls([("XGROUP", "DESTROY", stream, group) for stream in streams])
        found += sum(answer for answer in answers if isinstance(answer, int))  # no such stream: an error, and no group
        await connection.call("DEL", *(keys.key(partition, each, group) for each in kept))
    await bus.shared_connection.call("DEL", keys.holder_key(group), keys.members_key(group))
    return found


async def _record(connections: Connections, name: str, holder: Holder, *, instead: bool = False) -> None:
    try:
        await connections.shared_connection.call("SET", name, msgspec.json.encode(holder), "XX" if instead else "NX")
    except (ResponseError, TransientError) as error:  # memory is full: who could make room must start all the same
        _LOG.warning("group.not_recorded", key=name, error=str(error))


def _read(stored: bytes | None) -> Holder | None:
    try:
        return None if stored is None else msgspec.json.decode(stored, type=Holder)
    except msgspec.MsgspecError:  # of a version that is not ours
        return None
