"""Reading partitions and starting what was read, in order."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

import structlog
from redis.exceptions import RedisError

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.batch import start_batch
from orchestra.bus.consumer.definition import Consumer, Handler
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.consumer.position import GroupPosition
from orchestra.bus.redis.connection import Argument, RedisConnection, Reply, TransientError
from orchestra.bus.redis.refusal import Outage, describe_error, is_forbidden
from orchestra.bus.stream.entry import Raw
from orchestra.histogram import HANDLER_S

_LOG = structlog.get_logger("orchestra.bus")

#: bytes that what one engine reads at a time may have, as far as it can be told from what was read before
READ_BYTES = 4_000_000
_READ = 1600  # entries that one read brings, over all streams
_UNSEEN_BYTES = 30_000  # of an entry, before one was seen: a prompt with a long call behind it
_SMALLER = 0.8  # how fast larger entries than the last ones are forgotten, from one read to the next
_LEAST, _MOST = 10, 200  # and of one stream
_BLOCK_MS = 500
_SLICE_S = 0.002
_FEW = 8  # entries that are looked at as they arrive: most live events concern other groups

ReadPosition = tuple[OwnedPartition, GroupPosition]


class ReadChunk:
    """What one read brought of one stream: whoever drains it goes on where the last one stopped."""

    __slots__ = ("owned", "position", "rest")

    def __init__(self, owned: OwnedPartition, position: GroupPosition, entries: list[Raw]) -> None:
        self.owned = owned
        self.position = position
        self.rest: Iterator[Raw] = iter(entries)


class Dispatcher:
    """Starts entries in the order in which they were read; what does not wait is done on the way."""

    def __init__(self, consumer: Consumer, watch: Callable[[asyncio.Task[None]], None]) -> None:
        self.empty = asyncio.Event()
        self.empty.set()
        self._handlers = consumer.handlers
        self._any = consumer.entry_handler
        self._watch = watch
        self._pieces: deque[ReadChunk] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, owned: OwnedPartition, position: GroupPosition, entries: list[Raw]) -> None:
        """Entries of one stream, next in its order."""
        if self.empty.is_set() and len(entries) <= _FEW and self._concern_nobody(entries):
            position.last = entries[-1][0]
            position.read += len(entries)
            owned.committer.schedule_idle()
            return
        self._pieces.append(ReadChunk(owned, position, entries))
        if self.empty.is_set():
            self.empty.clear()
            self._start()

    def _concern_nobody(self, entries: list[Raw]) -> bool:
        return self._any is None and all(self.handler_of(values)[0] is None for _, values in entries)

    def handler_of(self, values: list[bytes]) -> tuple[Handler | None, bytes]:
        """Who handles an entry, and the entry's call."""
        if values and values[0] == b"type" and values[2] == b"call":
            return self._any or self._handlers.get(values[1]), values[3]
        fields = dict(zip(values[::2], values[1::2], strict=False)) if values else {}
        return self._any or self._handlers.get(fields.get(b"type", b"")), fields.get(b"call", b"")

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._watch)

    async def _run(self) -> None:
        """The task in which a handler waits becomes that handler's own, and another one drains on.

        So a handler runs in one task from its first step to its last, as asyncio's timeouts and task groups ask for,
        and one that does not wait costs no task.
        """
        clock, handlers, any_handler = asyncio.get_running_loop().time, self._handlers, self._any
        before = clock()
        until = before + _SLICE_S
        while self._pieces:
            piece = self._pieces[0]
            owned, position = piece.owned, piece.position
            owned.committer.pause(until)
            if any_handler is not None and any_handler.batch is not None and owned.ready:
                start_batch(owned, position, list(piece.rest), any_handler)
            for raw in piece.rest:
                if not owned.ready:
                    break
                position.last = raw[0]
                position.read += 1
                values = raw[1]
                if any_handler is None and values and values[0] == b"type" and values[2] == b"call":
                    handler, call = handlers.get(values[1]), values[3]  # `handler_of`, written out for speed
                else:
                    handler, call = self.handler_of(values)
                if handler is None:
                    continue
                waiting = owned.take(position, raw, handler, call)
                if waiting is not None:
                    self._start()
                    owned.committer.resume()
                    await owned.run_to_completion(*waiting)
                    return
                now = clock()
                took, before = now - before, now
                durations = handler.durations
                if took <= HANDLER_S[0]:  # `observe`, written out for speed
                    durations.counts[0] += 1
                    durations.sum += took
                else:
                    durations.observe(took)
                if now > until:
                    owned.committer.resume()
                    await asyncio.sleep(0)  # renewals, commits and running handlers get their turn
                    before = clock()
                    until = before + _SLICE_S
                    owned.committer.pause(until)
            self._pieces.popleft()
            owned.committer.resume()
        self.empty.set()


def _is_readable(owned: OwnedPartition) -> bool:
    return owned.ready and not owned.at_capacity()


def _positions_to_read(partitions: list[OwnedPartition]) -> dict[bytes, ReadPosition]:
    """What to read: ready partitions that are not full of unfinished work."""
    return {
        position.key_bytes: (owned, position)
        for owned in partitions
        if _is_readable(owned)
        for position in owned.positions.values()
        if not position.requeued
    }


class StreamReader:
    """Reads some of the owned partitions over one connection; on a cluster every partition has a reader of its own.

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
        self._all = False  # nothing of what is owned is left out of them
        self._taken: list[OwnedPartition] = []  # from which the last read has brought something
        self._blocked = False
        self._may_unblock = True
        self._unblocking: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """What is to be read has changed: end the blocking read."""
        self._changed.set()
        if self._blocked and self._may_unblock and (self._unblocking is None or self._unblocking.done()):
            self._unblocking = asyncio.get_running_loop().create_task(self._unblock())

    async def _unblock(self) -> None:
        """Until the read has ended: it may not have reached the server yet."""
        while self._blocked and self._changed.is_set():
            try:
                if not self._connection.client_id or await self._control().call(
                    "CLIENT", "UNBLOCK", self._connection.client_id
                ):
                    return
            except TransientError as error:  # this user may not: the read ends in its own time, as all later ones do
                if is_forbidden(str(error)):
                    self._may_unblock = False
                    return
            except RedisError:
                pass  # the reader itself reports the outage; the next try may find the server back
            await asyncio.sleep(0.001)

    async def run(self) -> None:
        """Read until cancelled."""
        backoff, outage = Backoff(), Outage()
        while True:
            await self._dispatcher.empty.wait()
            if not self._all or self._changed.is_set() or not all(map(_is_readable, self._taken)):
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
                if outage.is_news(error):
                    _LOG.warning("worker.read_failed", group=self._group, error=describe_error(error))
                await backoff.wait()
            else:
                if backoff.tries:
                    outage.over()
                    backoff.reset()

    async def _read(self, to_read: dict[bytes, ReadPosition]) -> None:
        few = max(1, int(self._most_bytes / (self._entry_bytes or _UNSEEN_BYTES)) // len(to_read))
        count = min(_MOST, max(_LEAST, _READ // len(to_read)), few)
        before = self._connection.received if self._connection.connected else 0
        last: list[Argument] = [position.last for _, position in to_read.values()]

        def arrived(reply: Reply) -> None:  # at once, and not only when this task has its turn: a caller is waiting
            self._blocked = False
            read = 0
            self._taken = []
            for key, entries in reply or ():
                owned, position = to_read[key]
                read += len(entries)
                self._taken.append(owned)
                if owned.ready:
                    self._dispatcher.add(owned, position, entries)
            if read:
                self._entry_bytes = max((self._connection.received - before) / read, self._entry_bytes * _SMALLER)

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
