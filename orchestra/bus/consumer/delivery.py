"""One entry on its way through a handler."""

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import TYPE_CHECKING, Any

import structlog

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.context import Context, StateOperation
from orchestra.bus.consumer.definition import Handler, Published
from orchestra.bus.consumer.position import GroupPosition
from orchestra.bus.stream.entry import Raw, read_entry, text
from orchestra_schemas import DecodeError, Event, decode

if TYPE_CHECKING:
    from orchestra.bus.consumer.partition import OwnedPartition

_LOG = structlog.get_logger("orchestra.bus")

Rest = Coroutine[Any, Any, None]


class Delivery:
    """An entry that a group has taken and not finished yet.

    ``attempt`` is the number of the running attempt. ``deliveries`` is the delivery count that Redis is to keep:
    0 while the entry only waits for an earlier one of its call. ``pending``: it is pending in Redis. ``count_first``:
    its delivery is counted before it starts. ``published`` counts the events of this attempt. ``may_repeat``: an
    earlier attempt may have published, so the commit script has to compare. ``operations`` are the state writes of this
    attempt that no commit has taken yet. They are kept here because a delivery must not refer to its context, which
    refers to the delivery: each event would leave a reference cycle for the garbage collector.
    """

    __slots__ = (
        "attempt", "call", "count_first", "deliveries", "handler", "may_repeat", "operations", "owned", "pending",
        "position", "published", "raw",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - made once an event
        self,
        owned: "OwnedPartition",
        position: GroupPosition,
        raw: Raw,
        handler: Handler,
        call: bytes,
        attempt: int = 0,
    ) -> None:
        """``attempt`` is given for an entry that was pending already."""
        self.owned = owned
        self.position = position
        self.raw = raw
        self.handler = handler
        self.call = call
        self.attempt = attempt or 1
        self.deliveries = 0
        self.pending = attempt > 0
        self.count_first = False
        self.may_repeat = attempt > 0 or position.requeued
        self.published = 0
        self.operations: list[StateOperation] = []

    @property
    def cause(self) -> str:
        """The id of the event that is handled; its place in the stream where its producer gave it none."""
        values = self.raw[1]
        if values[4:5] == [b"id"]:
            return text(values[5])
        return read_entry(self.raw, 0, "").id or text(self.raw[0])

    def begin(self) -> Coroutine[Any, Any, Published]:
        """Call the handler for this attempt; nothing of it runs before the coroutine is driven.

        Raises:
            orchestra_schemas.DecodeError: the entry is not the event that it says it is.

        """
        handler, owned = self.handler, self.owned
        self.published = 0
        self.operations = []
        entry = read_entry(self.raw, owned.partition, self.position.stream)
        subject = entry if handler.raw else _event(self.raw)
        if not handler.takes_context:
            return handler.function(subject)  # type: ignore[return-value]
        context = Context(self, owned.bus, entry, owned.clock() + handler.timeout_s)
        return handler.function(subject, context)  # type: ignore[return-value]


def _event(raw: Raw) -> Event:
    values = raw[1]
    event = decode(dict(zip(values[::2], values[1::2], strict=True)))
    assert event is not None, "only types that are known here have handlers"
    return event


async def run_attempts(delivery: Delivery, going: Any, error: Exception | None) -> None:
    """The further life of work whose handler waits (``going``) or has failed (``error``): until it is done, or dead."""
    owned, backoff = delivery.owned, Backoff(0.05, 5.0)
    started = owned.clock()
    try:
        while True:
            if error is None:
                error = await _attempt(delivery, going)
                delivery.handler.seconds += owned.clock() - started
                if error is None or owned.committer.lost.done():
                    return
            if owned.committer.stalled:  # a server that is away is not the handler's fault: this attempt does not count
                await owned.wait_for_server()
                delivery.may_repeat = True
                started, going, error = owned.clock(), delivery.begin(), None
                continue
            delivery.handler.failed += 1
            if delivery.attempt >= owned.consumer.max_attempts or isinstance(error, DecodeError):
                owned.send_to_dead_letters(delivery, error)
                return
            _LOG.warning(
                "handler.failed", group=owned.consumer.name, handler=delivery.handler.name, event_id=delivery.cause,
                attempt=delivery.attempt, error=repr(error),
            )  # fmt: skip
            await backoff.wait()
            delivery.attempt += 1
            delivery.deliveries = delivery.attempt
            delivery.may_repeat = True
            owned.committer.claim(delivery)
            owned.committer.schedule()
            started = owned.clock()
            going, error = delivery.begin(), None
    finally:
        owned.ended(delivery)


async def _attempt(delivery: Delivery, going: Any) -> Exception | None:
    limit = asyncio.timeout(delivery.handler.timeout_s)
    try:
        async with limit:
            result = await going
        delivery.owned.finish(delivery, result)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return RuntimeError(f"{delivery.handler.name} was cancelled from inside: {error!r}")
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
        if limit.expired() and isinstance(error, TimeoutError):
            return TimeoutError(f"{delivery.handler.name} took longer than {delivery.handler.timeout_s} s")
        return error
    return None


@coroutine
def resume_coroutine(waiting: Coroutine[Any, Any, Published], first: Any) -> Generator[Any, Any, Published]:
    """Go on with a coroutine that is suspended already: ``first`` is what it waits for."""
    pending = first
    while True:
        try:
            value = yield pending
        except GeneratorExit:
            waiting.close()
            raise
        except BaseException as error:  # noqa: BLE001 - every exception belongs to the coroutine, also its cancellation
            thrown: BaseException | None = error
        else:
            thrown = None
        try:
            pending = waiting.send(value) if thrown is None else waiting.throw(thrown)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
