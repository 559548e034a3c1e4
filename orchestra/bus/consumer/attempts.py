"""The attempts at one delivery: call the handler, limit its time, try again, give up."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any

import structlog

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.context import Context
from orchestra.bus.consumer.definition import Published
from orchestra.bus.consumer.delivery import Delivery
from orchestra.bus.consumer.writer import PartitionWriter
from orchestra.bus.stream.entry import read_entry
from orchestra_schemas import DecodeError, Event, decode

_LOG = structlog.get_logger("orchestra.bus")


def begin(delivery: Delivery, writer: PartitionWriter) -> Coroutine[Any, Any, Published]:
    """Call the handler for a new attempt. Nothing of it runs before the coroutine is driven.

    Raises:
        orchestra_schemas.DecodeError: the body is not the event that the entry's type names.

    """
    handler = delivery.handler
    delivery.published = 0
    delivery.operations = []
    entry = read_entry(delivery.raw, writer.partition, delivery.position.stream).opened(writer.opens)
    subject = entry if handler.raw else _event(writer.opened(delivery.raw[1]))
    if not handler.takes_context:
        return handler.function(subject)  # type: ignore[return-value]
    deadline = asyncio.get_running_loop().time() + handler.timeout_s
    return handler.function(subject, Context(delivery, writer, entry, deadline))  # type: ignore[return-value]


def _event(values: list[bytes]) -> Event:
    event = decode(dict(zip(values[::2], values[1::2], strict=True)))
    assert event is not None, "only types that are known here have handlers"
    return event


async def run_attempts(
    delivery: Delivery,
    writer: PartitionWriter,
    running: Any,
    error: Exception | None,
    on_end: Callable[[Delivery], None],
) -> None:
    """Bring a delivery to its end: handled, or a dead letter; then call ``on_end``.

    Its first attempt is suspended (``running`` continues it) or has failed (``error``) already.
    """
    committer, handler, clock = writer.committer, delivery.handler, asyncio.get_running_loop().time
    backoff, started = Backoff(0.05, 5.0), clock()
    try:
        while True:
            if error is None:
                error = await _attempt(delivery, writer, running)
                handler.observe(clock() - started)
                if error is None or committer.lost.done():
                    return
            if committer.stalled:  # an unreachable server is not the handler's fault: this attempt does not count
                await writer.wait_for_server()
                delivery.may_repeat = True
                started, running, error = clock(), begin(delivery, writer), None
                continue
            if error is not None and await writer.is_full(error):  # nor is a server whose memory is full
                await backoff.wait()
                delivery.may_repeat = True
                started, running, error = clock(), begin(delivery, writer), None
                continue
            handler.failed += 1
            if delivery.attempt >= writer.consumer.max_attempts or isinstance(error, DecodeError):
                writer.send_to_dead_letters(delivery, error)
                return
            _LOG.warning(
                "handler.failed", group=writer.consumer.name, handler=handler.name, event_id=delivery.cause,
                attempt=delivery.attempt, error=repr(error),
            )  # fmt: skip
            await backoff.wait()
            delivery.attempt += 1
            delivery.deliveries = delivery.attempt
            delivery.may_repeat = True
            committer.claim(delivery)  # so that the count in Redis includes this attempt, whatever happens to us
            committer.schedule()
            started, running, error = clock(), begin(delivery, writer), None
    finally:
        on_end(delivery)


async def _attempt(delivery: Delivery, writer: PartitionWriter, running: Any) -> Exception | None:
    """Run an attempt to its end and commit its result; the error if it failed."""
    limit = asyncio.timeout(delivery.handler.timeout_s)
    try:
        async with limit:
            result = await running
        writer.finish(delivery, result)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():  # from outside: the partition is released or lost
            raise
        return RuntimeError(f"{delivery.handler.name} was cancelled from inside: {error!r}")
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
        if limit.expired() and isinstance(error, TimeoutError):
            return TimeoutError(f"{delivery.handler.name} took longer than {delivery.handler.timeout_s} s")
        return error
    return None


@coroutine
def resume_coroutine(suspended: Coroutine[Any, Any, Published], first: Any) -> Generator[Any, Any, Published]:
    """Continue a coroutine whose first step was driven by hand and has yielded ``first``, the future it waits for."""
    pending = first
    while True:
        try:
            value = yield pending
        except GeneratorExit:
            suspended.close()
            raise
        except BaseException as error:  # noqa: BLE001 - every exception belongs to the coroutine, also its cancellation
            thrown: BaseException | None = error
        else:
            thrown = None
        try:
            pending = suspended.send(value) if thrown is None else suspended.throw(thrown)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
