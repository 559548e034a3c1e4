"""The engine that runs one consumer: it owns partitions, reads them, starts handlers in order and commits what they did."""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer import Consumer, Handler
from orchestra.bus.entry import Raw
from orchestra.bus.leases import Leases, quota
from orchestra.bus.owned import Cursor, Owned
from orchestra.bus.takeover import take_over
from orchestra.bus.wire import Argument, Wire
from orchestra.bus.work import Work

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus

_LOG = structlog.get_logger("orchestra.bus")

_READ = 1600  # entries a read brings, over all partitions
_BLOCK_MS = 500
_LOAD = 1000  # unfinished entries of a partition beyond which no more are read
_SLICE_S = 0.002
_BEAT_S = 0.2


def worker_name() -> str:
    """A name that no other worker has: host, process, chance."""
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"


class Piece:
    """What one read brought of one stream: whoever drains it goes on where the last one stopped."""

    __slots__ = ("cursor", "owned", "rest")

    def __init__(self, owned: Owned, cursor: Cursor, entries: list[Raw]) -> None:
        self.owned = owned
        self.cursor = cursor
        self.rest: Iterator[Raw] = iter(entries)


class Engine:
    """Runs one consumer in this process until it is stopped."""

    def __init__(self, consumer: Consumer, bus: "Bus", worker: str, *, lease_ms: int, grace_s: float) -> None:
        self.consumer = consumer
        self.bus = bus
        self.owned: dict[int, Owned] = {}
        self.suspects = asyncio.Lock()
        self._leases = Leases(bus, consumer.name, worker, lease_ms)
        self._grace_s = grace_s
        self._handlers = consumer.handlers
        self._any = consumer.entry_handler
        self._todo: deque[Piece] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self._reader: Wire = bus.new_wire()
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._taking: dict[int, asyncio.Task[None]] = {}
        self._stopping = False
        self.ready = asyncio.Event()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- life

    async def run(self, stop: asyncio.Event) -> None:
        """Own, read and handle until ``stop`` is set; then hand everything over."""
        async with AsyncExitStack() as stack:
            if self.consumer.resources is not None:
                await stack.enter_async_context(self.consumer.resources(self.bus))
            tasks = [
                asyncio.create_task(self._keep_leases()),
                asyncio.create_task(self._read()),
                asyncio.create_task(self.bus.watch_handover(self.consumer.name, self._wake)),
                asyncio.create_task(stop.wait()),
            ]
            try:
                await asyncio.wait([*tasks, self._broken], return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._stopping = True
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._hand_over_all()
                await self._reader.close()
            for ended in (self._broken, *tasks):
                if ended.done() and not ended.cancelled() and (error := ended.exception()) is not None:
                    raise error

    async def _hand_over_all(self) -> None:
        for task in self._taking.values():
            task.cancel()
        await asyncio.gather(*self._taking.values(), return_exceptions=True)
        try:
            await self._leases.leave()
            await asyncio.gather(*(self._release(owned) for owned in list(self.owned.values())))
        except RedisError as error:  # the leases end by themselves
            _LOG.warning("worker.left_without_release", group=self.consumer.name, error=str(error))
        for owned in list(self.owned.values()):
            await self._forget(owned)

    # -- leases

    async def _keep_leases(self) -> None:
        backoff, renewed = Backoff(0.05), 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                members = await self._leases.members()
                if loop.time() - renewed >= self._leases.lease_ms / 3000:
                    for partition in await self._leases.renew(
                        {p: o.token for p, o in self.owned.items() if not o.closing}
                    ):
                        if partition in self.owned:
                            await self._lost(self.owned[partition])
                    renewed = loop.time()
                await self._share(quota(members, self._leases.worker, self.bus.partitions))
                backoff.reset()
            except RedisError as error:
                if backoff.tries == 0:
                    _LOG.warning("worker.redis_away", group=self.consumer.name, error=str(error))
                await backoff.wait()
                continue
            try:
                async with asyncio.timeout(min(_BEAT_S, self._leases.lease_ms / 8000)):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _share(self, share: int) -> None:
        for owned in [o for o in self.owned.values() if not o.closing][share:]:
            await self._release(owned)
        missing = share - len(self.owned)
        if missing <= 0:
            if not self._taking:
                self.ready.set()
            return
        for partition in self._free_first():
            taken = await self._leases.acquire(partition)
            if taken is None:
                continue
            token, vanished = taken
            owned = self.owned[partition] = Owned(self.consumer, self.bus, partition, token, self._watch)
            owned.commits.lost.add_done_callback(lambda _, owned=owned: self._fenced(owned))
            self._taking[partition] = asyncio.create_task(self._take(owned, vanished=vanished))
            self._taking[partition].add_done_callback(self._watch)
            missing -= 1
            if missing == 0:
                return

    def _free_first(self) -> list[int]:
        """The partitions that are not ours, in an order of our own, so that workers do not race for the same one."""
        others = [partition for partition in range(self.bus.partitions) if partition not in self.owned]
        start = hash(self._leases.worker) % max(1, len(others))
        return others[start:] + others[:start]

    async def _take(self, owned: Owned, *, vanished: bool) -> None:
        backoff = Backoff()
        while not owned.commits.lost.done():
            try:
                await take_over(self, owned, vanished=vanished)
            except RedisError as error:
                _LOG.warning(
                    "partition.take_over_waits", group=self.consumer.name, partition=owned.partition, error=str(error)
                )
                await backoff.wait()
            else:
                break
        self._taking.pop(owned.partition, None)
        if not owned.commits.lost.done():
            owned.ready = True
            if not self._taking:
                self._wake.set()
            _LOG.debug("partition.owned", group=self.consumer.name, partition=owned.partition, token=owned.token)
            self.reread()

    async def _release(self, owned: Owned) -> None:
        """Hand a partition over: what runs may end within the grace, the rest stays pending for the next owner."""
        owned.closing = True
        owned.ready = False
        taking = self._taking.pop(owned.partition, None)
        if taking is not None:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
        if owned.running:
            await asyncio.wait(list(owned.running), timeout=self._grace_s)
        await owned.cancel()
        try:
            await owned.commits.flush()
            await self._leases.release(owned.partition, owned.token)
        except RedisError:
            raise
        finally:
            await self._forget(owned)

    def _fenced(self, owned: Owned) -> None:
        if self.owned.get(owned.partition) is owned and not owned.closing:
            self._changed.set()
            self._wake.set()
            task = asyncio.get_running_loop().create_task(self._lost(owned))
            owned.running[task] = None

    async def _lost(self, owned: Owned) -> None:
        _LOG.warning("partition.lost", group=self.consumer.name, partition=owned.partition, token=owned.token)
        await self._forget(owned)

    async def _forget(self, owned: Owned) -> None:
        if self.owned.get(owned.partition) is owned:
            del self.owned[owned.partition]
        taking = self._taking.pop(owned.partition, None)
        if taking is not None and taking is not asyncio.current_task():
            taking.cancel()
        owned.commits.abandon()
        await owned.cancel()

    # -- reading

    def reread(self) -> None:
        """What is to be read has changed: end the blocking read."""
        self._changed.set()
        if self._reader.connected:
            self.bus.unblock(self._reader)

    async def _read(self) -> None:
        backoff = Backoff()
        while True:
            await self._drained.wait()
            self._changed.clear()
            wanted = {
                cursor.key.encode(): (owned, cursor)
                for owned in self.owned.values()
                if owned.ready and owned.load < _LOAD
                for cursor in owned.cursors.values()
                if not cursor.requeued
            }
            if not wanted:
                await self._wait_for_change()
                continue
            count = min(200, max(20, _READ // len(wanted)))
            last: list[Argument] = [cursor.last for _, cursor in wanted.values()]
            try:
                reply = await self._reader.call("XREAD", "COUNT", count, "BLOCK", _BLOCK_MS, "STREAMS", *wanted, *last)
            except RedisError as error:
                if backoff.tries == 0:
                    _LOG.warning("worker.read_failed", group=self.consumer.name, error=str(error))
                await backoff.wait()
                continue
            backoff.reset()
            for key, entries in reply or ():
                owned, cursor = wanted[key]
                if owned.ready:
                    self._todo.append(Piece(owned, cursor, entries))
            if self._todo:
                self._drained.clear()
                self._start_draining()

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(_BLOCK_MS / 1000):
                await self._changed.wait()
        except TimeoutError:
            return

    # -- handling

    def _start_draining(self) -> None:
        self._draining = asyncio.create_task(self._drain())
        self._draining.add_done_callback(self._watch)

    def _watch(self, task: asyncio.Task[None]) -> None:
        """An error that no handler made is ours: it ends the consumer, loudly, and not only a task of it."""
        if not task.cancelled() and (error := task.exception()) is not None and not self._broken.done():
            self._broken.set_exception(error)

    async def _drain(self) -> None:
        """Start what was read, in order. The task in which a handler waits becomes that handler's; another drains on."""
        clock = asyncio.get_running_loop().time
        until = clock() + _SLICE_S
        while self._todo:
            piece = self._todo[0]
            owned, cursor = piece.owned, piece.cursor
            owned.commits.hold(until)
            for raw in piece.rest:
                if not owned.ready:
                    break
                cursor.last = raw[0]
                cursor.read += 1
                handler, call = self.handler_of(raw[1])
                if handler is None:
                    continue
                waiting = owned.take(cursor, raw, handler, call)
                if waiting is not None:
                    self._start_draining()
                    owned.commits.let_go()
                    await owned.see_through(*waiting)
                    return
                if clock() > until:
                    owned.commits.let_go()
                    await asyncio.sleep(0)  # renewals, commits and running handlers get their turn
                    until = clock() + _SLICE_S
                    owned.commits.hold(until)
            self._todo.popleft()
            owned.commits.let_go()
        self._drained.set()

    def handler_of(self, values: list[bytes]) -> tuple[Handler | None, bytes]:
        """Who handles an entry, and the entry's call."""
        if values and values[0] == b"type" and values[2] == b"call":
            return self._any or self._handlers.get(values[1]), values[3]
        fields = dict(zip(values[::2], values[1::2], strict=False)) if values else {}
        return self._any or self._handlers.get(fields.get(b"type", b"")), fields.get(b"call", b"")


async def run_consumer(
    consumer: Consumer,
    bus: "Bus",
    *,
    worker: str | None = None,
    stop: asyncio.Event | None = None,
    lease_ms: int | None = None,
    grace_s: float = 1.0,
    ready: asyncio.Event | None = None,
) -> None:
    """Run a consumer in this process until ``stop`` is set (or for ever), then hand its partitions over.

    Args:
        consumer: what to run.
        bus: the process's connections.
        worker: a name of its own among the group's workers; made up unless given.
        stop: ends it.
        lease_ms: how long after its last sign of life a worker loses its partitions; the setting unless given.
        ready: is set once this worker has taken its share of the partitions for the first time.
        grace_s: how long running handlers may still take after ``stop``, in seconds; then they stay pending.

    """
    engine = Engine(
        consumer, bus, worker or worker_name(), lease_ms=lease_ms or bus.settings.lease_ms, grace_s=grace_s
    )  # fmt: skip
    if ready is not None:
        engine.ready = ready
    await engine.run(stop or asyncio.Event())
