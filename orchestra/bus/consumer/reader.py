"""Reads the streams of owned partitions."""

import asyncio
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.dispatcher import Dispatcher
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.consumer.position import GroupPosition
from orchestra.bus.redis.connection import Argument, RedisConnection, Reply, TransientError
from orchestra.bus.redis.refusal import Outage, describe_error, is_forbidden

_LOG = structlog.get_logger("orchestra.bus")

#: the most bytes that one read should bring, estimated from the sizes of entries before
READ_BYTES = 4_000_000
#: the most entries of one read, over all streams; and the least and the most of one stream
_READ, _LEAST, _MOST = 1600, 10, 200
#: the size of an entry that is assumed before one was read: a prompt late in a long call
_ASSUMED_BYTES = 30_000
#: how fast the estimate falls from one read to the next after larger entries
_DECAY = 0.8
_BLOCK_MS = 500

ReadPosition = tuple[OwnedPartition, GroupPosition]


def _is_readable(owned: OwnedPartition) -> bool:
    return owned.ready and not owned.at_capacity()


def _positions_to_read(partitions: list[OwnedPartition]) -> dict[bytes, ReadPosition]:
    """The streams of the ready partitions that are not at capacity, by key."""
    return {
        position.key_bytes: (owned, position)
        for owned in partitions
        if _is_readable(owned)
        for position in owned.positions.values()
        if not position.requeued
    }


class StreamReader:
    """Reads owned partitions over one connection: all of them, or, on a cluster, a single one.

    A read changes nothing in Redis, so it may be ended or repeated at any time.
    """

    def __init__(
        self,
        connection: RedisConnection,
        control: Callable[[], RedisConnection],
        group: str,
        dispatcher: Dispatcher,
        owned: Callable[[], list[OwnedPartition]],
        *,
        most_bytes: int = READ_BYTES,
    ) -> None:
        self._most_bytes = most_bytes
        self._entry_bytes = 0.0
        self._connection = connection
        self._control = control
        self._group = group
        self._dispatcher = dispatcher
        self._owned = owned
        self._changed = asyncio.Event()
        self._changed.set()
        self._positions_to_read: dict[bytes, ReadPosition] = {}
        #: whether `_positions_to_read` has every owned partition
        self._all = False
        #: the partitions of which the last read has brought entries
        self._just_read: list[OwnedPartition] = []
        self._blocked = False
        self._may_unblock = True
        self._unblocking: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """Choose the streams to read again; a blocking read is ended for that."""
        self._changed.set()
        if self._blocked and self._may_unblock and (self._unblocking is None or self._unblocking.done()):
            self._unblocking = asyncio.get_running_loop().create_task(self._unblock())

    async def _unblock(self) -> None:
        """Ask the server to end the read, again and again: the read itself may not have reached it yet."""
        while self._blocked and self._changed.is_set():
            try:
                if not self._connection.client_id or await self._control().call(
                    "CLIENT", "UNBLOCK", self._connection.client_id
                ):
                    return
            except TransientError as error:
                if is_forbidden(str(error)):  # to this user: this read and all later ones end by their time-out
                    self._may_unblock = False
                    return
            except RedisError:
                pass  # the reader itself reports the outage; the next try may reach the server
            await asyncio.sleep(0.001)

    async def run(self) -> None:
        """Read until cancelled."""
        backoff, outage = Backoff(), Outage()
        while True:
            # the next read begins when everything of the last one was started: at most one read waits in memory
            await self._dispatcher.empty.wait()
            # partitions that brought nothing cannot have filled up, so only the others are asked again
            if not self._all or self._changed.is_set() or not all(map(_is_readable, self._just_read)):
                self._changed.clear()
                owned = self._owned()
                self._all = all(map(_is_readable, owned))
                self._positions_to_read = _positions_to_read(owned)
            if not self._positions_to_read:
                await self._changed.wait()
                continue
            try:
                await self._read(self._positions_to_read)
            except RedisError as error:
                if outage.should_log(error):
                    _LOG.warning("worker.read_failed", group=self._group, error=describe_error(error))
                await backoff.wait()
            else:
                if backoff.tries:
                    outage.reset()
                    backoff.reset()

    async def _read(self, to_read: dict[bytes, ReadPosition]) -> None:
        # COUNT is per stream: large entries of many streams at once would not fit into memory
        few = max(1, int(self._most_bytes / (self._entry_bytes or _ASSUMED_BYTES)) // len(to_read))
        count = min(_MOST, max(_LEAST, _READ // len(to_read)), few)
        before = self._connection.received if self._connection.connected else 0
        last: list[Argument] = [position.last for _, position in to_read.values()]

        def arrived(reply: Reply) -> None:
            """Start the entries in the connection's callback, not when this task has its turn: a caller is waiting."""
            self._blocked = False
            read = 0
            self._just_read = []
            for key, entries in reply or ():
                owned, position = to_read[key]
                read += len(entries)
                self._just_read.append(owned)
                if owned.ready:
                    self._dispatcher.add(owned, position, entries)
            if read:
                self._entry_bytes = max((self._connection.received - before) / read, self._entry_bytes * _DECAY)

        self._blocked = True
        try:
            await self._connection.call(
                "XREAD", "COUNT", count, "BLOCK", _BLOCK_MS, "STREAMS", *to_read, *last, arrived=arrived
            )
        finally:
            self._blocked = False

    async def close(self) -> None:
        """Close the connection."""
        if self._unblocking is not None:
            self._unblocking.cancel()
        await self._connection.close()
