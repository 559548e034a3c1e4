"""What the handling of a partition's entries changes in Redis: events published, state, acks, dead letters."""

import asyncio
import traceback
from collections.abc import Iterable

import structlog
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.bus import Bus
from orchestra.bus.consumer.committer import Committer
from orchestra.bus.consumer.definition import Consumer, Handler, Published
from orchestra.bus.consumer.delivery import Delivery
from orchestra.bus.redis.connection import Argument, RedisConnection, Reply
from orchestra.bus.redis.memory import memory_of
from orchestra.bus.redis.refusal import is_out_of_memory
from orchestra.bus.redis.reply import text
from orchestra.bus.stream.encode import EncodedEvent, encode_event, fill_header
from orchestra.bus.stream.entry import read_entry
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import FencedError
from orchestra.hide_secrets import without_secrets
from orchestra_schemas import Event

_LOG = structlog.get_logger("orchestra.bus")


class PartitionWriter:
    """Puts the effects of deliveries into the commits of a lease, and reads what earlier attempts have written."""

    def __init__(self, consumer: Consumer, bus: Bus, partition: int, committer: Committer) -> None:
        self.consumer = consumer
        self.bus = bus
        self.partition = partition
        self.committer = committer
        self.sealing = bus.sealing
        #: opens what is sealed; None for a consumer that is not to read it
        self.opens = bus.sealing if consumer.in_clear else None
        self._group = consumer.name
        self._prefix = f"{partition:02d}-"

    @property
    def token(self) -> str:
        """The token of the lease."""
        return self.committer.token

    def connection(self) -> RedisConnection:
        """The connection to the server of this partition."""
        return self.bus.connection(self.partition)

    def opened(self, values: list[bytes]) -> list[bytes]:
        """Names and values of an entry as the consumer is to read them."""
        return values if self.opens is None else self.opens.opened(values)

    # -- the end of a delivery

    def finish(self, delivery: Delivery, result: Published) -> None:
        """Publish what the handler returned, write its state and acknowledge the entry, in one commit.

        Raises:
            TypeError: it returned something else than events.
            ValueError: an event belongs to a call of another partition.

        """
        publishes = result is not None or bool(delivery.operations)
        if result is not None:
            self._publish(delivery, (result,) if isinstance(result, Event) else result)
        if delivery.operations:
            self._write_state(delivery)
        delivery.handler.handled += 1
        self.committer.finish(delivery)
        if publishes:
            self.committer.after_linger()
        else:
            self.committer.schedule()

    def publish_first(self, values: list[bytes], handler: Handler, result: Event | Iterable[Event]) -> None:
        """Publish what the first attempt at an entry returned without waiting.

        This is the path of most events, so it makes no `Delivery`. Nothing of the entry's can be stored already: no
        comparison is needed.
        """
        cause, committer = text(values[5]), self.committer
        if isinstance(result, Event) and result.call.startswith(self._prefix):  # one event: the usual case
            group = self._group
            event = fill_header(
                result, f"{cause}.{group}.1", SYSTEM_CLOCK.time(), group, cause, version=self.consumer.version
            )
            committer.publish(encode_event(event, self.sealing))
        else:
            events = (result,) if isinstance(result, Event) else result
            for encoded in self._encode(handler, cause, 0, events, self.consumer.version):
                committer.publish(encoded)
        if committer.lingers:
            committer.after_linger()
        else:
            committer.urgent = True  # the dispatcher has paused the committer, and resumes it within 2 ms

    def send_to_dead_letters(self, delivery: Delivery, error: BaseException) -> None:
        """Move an event that cannot be handled to the group's dead letters, in the commit that acknowledges it."""
        entry = read_entry(delivery.raw, self.partition, delivery.position.stream)
        _LOG.error(
            "event.dead", group=self._group, partition=self.partition, event_id=entry.id, type=entry.type,
            attempts=delivery.attempt, error=repr(error),
        )  # fmt: skip
        fields: list[Argument] = [
            "type", entry.type, "call", entry.call, "id", entry.id, "body", entry.body,
            "stream", entry.stream, "stream_id", entry.stream_id, "handler", delivery.handler.name,
            "attempts", delivery.attempt, "at", f"{SYSTEM_CLOCK.time():.3f}",
            "error", self._harmless(repr(error)),
            "traceback", self._harmless("".join(traceback.format_exception(error)))[-8000:],
        ]  # fmt: skip
        if entry.sealed:
            fields += ["sealed", entry.sealed]
        if entry.audio is not None:
            fields += ["audio", entry.audio]
        delivery.handler.dead += 1
        delivery.may_repeat = True  # the count of what it has published is deleted with the ack
        self.committer.dead(delivery.cause, fields)
        self.committer.finish(delivery)
        self.committer.schedule()

    def _harmless(self, text: str) -> str:
        """The text without secrets, and without personal data where none is to be kept: errors quote what they got."""
        harmless = without_secrets(text)
        return self.sealing.redact_text(harmless)

    async def count(self, delivery: Delivery) -> None:
        """Make the entry pending in Redis, with this delivery counted.

        Raises:
            FencedError: another worker owns the partition now.

        """
        delivery.deliveries = delivery.attempt
        self.committer.claim(delivery)
        await self.committer.flush()

    # -- publishing

    def _publish(self, delivery: Delivery, events: Iterable[Event]) -> None:
        cause = delivery.cause
        encoded = self._encode(
            delivery.handler, cause, delivery.published, events, delivery.version or self.consumer.version
        )
        for number, each in enumerate(encoded, delivery.published + 1):
            if delivery.may_repeat:
                self.committer.publish_unless_stored(each, cause, number)
            else:
                self.committer.publish(each)
        delivery.published += len(encoded)

    def _encode(
        self, handler: Handler, cause: str, number: int, events: Iterable[Event], version: str
    ) -> list[EncodedEvent]:
        encoded, at, group = [], SYSTEM_CLOCK.time(), self._group
        for event in events:
            if not isinstance(event, Event):
                msg = f"{handler.name} published {event!r}, which is not an event"
                raise TypeError(msg)
            if not event.call.startswith(self._prefix):
                msg = (
                    f"{handler.name} published an event of call {event.call!r} while it handled one of partition"
                    f" {self.partition}: what is published belongs to the same call"
                )
                raise ValueError(msg)
            number += 1
            complete = fill_header(event, f"{cause}.{group}.{number}", at, group, cause, version=version)
            encoded.append(encode_event(complete, self.sealing))
        return encoded

    def _write_state(self, delivery: Delivery) -> None:
        self.committer.state(self.state_key(delivery.call), delivery.operations)
        delivery.operations.clear()

    # -- for the context

    def publish_now(self, delivery: Delivery, events: Iterable[Event]) -> asyncio.Future[None]:
        """Publish before the handler ends; the future ends when the events are stored."""
        delivery.may_repeat = True
        delivery.deliveries = delivery.attempt
        self._publish(delivery, events)
        if delivery.operations:
            self._write_state(delivery)
        # it is still unfinished: pending, with its count, so that after a crash the next owner attempts it again
        self.committer.claim(delivery)
        return self.committer.flush()

    async def published_by(self, delivery: Delivery) -> list[Event]:
        """What earlier attempts at this delivery have published, in order."""
        return await self._published(delivery, await self._count_published(delivery))

    async def resume(self, delivery: Delivery) -> list[Event]:
        """Number what this attempt publishes next after what earlier ones have published; returns that, in order."""
        count = await self._count_published(delivery)
        # the stored count, not the number of events found: some of them may have been trimmed
        delivery.published = max(delivery.published, count)
        return await self._published(delivery, count)

    async def _count_published(self, delivery: Delivery) -> int:
        return int(await self._ask("HGET", keys.key(self.partition, "published", self._group), delivery.cause) or 0)

    async def _published(self, delivery: Delivery, count: int) -> list[Event]:
        prefix = f"{delivery.cause}.{self._group}."
        found: dict[int, Event] = {}
        for stream in keys.STREAMS:
            if len(found) == count:
                break
            since, clear = text(delivery.raw[0]), self.consumer.in_clear
            async for entry in self.bus.entries(self.partition, stream, since=since, in_clear=clear):
                number = entry.id.removeprefix(prefix)
                if number != entry.id and number.isdecimal() and (event := entry.event()) is not None:
                    found[int(number)] = event
                if len(found) == count:
                    break
        return [found[number] for number in sorted(found)]

    def state_key(self, call: bytes) -> str:
        """The key of the group's state of a call."""
        return keys.key(self.partition, self.consumer.state, text(call))

    async def read_state(self, call: bytes, command: str, *args: str) -> Reply:
        """Read the state of a call, including every write before."""
        key = self.state_key(call)
        if self.committer.writes(key):
            await self.committer.flush()
        return await self._ask(command, key, *args)

    async def wait_for_server(self) -> None:
        """Wait until the server answers and has all that was to be committed.

        Raises:
            FencedError: another worker owns the partition now.

        """
        await self._ask("PING")
        await self.committer.flush()

    async def is_full(self, error: Exception) -> bool:
        """Whether a handler failed because the server's memory is full."""
        if not is_out_of_memory(error):
            return False
        try:
            return (await memory_of(self.connection())).is_full
        except RedisError:
            return False  # it may be another server that refused

    async def _ask(self, *command: Argument) -> Reply:
        """Read from Redis, waiting for as long as it is unreachable: a handler must not fail because of that."""
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
