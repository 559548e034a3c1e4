"""Entries that were read together and are handled together: one call of the handler, acked when it returns."""

import asyncio
from collections.abc import Sequence

import structlog

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.definition import BatchFunction, Handler
from orchestra.bus.consumer.delivery import Delivery
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.consumer.position import GroupPosition, HeldBatch
from orchestra.bus.stream.entry import Entry, Raw, raw_of, read_entry
from orchestra.errors import FencedError

_LOG = structlog.get_logger("orchestra.bus")


def start_batch(owned: OwnedPartition, position: GroupPosition, entries: Sequence[Raw], handler: Handler) -> None:
    """Start new entries of one stream as one batch. Until it ends they are pending, or the group's position waits."""
    if not entries:
        return
    if not handler.pending:
        held = position.hold_batch(entries[-1][0], len(entries))
        first = Delivery(position, entries[0], handler, b"")
        # decoded now, so that the reply they came in is freed: a batch may be held for a long time
        kept = [read_entry(raw, owned.partition, position.stream) for raw in entries]
        size = sum(len(entry.body) + len(entry.audio or b"") for entry in kept)
        owned.in_flight.count(len(kept), size)
        owned.spawn(first, _run_held(owned, position, held, kept, size, handler))
        return
    deliveries = [Delivery(position, raw, handler, b"") for raw in entries]
    for delivery in deliveries:
        delivery.deliveries = 1
        owned.committer.claim(delivery)
        owned.in_flight.add(delivery.raw)
    position.last = entries[-1][0]
    position.read += len(entries)
    assert handler.batch is not None
    owned.spawn(deliveries[0], _run_pending(owned, deliveries, handler.batch))


async def _run_held(  # noqa: PLR0917 - one call, of the function above
    owned: OwnedPartition, position: GroupPosition, held: HeldBatch, entries: list[Entry], size: int, handler: Handler
) -> None:
    """Handle a batch of ``size`` bytes whose entries are not pending, again and again until the function returns."""
    assert handler.batch is not None
    clock = asyncio.get_running_loop().time
    backoff, started = Backoff(0.1, 10.0), clock()
    while True:
        try:
            async with asyncio.timeout(handler.timeout_s):
                refusals = {refusal.entry.stream_id: refusal.error for refusal in await handler.batch(entries) or ()}
            break
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is logged and tried again
            handler.failed += len(entries)
            _LOG.warning("batch.failed", group=owned.consumer.name, entries=len(entries), error=repr(error))
            await backoff.wait()
    handler.observe(clock() - started)
    handler.handled += len(entries) - len(refusals)
    for entry in entries if refusals else ():
        if entry.stream_id in refusals:
            owned.writer.send_to_dead_letters(
                Delivery(position, raw_of(entry), handler, b""), refusals[entry.stream_id]
            )
    position.release_batch(held)
    owned.in_flight.count(-len(entries), -size)
    owned.committer.schedule()
    owned.on_capacity()


async def _run_pending(owned: OwnedPartition, deliveries: list[Delivery], batch: BatchFunction) -> None:
    """Handle a batch of pending entries; if the function raises, its entries are handled one by one."""
    clock = asyncio.get_running_loop().time
    handler, started = deliveries[0].handler, clock()
    entries = [read_entry(delivery.raw, owned.partition, delivery.position.stream) for delivery in deliveries]
    try:
        async with asyncio.timeout(handler.timeout_s):
            refusals = {refusal.entry.stream_id: refusal.error for refusal in await batch(entries) or ()}
    except FencedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
        _LOG.warning("batch.failed", group=owned.consumer.name, entries=len(deliveries), error=repr(error))
        for delivery in deliveries:
            owned.spawn(delivery, owned.run_attempts(delivery, None, error))
        return
    finally:
        handler.observe(clock() - started)
    for delivery, entry in zip(deliveries, entries, strict=True):
        refused = refusals.get(entry.stream_id) if refusals else None
        owned.in_flight.remove(delivery.raw)
        if refused is None:
            owned.writer.finish(delivery, None)
        else:
            owned.writer.send_to_dead_letters(delivery, refused)
    owned.on_capacity()
