"""The engine that runs one consumer: its partitions, its readers, its resources, and the errors that end it."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from orchestra.bus.consumer.definition import Consumer
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.consumer.position import REQUEUED
from orchestra.bus.consumer.reader import READ_BYTES, Dispatcher, StreamReader
from orchestra.bus.group.leases import Leases
from orchestra.bus.group.rebalancer import Rebalancer
from orchestra.bus.group.retention import run_retention

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus

_LOG = structlog.get_logger("orchestra.bus")


def worker_name() -> str:
    """A name that no other worker has: host, process, chance."""
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"


class ConsumerRuntime:
    """Runs one consumer in this process until it is stopped."""

    def __init__(self, consumer: Consumer, bus: "Bus", worker: str, *, lease_ms: int, grace_s: float) -> None:
        self.consumer = consumer
        self.bus = bus
        self.suspects = asyncio.Lock()
        self.dispatcher = Dispatcher(consumer, self.watch)
        self.rebalancer = Rebalancer(self, Leases(bus, consumer.name, worker, lease_ms), grace_s)
        self.missing = 0
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._readers = self._make_readers()

    def _make_readers(self) -> dict[int, StreamReader]:
        """The reader of every partition: one for all, or one each where they lie on different servers."""
        bus, owned = self.bus, self.rebalancer.owned
        if not bus.servers.divided:
            one = StreamReader(
                bus.new_connection(0),
                lambda: bus.connection(0),
                self.consumer.name,
                self.dispatcher,
                lambda: list(owned.values()),
            )
            return dict.fromkeys(range(bus.partitions), one)

        def reader(partition: int) -> StreamReader:
            def mine() -> list[OwnedPartition]:
                return [owned[partition]] if partition in owned else []

            connection = bus.new_connection(partition)
            most = READ_BYTES // bus.partitions
            return StreamReader(
                connection,
                lambda: bus.connection(partition),
                self.consumer.name,
                self.dispatcher,
                mine,
                most_bytes=most,
            )

        return {partition: reader(partition) for partition in range(bus.partitions)}

    async def run(self, stop: asyncio.Event) -> None:
        """Own, read and handle until ``stop`` is set; then hand everything over.

        Raises:
            Exception: whatever is wrong with the engine itself or its resources; a handler's errors never get here.

        """
        async with AsyncExitStack() as stack:
            if self.consumer.resources is not None:
                await stack.enter_async_context(self.consumer.resources(self.bus))
            rebalancer = asyncio.create_task(self.rebalancer.run())
            others = [asyncio.create_task(reader.run()) for reader in set(self._readers.values())]
            others.append(asyncio.create_task(self.bus.watch_releases(self.consumer.name, self.rebalancer.wake)))
            others.append(asyncio.create_task(run_retention(self)))
            stopped = asyncio.create_task(_until(stop))
            try:
                ends: list[asyncio.Future[None]] = [rebalancer, stopped, self._broken, *others]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if stopped.done() and not self._broken.done():
                    self.rebalancer.stop()
                    last: list[asyncio.Future[None]] = [rebalancer, self._broken]
                    await asyncio.wait(last, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await self._end([rebalancer, stopped, *others])
            for ended in (self._broken, rebalancer, *others):
                if ended.done() and not ended.cancelled() and (error := ended.exception()) is not None:
                    raise error

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.rebalancer.close()
        for reader in set(self._readers.values()):
            await reader.close()

    def own(self, partition: int, token: str) -> OwnedPartition:
        """A partition whose lease was just acquired."""
        return OwnedPartition(self.consumer, self.bus, partition, token, self)

    def refresh(self, partition: int) -> None:
        """What is to be read of a partition has changed."""
        self._readers[partition].refresh()

    async def take_requeued(self, owned: OwnedPartition) -> None:
        """Take the dead letters that were given back to the group."""
        position = owned.positions[REQUEUED]
        entries = await owned.connection().call("XRANGE", position.key, b"(" + position.last, "+", "COUNT", 100)
        if entries and owned.ready:
            self.dispatcher.add(owned, position, entries)

    def watch(self, task: asyncio.Task[None]) -> None:
        """An error that no handler made is ours: it ends the consumer, loudly, and not only a task of it."""
        if not task.cancelled() and (error := task.exception()) is not None and not self._broken.done():
            self._broken.set_exception(error)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def run_consumer(
    consumer: Consumer,
    bus: "Bus",
    *,
    worker: str | None = None,
    stop: asyncio.Event | None = None,
    ready: asyncio.Event | None = None,
    lease_ms: int | None = None,
    grace_s: float | None = None,
) -> None:
    """Run a consumer in this process until ``stop`` is set (or for ever), then hand its partitions over.

    Args:
        consumer: what to run.
        bus: the process's connections.
        worker: a name of its own among the group's workers; made up unless given.
        stop: ends it.
        ready: is set once this worker has taken its share of the partitions for the first time.
        lease_ms: how long after its last sign of life a worker loses its partitions; the setting unless given.
        grace_s: how long running handlers may still take after ``stop``, in seconds; then they stay pending. The
            consumer's own grace unless given.

    Raises:
        ConsumerError: the consumer has no handlers, or its group is another consumer's.

    """
    consumer.check()
    lease = bus.settings.lease_ms if lease_ms is None else lease_ms
    grace = consumer.grace_s if grace_s is None else grace_s
    runtime = ConsumerRuntime(consumer, bus, worker or worker_name(), lease_ms=lease, grace_s=grace)
    if ready is not None:
        runtime.rebalancer.ready = ready
    bus.runtimes.append(runtime)
    try:
        await runtime.run(stop or asyncio.Event())
    finally:
        bus.runtimes.remove(runtime)
