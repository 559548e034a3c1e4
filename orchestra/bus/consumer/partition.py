"""A partition that this worker owns for a group: the order in which its entries run, and how far it may read ahead."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus.bus import Bus
from orchestra.bus.consumer.attempts import begin, resume_coroutine, run_attempts
from orchestra.bus.consumer.backpressure import InFlight
from orchestra.bus.consumer.committer import Committer
from orchestra.bus.consumer.definition import Consumer, Handler
from orchestra.bus.consumer.delivery import Delivery
from orchestra.bus.consumer.position import REQUEUED, GroupPosition
from orchestra.bus.consumer.writer import PartitionWriter
from orchestra.bus.redis.connection import RedisConnection
from orchestra.bus.stream.entry import Raw
from orchestra.errors import FencedError
from orchestra_schemas import DecodeError

#: number of deliveries from which on an entry is suspected of killing its worker
SUSPECT = 3

#: the part of a delivery's handling that waits
Rest = Coroutine[Any, Any, None]


class PartitionHost(Protocol):
    """What a partition needs of the run-time around it."""

    #: held while a suspect runs
    suspects: asyncio.Lock
    #: entries that were removed before the group had handled them
    missing: int

    def watch(self, task: asyncio.Task[None]) -> None:
        """Report an error of a task that has ended."""

    def refresh(self, partition: int) -> None:
        """Read from the partition again, or no longer."""


class OwnedPartition:
    """One partition under a lease.

    Attributes:
        ready: whether its entries are read and started: not while pending entries are recovered or it is released.
        in_flight: what is taken and not finished.
        call_queues: per call with a running handler, the entries that wait for it.
        running: the tasks of handlers that wait for something.
        positions: per stream, how far the group has read.

    """

    def __init__(self, consumer: Consumer, bus: Bus, partition: int, token: str, host: PartitionHost) -> None:
        self.consumer = consumer
        self.partition = partition
        self.token = token
        self.ready = False
        self.in_flight = InFlight(consumer.most_unfinished, consumer.most_bytes)
        self.call_queues: dict[bytes, deque[Delivery]] = {}
        self.running: dict[asyncio.Task[None], None] = {}
        self.positions = {
            stream: GroupPosition(partition, stream, consumer.name) for stream in (*consumer.streams, REQUEUED)
        }
        linger_s = (bus.settings.linger_ms if consumer.linger_ms is None else consumer.linger_ms) / 1000
        self._bus = bus
        self.committer = Committer(
            partition, consumer.name, token, self.connection, self.positions.values(), self.on_capacity, linger_s
        )
        self.writer = PartitionWriter(consumer, bus, partition, self.committer)
        self._host = host
        self._starved = False
        self._capacity = asyncio.Event()
        self._full = consumer.most_unfinished

    def connection(self) -> RedisConnection:
        """The connection to the server of this partition."""
        return self._bus.connection(self.partition)

    def at_capacity(self) -> bool:
        """Whether to read no more for now; the host is asked to read again when there is capacity."""
        self._starved = self.in_flight.full or self.committer.uncommitted() >= self._full
        return self._starved

    def on_capacity(self) -> None:
        """Something was finished or committed: read again if half of the capacity is free."""
        if self._starved and self.in_flight.low and self.committer.uncommitted() < self._full // 2:
            self._starved = False
            self._capacity.set()
            self._host.refresh(self.partition)

    async def wait_for_capacity(self) -> None:
        """Wait until more may be taken."""
        while self.at_capacity():
            self._capacity.clear()
            await self._capacity.wait()

    def notify_partition_listener(self, *, mine: bool) -> None:
        """Call the consumer's ``on_partition`` function, if it has one."""
        if self.consumer.partition_changed is not None:
            self.consumer.partition_changed(self.partition, mine)

    # -- starting

    def take(self, position: GroupPosition, raw: Raw, handler: Handler, call: bytes) -> tuple[Delivery, Rest] | None:
        """Start a new entry, or queue it after the running one of its call; what has to be awaited is returned.

        Most handlers of most events end without waiting. For those that need no context, nothing is allocated here: no
        `Delivery`, no task. The coroutine is driven by hand, and becomes part of a task only when it waits.
        """
        if call in self.call_queues:
            self.queue(Delivery(position, raw, handler, call))
            return None
        running = (
            handler.begin_fast(self.writer.opened(raw[1])) if handler.fast_path and not position.requeued else None
        )
        if running is None:
            delivery = Delivery(position, raw, handler, call)
            rest = self.start(delivery)
            return None if rest is None else (delivery, rest)
        try:
            first = running.send(None)
        except StopIteration as stop:
            if stop.value is not None:
                try:
                    self.writer.publish_first(raw[1], handler, stop.value)
                except (TypeError, ValueError) as error:
                    delivery = Delivery(position, raw, handler, call)
                    return delivery, self._unfinished(delivery, None, error)
            handler.handled += 1
            return None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            delivery = Delivery(position, raw, handler, call)
            return delivery, self._unfinished(delivery, None, error)
        delivery = Delivery(position, raw, handler, call)
        return delivery, self._unfinished(delivery, resume_coroutine(running, first), None)

    def start(self, delivery: Delivery) -> Rest | None:
        """Run the handler until it ends or waits; what has to be awaited is returned."""
        try:
            running = begin(delivery, self.writer)
        except DecodeError as error:
            self.writer.send_to_dead_letters(delivery, error)
            return None
        try:
            first = running.send(None)
        except StopIteration as stop:
            try:
                self.writer.finish(delivery, stop.value)
            except (TypeError, ValueError) as error:
                return self._unfinished(delivery, None, error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            return self._unfinished(delivery, None, error)
        return self._unfinished(delivery, resume_coroutine(running, first), None)

    async def count_and_start(self, delivery: Delivery) -> None:
        """Count this delivery in Redis before the handler runs, then bring it to its end.

        So an event that kills its worker is counted, too. Suspects run one at a time: what merely ran at the same time
        as a killer must not be counted with it again and again.
        """
        if delivery.attempt < SUSPECT:
            await self.writer.count(delivery)
            rest = self.start(delivery)
        else:
            async with self._host.suspects:
                await self.writer.count(delivery)
                rest = self.start(delivery)
                if rest is not None:
                    await rest
                return
        if rest is not None:
            await rest

    def _unfinished(self, delivery: Delivery, running: Any, error: Exception | None) -> Rest:
        """Account for a delivery that could not be finished at once: pending in Redis with its count, and in flight."""
        delivery.deliveries = delivery.attempt
        self.committer.claim(delivery)
        self.in_flight.add(delivery.raw)
        return self.run_attempts(delivery, running, error)

    def run_attempts(self, delivery: Delivery, running: Any, error: Exception | None) -> Rest:
        """The attempts at a delivery that is in flight, see `run_attempts`."""
        return run_attempts(delivery, self.writer, running, error, self._on_end)

    # -- in tasks

    async def run_to_completion(self, delivery: Delivery, rest: Rest) -> None:
        """End this delivery, then what has been queued after it in its call; in a task of their own."""
        task = asyncio.current_task()
        assert task is not None
        self.running[task] = None
        try:
            if not delivery.handler.concurrent:
                self.call_queues.setdefault(delivery.call, deque())
            await rest
            if not delivery.handler.concurrent:
                await self._drain_call_queue(delivery.call)
        except FencedError:
            return  # another worker owns the partition, and finishes its deliveries
        finally:
            self.running.pop(task, None)

    async def _drain_call_queue(self, call: bytes) -> None:
        queue = self.call_queues[call]
        while queue:
            delivery = queue.popleft()
            self.in_flight.remove(delivery.raw)
            if delivery.handler.concurrent and not delivery.count_first:
                await self.start_in_task(delivery)
                continue
            rest = self.count_and_start(delivery) if delivery.count_first else self.start(delivery)
            if rest is None:
                continue
            if delivery.handler.concurrent:
                self.spawn(delivery, rest)
            else:
                await rest
        del self.call_queues[call]
        self.on_capacity()

    async def start_in_task(self, delivery: Delivery) -> None:
        """Run the handler in a task of its own from its first step on; returns when it has ended or waits."""
        begun = asyncio.get_running_loop().create_future()

        async def run() -> None:
            rest = self.start(delivery)
            begun.set_result(None)
            if rest is not None:
                await rest

        await asyncio.wait({self.spawn(delivery, run()), begun}, return_when=asyncio.FIRST_COMPLETED)

    def spawn(self, delivery: Delivery, rest: Rest) -> asyncio.Task[None]:
        """Bring a delivery to its end in a new task; ``rest`` has not begun yet."""
        if not delivery.handler.concurrent:
            self.call_queues.setdefault(delivery.call, deque())
        task = asyncio.get_running_loop().create_task(self.run_to_completion(delivery, rest))
        task.add_done_callback(self._host.watch)
        self.running[task] = None
        return task

    def queue(self, delivery: Delivery) -> None:
        """Queue after the running event of the call."""
        self.call_queues[delivery.call].append(delivery)
        self.in_flight.add(delivery.raw)
        if not delivery.pending:
            self.committer.claim(delivery)

    def _on_end(self, delivery: Delivery) -> None:
        self.in_flight.remove(delivery.raw)
        self.on_capacity()

    def count_missing(self, entries: int) -> None:
        """Count entries that were removed before the group had handled them."""
        self._host.missing += entries

    async def cancel(self) -> None:
        """Cancel every running handler until it ends; its entry stays pending."""
        tasks = [task for task in self.running if task is not asyncio.current_task()]
        await asyncio.gather(*(cancel_and_wait(task) for task in tasks), return_exceptions=True)
