"""Reading partitions and starting what was read, in order."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

import structlog
from redis.exceptions import RedisError

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.batch import take_batch
from orchestra.bus.consumer.definition import Consumer, Handler
from orchestra.bus.consumer.partition import Owned
from orchestra.bus.consumer.position import Cursor
from orchestra.bus.redis.connection import Argument, Reply, TransientError, Wire
from orchestra.bus.redis.refusal import Outage, in_words, is_forbidden
from orchestra.bus.stream.entry import Raw

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

Place = tuple[Owned, Cursor]


class Piece:
    """What one read brought of one stream: whoever drains it goes on where the last one stopped."""

    __slots__ = ("cursor", "owned", "rest")

    def __init__(self, owned: Owned, cursor: Cursor, entries: list[Raw]) -> None:
        self.owned = owned
        self.cursor = cursor
        self.rest: Iterator[Raw] = iter(entries)


class Drain:
    """Starts entries in the order in which they were read; what does not wait is done on the way."""

    def __init__(self, consumer: Consumer, watch: Callable[[asyncio.Task[None]], None]) -> None:
        self.empty = asyncio.Event()
        self.empty.set()
        self._handlers = consumer.handlers
        self._any = consumer.entry_handler
        self._watch = watch
        self._pieces: deque[Piece] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, owned: Owned, cursor: Cursor, entries: list[Raw]) -> None:
        """Entries of one stream, next in its order."""
        if self.empty.is_set() and len(entries) <= _FEW and self._concern_nobody(entries):
            cursor.last = entries[-1][0]
            cursor.read += len(entries)
            owned.commits.later()
            return
        self._pieces.append(Piece(owned, cursor, entries))
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
            owned, cursor = piece.owned, piece.cursor
            owned.commits.hold(until)
            if any_handler is not None and any_handler.together is not None and owned.ready:
                take_batch(owned, cursor, list(piece.rest), any_handler)
            for raw in piece.rest:
                if not owned.ready:
                    break
                cursor.last = raw[0]
                cursor.read += 1
                values = raw[1]
                if any_handler is None and values and values[0] == b"type" and values[2] == b"call":
                    handler, call = handlers.get(values[1]), values[3]  # `handler_of`, written out for speed
                else:
                    handler, call = self.handler_of(values)
                if handler is None:
                    continue
                waiting = owned.take(cursor, raw, handler, call)
                if waiting is not None:
                    self._start()
                    owned.commits.let_go()
                    await owned.see_through(*waiting)
                    return
                now = clock()
                handler.seconds += now - before
                before = now
                if now > until:
                    owned.commits.let_go()
                    await asyncio.sleep(0)  # renewals, commits and running handlers get their turn
                    before = clock()
                    until = before + _SLICE_S
                    owned.commits.hold(until)
            self._pieces.popleft()
            owned.commits.let_go()
        self.empty.set()


def _is_readable(owned: Owned) -> bool:
    return owned.ready and not owned.is_full()


def _places(partitions: list[Owned]) -> dict[bytes, Place]:
    """What to read: ready partitions that are not full of unfinished work."""
    return {
        cursor.key_bytes: (owned, cursor)
        for owned in partitions
        if _is_readable(owned)
        for cursor in owned.cursors.values()
        if not cursor.requeued
    }


class Reader:
    """Reads some of the owned partitions over one connection; on a cluster every partition has a reader of its own.

    A read changes nothing in Redis, so it may be ended or repeated at any time.
    """

    def __init__(
        self,
        wire: Wire,
        control: Callable[[], Wire],
        group: str,
        drain: Drain,
        owned: Callable[[], list[Owned]],
        *,
        most_bytes: int = READ_BYTES,
    ) -> None:
        self._most_bytes = most_bytes
        self._entry_bytes = 0.0
        self._wire = wire
        self._control = control
        self._group = group
        self._drain = drain
        self._owned = owned
        self._changed = asyncio.Event()
        self._changed.set()
        self._places: dict[bytes, Place] = {}
        self._all = False  # nothing of what is owned is left out of them
        self._taken: list[Owned] = []  # from which the last read has brought something
        self._blocked = False
        self._may_unblock = True
        self._unblocking: asyncio.Task[None] | None = None

    def reread(self) -> None:
        """What is to be read has changed: end the blocking read."""
        self._changed.set()
        if self._blocked and self._may_unblock and (self._unblocking is None or self._unblocking.done()):
            self._unblocking = asyncio.get_running_loop().create_task(self._unblock())

    async def _unblock(self) -> None:
        """Until the read has ended: it may not have reached the server yet."""
        while self._blocked and self._changed.is_set():
            try:
                if not self._wire.client_id or await self._control().call("CLIENT", "UNBLOCK", self._wire.client_id):
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
            await self._drain.empty.wait()
            if not self._all or self._changed.is_set() or not all(map(_is_readable, self._taken)):
                self._changed.clear()
                owned = self._owned()
                self._all = all(map(_is_readable, owned))
                self._places = _places(owned)
            if not self._places:
                await self._changed.wait()
                continue
            try:
                await self._read(self._places)
            except RedisError as error:
                if outage.is_news(error):
                    _LOG.warning("worker.read_failed", group=self._group, error=in_words(error))
                await backoff.wait()
            else:
                if backoff.tries:
                    outage.over()
                    backoff.reset()

    async def _read(self, places: dict[bytes, Place]) -> None:
        few = max(1, int(self._most_bytes / (self._entry_bytes or _UNSEEN_BYTES)) // len(places))
        count = min(_MOST, max(_LEAST, _READ // len(places)), few)
        before = self._wire.received if self._wire.connected else 0
        last: list[Argument] = [cursor.last for _, cursor in places.values()]

        def arrived(reply: Reply) -> None:  # at once, and not only when this task has its turn: a caller is waiting
            self._blocked = False
            read = 0
            self._taken = []
            for key, entries in reply or ():
                owned, cursor = places[key]
                read += len(entries)
                self._taken.append(owned)
                if owned.ready:
                    self._drain.add(owned, cursor, entries)
            if read:
                self._entry_bytes = max((self._wire.received - before) / read, self._entry_bytes * _SMALLER)

        self._blocked = True
        try:
            await self._wire.call(
                "XREAD", "COUNT", count, "BLOCK", _BLOCK_MS, "STREAMS", *places, *last, arrived=arrived
            )
        finally:
            self._blocked = False

    async def close(self) -> None:
        """Close the connection."""
        if self._unblocking is not None:
            self._unblocking.cancel()
        await self._wire.close()
