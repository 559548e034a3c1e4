"""Runs one consumer: its partitions, its readers, its resources, and the errors that end it."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack

from orchestra.bus.bus import Bus
from orchestra.bus.consumer.definition import Consumer
from orchestra.bus.consumer.dispatcher import Dispatcher
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.consumer.position import REQUEUED
from orchestra.bus.consumer.reader import READ_BYTES, StreamReader
from orchestra.bus.group.leases import Leases
from orchestra.bus.group.membership import join
from orchestra.bus.group.rebalancer import Rebalancer
from orchestra.bus.group.recovery import PartitionRecovery
from orchestra.bus.group.stream_trimming import run_retention

_REQUEUED_AT_ONCE = 100


def worker_name() -> str:
    """A unique name: host, process, and a random part."""
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"


class ConsumerRuntime:
    """Runs one consumer in this process until it is stopped.

    Args:
        consumer: what to run.
        bus: the process's connections.
        worker: a unique name among the group's workers; generated unless given.
        lease_ms: how long after its last renewal a worker loses its partitions; the setting unless given.
        grace_s: how long running handlers may still take after a stop, in seconds; then they stay pending. The
            consumer's own grace unless given.

    Attributes:
        running: whether it is between the beginning and the end of `run`.
        missing: entries that were removed before the group had handled them.

    Raises:
        ConsumerError: the consumer has no handlers, or a name of the platform's.

    """

    def __init__(
        self,
        consumer: Consumer,
        bus: Bus,
        *,
        worker: str | None = None,
        lease_ms: int | None = None,
        grace_s: float | None = None,
    ) -> None:
        consumer.check()
        self.consumer = consumer
        self.bus = bus
        self.running = False
        self.missing = 0
        self.suspects = asyncio.Lock()
        self.dispatcher = Dispatcher(consumer, self.watch)
        self._leases = Leases(
            bus, consumer.name, worker or worker_name(), bus.settings.lease_ms if lease_ms is None else lease_ms
        )
        self.rebalancer = Rebalancer(
            self,
            self._leases,
            PartitionRecovery(self.dispatcher.handler_of),
            bus,
            consumer.grace_s if grace_s is None else grace_s,
        )
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: by place, each with the task that runs it
        self._readers: dict[int, tuple[StreamReader, asyncio.Task[None]]] = {}

    def _place(self, partition: int) -> int:
        return partition if self.bus.servers.divided else 0

    def _start_reader(self, place: int) -> None:
        """Start a reader: it is the only one, or that of one partition where they are on different servers."""
        bus, owned, divided = self.bus, self.rebalancer.owned, self.bus.servers.divided
        reader = StreamReader(
            bus.new_connection(place),
            lambda: bus.connection(place),
            self.consumer.name,
            self.dispatcher,
            lambda: [each for partition, each in owned.items() if self._place(partition) == place],
            most_bytes=READ_BYTES // bus.partitions if divided else READ_BYTES,
        )
        reading = asyncio.get_running_loop().create_task(reader.run())
        reading.add_done_callback(self.watch)
        self._readers[place] = reader, reading

    async def run(self, stop: asyncio.Event) -> None:
        """Own, read and handle until ``stop`` is set; then release everything.

        Raises:
            ConsumerError: the group is another consumer's.
            Exception: a fault of the run-time or of the consumer's resources; errors of handlers never get here.

        """
        self.running = True
        try:
            async with AsyncExitStack() as stack:
                if self.consumer.resources is not None:
                    await stack.enter_async_context(self.consumer.resources(self.bus))
                await self._run(stop)
        finally:
            self.running = False

    async def _run(self, stop: asyncio.Event) -> None:
        rebalancing = asyncio.create_task(self.rebalancer.run())
        others = [
            asyncio.create_task(self._leases.watch_releases(self.rebalancer.wake)),
            asyncio.create_task(run_retention(self.bus, self.rebalancer.owned.values)),
        ]
        stopped = asyncio.create_task(_until(stop))
        try:
            ends: list[asyncio.Future[None]] = [rebalancing, stopped, self._failed, *others]
            # any task that ends before the stop has failed
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if stopped.done() and not self._failed.done():
                self.rebalancer.stop()
                last: list[asyncio.Future[None]] = [rebalancing, self._failed]
                await asyncio.wait(last, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end([rebalancing, stopped, *others, *(reading for _, reading in self._readers.values())])
        for ended in (self._failed, rebalancing, *others):
            if ended.done() and not ended.cancelled() and (error := ended.exception()) is not None:
                raise error

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.rebalancer.close()
        for reader, _ in self._readers.values():
            await reader.close()

    # -- for the rebalancer and the partitions

    async def join_group(self) -> None:
        """Record that the group is the consumer's.

        Raises:
            ConsumerError: it is another consumer's.

        """
        await join(self.bus, self.consumer)

    def open_partition(self, partition: int, token: str) -> OwnedPartition:
        """A partition whose lease was just acquired."""
        if (place := self._place(partition)) not in self._readers:
            self._start_reader(place)
        return OwnedPartition(self.consumer, self.bus, partition, token, self)

    def refresh(self, partition: int) -> None:
        """Read from a partition from now on, or no longer."""
        self._readers[self._place(partition)][0].refresh()

    async def read_requeued(self, owned: OwnedPartition) -> None:
        """Handle the dead letters that were given back to the group."""
        position = owned.positions[REQUEUED]
        after = b"(" + position.last
        entries = await owned.connection().call("XRANGE", position.key, after, "+", "COUNT", _REQUEUED_AT_ONCE)
        if entries and owned.ready:
            self.dispatcher.add(owned, position, entries)

    def watch(self, task: asyncio.Task[None]) -> None:
        """End the consumer with the error of a task. Errors of handlers are caught before, so it is a fault of ours."""
        if not task.cancelled() and (error := task.exception()) is not None and not self._failed.done():
            self._failed.set_exception(error)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def run_consumer(
    consumer: Consumer,
    bus: Bus,
    *,
    worker: str | None = None,
    stop: asyncio.Event | None = None,
    ready: asyncio.Event | None = None,
    lease_ms: int | None = None,
    grace_s: float | None = None,
) -> None:
    """Run a consumer in this process until ``stop`` is set (or for ever), then release its partitions.

    ``ready`` is set once this worker has its share of the partitions for the first time; the rest is as in
    `ConsumerRuntime`.

    Raises:
        ConsumerError: the consumer has no handlers, or its group is another consumer's.

    """
    runtime = ConsumerRuntime(consumer, bus, worker=worker, lease_ms=lease_ms, grace_s=grace_s)
    if ready is not None:
        runtime.rebalancer.ready = ready
    await runtime.run(stop or asyncio.Event())
