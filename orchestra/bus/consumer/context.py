"""The second argument of a handler: publishing before the ack, the group's state of the call, the attempt."""

from collections.abc import Awaitable

from orchestra.bus.consumer.delivery import Delivery
from orchestra.bus.consumer.writer import PartitionWriter
from orchestra.bus.redis.reply import text
from orchestra.bus.stream.entry import Entry
from orchestra_schemas import Event


class State:
    """The group's own hash of fields for one call, in Redis at ``orchestra:{p07}:<state>:<call>``.

    Writes go with the next commit of this attempt (`Context.publish`, or the ack), and are lost if it fails before.
    Reads see them at once. Of a consumer that reads in clear what is sealed, values are sealed in Redis.
    """

    def __init__(self, delivery: Delivery, writer: PartitionWriter) -> None:
        self._delivery = delivery
        self._writer = writer
        self._fields: dict[str, bytes | None] = {}
        self._operations = delivery.operations

    @property
    def key(self) -> str:
        """The hash's key in Redis."""
        return self._writer.state_key(self._delivery.call)

    async def get(self, field: str) -> bytes | None:
        """The value of a field, None if it does not exist.

        Raises:
            SealedError: it was sealed with another key.

        """
        if field in self._fields:
            return self._fields[field]
        value: bytes | None = await self._writer.read_state(self._delivery.call, "HGET", field)
        return None if value is None else self._opened(field, value)

    async def all(self) -> dict[str, bytes]:
        """Every field and its value.

        Raises:
            SealedError: one was sealed with another key.

        """
        flat = await self._writer.read_state(self._delivery.call, "HGETALL")
        names = map(bytes.decode, flat[::2])
        stored = {name: self._opened(name, value) for name, value in zip(names, flat[1::2], strict=True)}
        stored.update({name: value for name, value in self._fields.items() if value is not None})
        return {name: value for name, value in stored.items() if self._fields.get(name, value) is not None}

    def set(self, field: str, value: bytes) -> None:
        """Write a field with the next commit."""
        self._fields[field] = value
        sealing = self._writer.opens
        sealed = value if sealing is None else sealing.seal_state(text(self._delivery.call), field, value)
        self._operations.append(("S", [field, sealed]))

    def delete(self, *fields: str) -> None:
        """Delete fields with the next commit."""
        if fields:
            self._fields.update(dict.fromkeys(fields))
            self._operations.append(("U", list(fields)))

    def _opened(self, field: str, value: bytes) -> bytes:
        sealing = self._writer.opens
        return value if sealing is None else sealing.open_state(text(self._delivery.call), field, value)

    def expire(self, seconds: int) -> None:
        """Let the whole hash expire this many seconds after the next commit."""
        self._operations.append(("E", [seconds]))


class Context:
    """One attempt at handling one event.

    Attributes:
        attempt: 1 on the first delivery, counted by Redis across crashes.
        deadline: when the handler is cancelled, in the event loop's time (seconds).
        entry: the stream entry of the event.
        lease: the token of the partition's lease. While it is the same, no other worker writes the group's state.
        bus: the process's `Bus`, for reading; publish through the context.
        state: the group's `State` of the call.

    """

    __slots__ = ("_delivery", "_writer", "attempt", "bus", "deadline", "entry", "lease", "state")

    def __init__(self, delivery: Delivery, writer: PartitionWriter, entry: Entry, deadline: float) -> None:
        self._delivery = delivery
        self._writer = writer
        self.attempt = delivery.attempt
        self.deadline = deadline
        self.entry = entry
        self.lease = writer.token
        self.bus = writer.bus
        self.state = State(delivery, writer)

    def use_version(self, version: str) -> None:
        """From now on this attempt publishes under this version instead of the consumer's."""
        self._delivery.version = version

    def publish(self, *events: Event) -> Awaitable[None]:
        """Publish now, before the handler ends, under this worker's lease; awaiting it waits until they are stored.

        The events get the ids ``<cause>.<group>.<n>`` in order. A later attempt that publishes the same
        sequence stores nothing twice.

        Raises:
            FencedError: another worker owns the partition now; stop working.
            ValueError: an event belongs to a call of another partition.

        """
        return self._writer.publish_now(self._delivery, events)

    async def published(self) -> list[Event]:
        """What earlier attempts at this event have published, in order; empty on the first attempt."""
        if not self._delivery.may_repeat:
            return []
        return await self._writer.published_by(self._delivery)

    async def resume(self) -> list[Event]:
        """Continue after the events of earlier attempts: the next event published gets the id after their last one.

        For a handler that does not publish the same events again. Otherwise its new events would get ids that are
        taken, and would be dropped as known.

        Returns:
            What earlier attempts have published, in order; empty on the first attempt.

        """
        if not self._delivery.may_repeat:
            return []
        return await self._writer.resume(self._delivery)
