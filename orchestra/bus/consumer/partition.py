"""A partition that this worker owns for a group: what is taken, in which order it runs, how it ends."""

import asyncio
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from redis.exceptions import ConnectionError as LostConnectionError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.backpressure import InFlight
from orchestra.bus.consumer.committer import Committer
from orchestra.bus.consumer.definition import Consumer, Handler, Published
from orchestra.bus.consumer.delivery import Delivery, Rest, resume_coroutine, run_attempts
from orchestra.bus.consumer.position import REQUEUED, GroupPosition
from orchestra.bus.redis.connection import Argument, RedisConnection, Reply
from orchestra.bus.stream.encode import EncodedEvent, encode_event, fill_header
from orchestra.bus.stream.entry import Raw, read_entry, text
from orchestra.errors import FencedError
from orchestra.mask import without_secrets
from orchestra.tasks import ended
from orchestra_schemas import DecodeError, Event

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus

_LOG = structlog.get_logger("orchestra.bus")
#: deliveries from which on an entry is suspected of killing its worker
SUSPECT = 3


class PartitionHost(Protocol):
    """What an owned partition needs of the engine around it."""

    suspects: asyncio.Lock
    missing: int

    def watch(self, task: asyncio.Task[None]) -> None:
        """A task of ours has ended; its error, if any, is the engine's."""

    def refresh(self, partition: int) -> None:
        """The partition can take more."""


class OwnedPartition:
    """One partition under a lease."""

    def __init__(self, consumer: Consumer, bus: "Bus", partition: int, token: str, host: PartitionHost) -> None:
        self.consumer = consumer
        self.bus = bus
        self.partition = partition
        self.token = token
        self.ready = False
        self.in_flight = InFlight(consumer.most_unfinished, consumer.most_bytes)
        self.call_queues: dict[bytes, deque[Delivery]] = {}
        self.running: dict[asyncio.Task[None], None] = {}
        self.positions = {
            stream: GroupPosition(partition, stream, consumer.name) for stream in (*consumer.streams, REQUEUED)
        }
        self._linger_s = (bus.settings.linger_ms if consumer.linger_ms is None else consumer.linger_ms) / 1000
        self.committer = Committer(
            partition, consumer.name, token, self.connection, self.positions.values(), self.on_capacity, self._linger_s
        )
        self.clock: Callable[[], float] = asyncio.get_running_loop().time
        self._host = host
        self._starved = False
        self._room = asyncio.Event()
        self._prefix = f"{partition:02d}-"
        self._group = consumer.name
        self._full = consumer.most_unfinished

    def connection(self) -> RedisConnection:
        """The connection to the server of this partition."""
        return self.bus.connection(self.partition)

    def at_capacity(self) -> bool:
        """Whether to read no more for now; the host is told when there is room again."""
        self._starved = self.in_flight.full or self.committer.uncommitted() >= self._full
        return self._starved

    def on_capacity(self) -> None:
        """Something was finished or committed."""
        if self._starved and self.in_flight.low and self.committer.uncommitted() < self._full // 2:
            self._starved = False
            self._room.set()
            self._host.refresh(self.partition)

    async def wait_for_capacity(self) -> None:
        """Wait until more may be taken."""
        while self.at_capacity():
            self._room.clear()
            await self._room.wait()

    def notify_partition_listener(self, *, mine: bool) -> None:
        """Tell the consumer, if it wants to know, that the partition is its own now, or is so no longer."""
        if self.consumer.partition_changed is not None:
            self.consumer.partition_changed(self.partition, mine)

    # -- running

    def take(self, position: GroupPosition, raw: Raw, handler: Handler, call: bytes) -> tuple[Delivery, Rest] | None:
        """Start a new entry, or put it behind its call's running one. What is left to be awaited is returned.

        A handler that takes nothing but its event, does not wait and publishes nothing costs no object of ours.
        """
        if call in self.call_queues:
            self.queue(Delivery(self, position, raw, handler, call))
            return None
        running = handler.begin_fast(raw[1]) if handler.fast_path and not position.requeued else None
        if running is None:
            delivery = Delivery(self, position, raw, handler, call)
            rest = self.start(delivery)
            return None if rest is None else (delivery, rest)
        try:
            first = running.send(None)
        except StopIteration as stop:
            try:
                self._publish_first(raw[1], handler, stop.value)
            except (TypeError, ValueError) as error:
                delivery = Delivery(self, position, raw, handler, call)
                return delivery, self._unfinished(delivery, None, error)
            handler.handled += 1
            return None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            delivery = Delivery(self, position, raw, handler, call)
            return delivery, self._unfinished(delivery, None, error)
        delivery = Delivery(self, position, raw, handler, call)
        return delivery, self._unfinished(delivery, resume_coroutine(running, first), None)

    def start(self, delivery: Delivery) -> Rest | None:
        """Run the handler until it ends or waits; what is left to be awaited is returned."""
        try:
            running = delivery.begin()
        except DecodeError as error:
            self.send_to_dead_letters(delivery, error)
            return None
        try:
            first = running.send(None)
        except StopIteration as stop:
            try:
                self.finish(delivery, stop.value)
            except (TypeError, ValueError) as error:
                return self._unfinished(delivery, None, error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            return self._unfinished(delivery, None, error)
        return self._unfinished(delivery, resume_coroutine(running, first), None)

    async def count_and_start(self, delivery: Delivery) -> None:
        """Count this delivery in Redis before the handler runs; see the work through."""
        if delivery.attempt < SUSPECT:
            await self.count(delivery)
            rest = self.start(delivery)
        else:  # suspects run one at a time, so that what merely ran beside a killer is not counted again and again
            async with self._host.suspects:
                await self.count(delivery)
                rest = self.start(delivery)
                if rest is not None:
                    await rest
                return
        if rest is not None:
            await rest

    async def count(self, delivery: Delivery) -> None:
        """Pending in Redis, with this delivery counted.

        Raises:
            FencedError: the partition is another's now.

        """
        delivery.deliveries = delivery.attempt
        self.committer.claim(delivery)
        await self.committer.flush()

    def _unfinished(self, delivery: Delivery, going: Any, error: Exception | None) -> Rest:
        delivery.deliveries = delivery.attempt
        self.committer.claim(delivery)
        self.in_flight.add(delivery.raw)
        return run_attempts(delivery, going, error)

    async def run_to_completion(self, delivery: Delivery, rest: Rest) -> None:
        """In a task of its own: end this work, then what waited behind it in its call."""
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
            return  # the partition is another's, and so is its work
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
        """Run the handler in a task of its own, from its first step on; returns when it has ended or waits."""
        begun = asyncio.get_running_loop().create_future()

        async def run() -> None:
            rest = self.start(delivery)
            begun.set_result(None)
            if rest is not None:
                await rest

        await asyncio.wait({self.spawn(delivery, run()), begun}, return_when=asyncio.FIRST_COMPLETED)

    def spawn(self, delivery: Delivery, rest: Rest) -> asyncio.Task[None]:
        """See work through in a new task; ``rest`` has not begun yet."""
        if not delivery.handler.concurrent:
            self.call_queues.setdefault(delivery.call, deque())
        task = asyncio.get_running_loop().create_task(self.run_to_completion(delivery, rest))
        task.add_done_callback(self._host.watch)
        self.running[task] = None
        return task

    def queue(self, delivery: Delivery) -> None:
        """Behind the call's running event."""
        self.call_queues[delivery.call].append(delivery)
        self.in_flight.add(delivery.raw)
        if not delivery.pending:
            self.committer.claim(delivery)

    def count_missing(self, entries: int) -> None:
        """So many entries were removed before the group had handled them."""
        self._host.missing += entries

    def ended(self, delivery: Delivery) -> None:
        """Work that waited has ended."""
        self.in_flight.remove(delivery.raw)
        self.on_capacity()

    # -- how it ends

    def finish(self, delivery: Delivery, result: Published) -> None:
        """Publish what the handler returned, write its state and ack, in one commit.

        Raises:
            TypeError: it returned something that is no event.
            ValueError: an event belongs to a call of another partition.

        """
        urgent = result is not None
        if result is not None:
            self._publish(delivery, (result,) if isinstance(result, Event) else result)
        if delivery.operations:
            self._write_state(delivery)
            urgent = True
        delivery.handler.handled += 1
        self.committer.finish(delivery)
        if urgent:
            self.committer.after_linger()
        else:
            self.committer.schedule()

    def _publish_first(self, values: list[bytes], handler: Handler, result: Published) -> None:
        """Publish what the first attempt at an entry has returned at once: nothing of it can be there yet."""
        if result is None:
            return
        cause, committer = text(values[5]), self.committer
        if isinstance(result, Event) and result.call.startswith(self._prefix):  # one event: the usual case
            group = self._group
            with_header = fill_header(
                result, f"{cause}.{group}.1", time.time(), group, cause, version=self.consumer.version
            )
            committer.publish(encode_event(with_header))
        else:
            events = (result,) if isinstance(result, Event) else result
            for encoded in self._encode(handler, cause, 0, events):
                committer.publish(encoded)
        if self._linger_s:
            committer.after_linger()
        else:
            committer.urgent = True  # the drain that called us lets go of the commits soon

    def _publish(self, delivery: Delivery, events: Iterable[Event]) -> None:
        cause = delivery.cause
        encoded = self._encode(delivery.handler, cause, delivery.published, events)
        for number, each in enumerate(encoded, delivery.published + 1):
            if delivery.may_repeat:
                self.committer.publish_unless_stored(each, cause, number)
            else:
                self.committer.publish(each)
        delivery.published += len(encoded)

    def _encode(self, handler: Handler, cause: str, number: int, events: Iterable[Event]) -> list[EncodedEvent]:
        encoded, at, group = [], time.time(), self._group
        for event in events:
            if not isinstance(event, Event):
                msg = f"{handler.name} published {event!r}, which is no event"
                raise TypeError(msg)
            if not event.call.startswith(self._prefix):
                msg = (
                    f"{handler.name} published an event of call {event.call!r} while it handled one of partition"
                    f" {self.partition}: what is published belongs to the same call"
                )
                raise ValueError(msg)
            number += 1
            with_header = fill_header(
                event, f"{cause}.{group}.{number}", at, group, cause, version=self.consumer.version
            )
            encoded.append(encode_event(with_header))
        return encoded

    def _write_state(self, delivery: Delivery) -> None:
        self.committer.state(self.state_key(delivery.call), delivery.operations)
        delivery.operations.clear()

    def send_to_dead_letters(self, delivery: Delivery, error: BaseException) -> None:
        """Move an event that cannot be handled to the group's dead letters, in the commit that acks it."""
        entry = read_entry(delivery.raw, self.partition, delivery.position.stream)
        _LOG.error(
            "event.dead", group=self.consumer.name, partition=self.partition, event_id=entry.id, type=entry.type,
            attempts=delivery.attempt, error=repr(error),
        )  # fmt: skip
        fields: list[Argument] = [
            "type", entry.type, "call", entry.call, "id", entry.id, "body", entry.body,
            "stream", entry.stream, "stream_id", entry.stream_id, "handler", delivery.handler.name,
            "attempts", delivery.attempt, "at", f"{time.time():.3f}",
            "error", without_secrets(repr(error)),
            "traceback", without_secrets("".join(traceback.format_exception(error)))[-8000:],
        ]  # fmt: skip
        if entry.audio is not None:
            fields += ["audio", entry.audio]
        delivery.handler.dead += 1
        delivery.may_repeat = True  # whatever it published was counted, and is forgotten with the ack
        self.committer.dead(delivery.cause, fields)
        self.committer.finish(delivery)
        self.committer.schedule()

    # -- for the context

    def state_key(self, call: bytes) -> str:
        """The key of the group's state of a call."""
        return keys.key(self.partition, self.consumer.state, text(call))

    async def read_state(self, call: bytes, command: str, *args: str) -> Reply:
        """Read the state of a call, after all that was written to it before."""
        key = self.state_key(call)
        if self.committer.writes(key):
            await self.committer.flush()
        return await self._ask(command, key, *args)

    async def wait_for_server(self) -> None:
        """Wait for a server that is away, and until it has all that was to be committed.

        Raises:
            FencedError: the partition is another's now.

        """
        await self._ask("PING")
        await self.committer.flush()

    async def _ask(self, *command: Argument) -> Reply:
        """Read something, waiting for a server that is away: that is not the handler's fault."""
        backoff = Backoff()
        while True:
            try:
                return await self.connection().call(*command)
            except LostConnectionError as error:
                self.connection().log_refusal(error, group=self._group)
                if self.committer.lost.done():
                    msg = f"the lease {self.token} is lost"
                    raise FencedError(msg) from None
                await backoff.wait()

    def publish_now(self, delivery: Delivery, events: Iterable[Event]) -> asyncio.Future[None]:
        """Publish under the lease, before the ack; the future ends when it is stored."""
        delivery.may_repeat = True
        delivery.deliveries = delivery.attempt
        self._publish(delivery, events)
        if delivery.operations:
            self._write_state(delivery)
        self.committer.claim(delivery)
        return self.committer.flush()

    async def published_by(self, delivery: Delivery) -> list[Event]:
        """What earlier attempts at this work have published, in order."""
        return await self._published(delivery, await self._count_published(delivery))

    async def resume(self, delivery: Delivery) -> list[Event]:
        """Number what this attempt publishes next after what earlier ones have published; returns that, in order."""
        count = await self._count_published(delivery)
        # the count, and not the number of events found: of those, some may have been trimmed
        delivery.published = max(delivery.published, count)
        return await self._published(delivery, count)

    async def _count_published(self, delivery: Delivery) -> int:
        counts = keys.key(self.partition, "published", self.consumer.name)
        return int(await self._ask("HGET", counts, delivery.cause) or 0)

    async def _published(self, delivery: Delivery, count: int) -> list[Event]:
        prefix = f"{delivery.cause}.{self.consumer.name}."
        found: dict[int, Event] = {}
        for stream in keys.STREAMS:
            if len(found) == count:
                break
            async for entry in self.bus.entries(self.partition, stream, since=text(delivery.raw[0])):
                number = entry.id.removeprefix(prefix)
                if number != entry.id and number.isdecimal() and (event := entry.event()) is not None:
                    found[int(number)] = event
                if len(found) == count:
                    break
        return [found[number] for number in sorted(found)]

    # -- the end of the lease

    async def cancel(self) -> None:
        """Cancel what runs, and again what does not end by it; it stays pending."""
        tasks = [task for task in self.running if task is not asyncio.current_task()]
        await asyncio.gather(*(ended(task) for task in tasks), return_exceptions=True)
