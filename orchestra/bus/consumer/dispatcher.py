"""Starts entries in the order in which they were read."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from orchestra.bus.consumer.batch import start_batch
from orchestra.bus.consumer.definition import Consumer, Handler
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.consumer.position import GroupPosition
from orchestra.bus.stream.entry import Raw
from orchestra.histogram import HANDLER_S

#: how long entries are started without letting the event loop run anything else, seconds
_SLICE_S = 0.002
_FEW = 8


class ReadChunk:
    """The entries of one stream that one read brought; a task goes on where the one before it stopped."""

    __slots__ = ("owned", "position", "rest")

    def __init__(self, owned: OwnedPartition, position: GroupPosition, entries: list[Raw]) -> None:
        self.owned = owned
        self.position = position
        self.rest: Iterator[Raw] = iter(entries)


class Dispatcher:
    """Starts the entries that were read, one after another. Handlers that do not wait run to their end here.

    Attributes:
        empty: set while there is nothing to start.

    """

    def __init__(self, consumer: Consumer, watch: Callable[[asyncio.Task[None]], None]) -> None:
        self.empty = asyncio.Event()
        self.empty.set()
        self._handlers = consumer.handlers
        self._entry_handler = consumer.entry_handler
        self._watch = watch
        self._chunks: deque[ReadChunk] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, owned: OwnedPartition, position: GroupPosition, entries: list[Raw]) -> None:
        """Start the next entries of a stream."""
        # most live events are for other groups: to skip a few of them takes no task
        if self.empty.is_set() and len(entries) <= _FEW and self._has_no_handler(entries):
            position.last = entries[-1][0]
            position.read += len(entries)
            owned.committer.schedule_idle()
            return
        self._chunks.append(ReadChunk(owned, position, entries))
        if self.empty.is_set():
            self.empty.clear()
            self._start()

    def _has_no_handler(self, entries: list[Raw]) -> bool:
        return self._entry_handler is None and all(self.handler_of(values)[0] is None for _, values in entries)

    def handler_of(self, values: list[bytes]) -> tuple[Handler | None, bytes]:
        """The handler of an entry, None if there is none, and the entry's call."""
        if values and values[0] == b"type" and values[2] == b"call":
            return self._entry_handler or self._handlers.get(values[1]), values[3]
        fields = dict(zip(values[::2], values[1::2], strict=False)) if values else {}
        return self._entry_handler or self._handlers.get(fields.get(b"type", b"")), fields.get(b"call", b"")

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._watch)

    async def _run(self) -> None:
        """Start entries until there are no more.

        When a handler waits, this task becomes the handler's, and a new one starts the entries after it. So a handler
        runs in one task from its first step to its last, as asyncio's time-outs and task groups require, and a handler
        that does not wait costs no task.
        """
        clock, handlers, entry_handler = asyncio.get_running_loop().time, self._handlers, self._entry_handler
        before = clock()
        until, quick_s = before + _SLICE_S, HANDLER_S[0]
        while self._chunks:
            chunk = self._chunks[0]
            owned, position = chunk.owned, chunk.position
            owned.committer.pause(until)  # one commit for a whole slice, not one for each event
            if entry_handler is not None and entry_handler.batch is not None and owned.ready:
                start_batch(owned, position, list(chunk.rest), entry_handler)
            for raw in chunk.rest:
                if not owned.ready:
                    break
                position.last = raw[0]
                position.read += 1
                values = raw[1]
                if entry_handler is None and values and values[0] == b"type" and values[2] == b"call":
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
                handler.seconds += took
                if took > quick_s:  # all others are known by their number: see `Handler.durations`
                    handler.measured.observe(took)
                if now > until:
                    owned.committer.resume()
                    await asyncio.sleep(0)  # lease renewals, commits and waiting handlers must not be delayed
                    before = clock()
                    until = before + _SLICE_S
                    owned.committer.pause(until)
            self._chunks.popleft()
            owned.committer.resume()
        self.empty.set()
