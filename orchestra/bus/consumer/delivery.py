"""One entry on its way through a handler."""

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import TYPE_CHECKING, Any

import structlog

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.context import Context, StateOperation
from orchestra.bus.consumer.definition import Handler, Published
from orchestra.bus.consumer.position import Cursor
from orchestra.bus.stream.entry import Raw, read_entry, text
from orchestra_schemas import DecodeError, Event, decode

if TYPE_CHECKING:
    from orchestra.bus.consumer.partition import Owned

_LOG = structlog.get_logger("orchestra.bus")

Rest = Coroutine[Any, Any, None]


class Work:
    """An entry that a group has taken and not finished yet.

    ``attempt`` is the delivery that is running, ``counted`` the number of deliveries that Redis shall count: 0 while it
    only waits behind its call's earlier event. ``claimed`` says that it is pending in Redis, ``careful`` that its
    delivery is counted before it starts. ``published`` counts this attempt's events; ``guarded`` says that an earlier
    publish of this cause may be in Redis, so the script has to compare. ``operations`` are the state writes of this
    attempt that no commit has taken yet: the work does not know its context, which knows the work, or every event would
    leave a cycle behind for the garbage collector.
    """

    __slots__ = (
        "attempt", "call", "careful", "claimed", "counted", "cursor", "guarded", "handler", "operations", "owned",
        "published", "raw",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - made once an event
        self, owned: "Owned", cursor: Cursor, raw: Raw, handler: Handler, call: bytes, attempt: int = 0
    ) -> None:
        """``attempt`` is given for an entry that was pending already."""
        self.owned = owned
        self.cursor = cursor
        self.raw = raw
        self.handler = handler
        self.call = call
        self.attempt = attempt or 1
        self.counted = 0
        self.claimed = attempt > 0
        self.careful = False
        self.guarded = attempt > 0 or cursor.requeued
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
        entry = read_entry(self.raw, owned.partition, self.cursor.stream)
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


async def attempts(work: Work, going: Any, error: Exception | None) -> None:
    """The further life of work whose handler waits (``going``) or has failed (``error``): until it is done, or dead."""
    owned, backoff = work.owned, Backoff(0.05, 5.0)
    started = owned.clock()
    try:
        while True:
            if error is None:
                error = await _attempt(work, going)
                work.handler.seconds += owned.clock() - started
                if error is None or owned.commits.lost.done():
                    return
            if owned.commits.stalled:  # a server that is away is not the handler's fault: this attempt does not count
                await owned.server_back()
                work.guarded = True
                started, going, error = owned.clock(), work.begin(), None
                continue
            work.handler.failed += 1
            if work.attempt >= owned.consumer.max_attempts or isinstance(error, DecodeError):
                owned.bury(work, error)
                return
            _LOG.warning(
                "handler.failed", group=owned.consumer.name, handler=work.handler.name, event_id=work.cause,
                attempt=work.attempt, error=repr(error),
            )  # fmt: skip
            await backoff.wait()
            work.attempt += 1
            work.counted = work.attempt
            work.guarded = True
            owned.commits.claim(work)
            owned.commits.soon()
            started = owned.clock()
            going, error = work.begin(), None
    finally:
        owned.ended(work)


async def _attempt(work: Work, going: Any) -> Exception | None:
    limit = asyncio.timeout(work.handler.timeout_s)
    try:
        async with limit:
            result = await going
        work.owned.finish(work, result)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return RuntimeError(f"{work.handler.name} was cancelled from inside: {error!r}")
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
        if limit.expired() and isinstance(error, TimeoutError):
            return TimeoutError(f"{work.handler.name} took longer than {work.handler.timeout_s} s")
        return error
    return None


@coroutine
def resume(waiting: Coroutine[Any, Any, Published], first: Any) -> Generator[Any, Any, Published]:
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
