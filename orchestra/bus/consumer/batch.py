"""Entries that were read together and are handled together: one call of the handler, acked when it returns."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.definition import BatchFunction, Handler
from orchestra.bus.consumer.delivery import Work, attempts
from orchestra.bus.consumer.position import Cursor, Held
from orchestra.bus.stream.entry import Entry, Raw, raw_of, read_entry
from orchestra.errors import FencedError

if TYPE_CHECKING:
    from orchestra.bus.consumer.partition import Owned

_LOG = structlog.get_logger("orchestra.bus")


def take_batch(owned: "Owned", cursor: Cursor, entries: Sequence[Raw], handler: Handler) -> None:
    """Start new entries of one stream as one batch; until it ends they are pending, or the group's position waits."""
    if not entries:
        return
    if not handler.pending:
        held = cursor.hold(entries[-1][0], len(entries))
        first = Work(owned, cursor, entries[0], handler, b"")
        # held for long, perhaps: what the reply was made of goes now
        kept = [read_entry(raw, owned.partition, cursor.stream) for raw in entries]
        size = sum(len(entry.body) + len(entry.audio or b"") for entry in kept)
        owned.load.count(len(kept), size)
        owned.spawn(first, _hold(owned, cursor, held, kept, size, handler))
        return
    works = [Work(owned, cursor, raw, handler, b"") for raw in entries]
    for work in works:
        work.counted = 1
        owned.commits.claim(work)
        owned.load.add(work.raw)
    cursor.last = entries[-1][0]
    cursor.read += len(entries)
    assert handler.together is not None
    owned.spawn(works[0], _handle(owned, works, handler.together))


async def _hold(  # noqa: PLR0917 - a batch on its way
    owned: "Owned", cursor: Cursor, held: Held, entries: list[Entry], size: int, handler: Handler
) -> None:
    """See a batch of so many bytes through, whose entries are not made pending."""
    assert handler.together is not None
    backoff, started = Backoff(0.1, 10.0), owned.clock()
    while True:
        try:
            async with asyncio.timeout(handler.timeout_s):
                refusals = {refusal.entry.stream_id: refusal.error for refusal in await handler.together(entries) or ()}
            break
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is said, and tried again
            handler.failed += len(entries)
            _LOG.warning("batch.failed", group=owned.consumer.name, entries=len(entries), error=repr(error))
            await backoff.wait()
    handler.seconds += owned.clock() - started
    handler.handled += len(entries) - len(refusals)
    for entry in entries if refusals else ():
        if entry.stream_id in refusals:
            owned.bury(Work(owned, cursor, raw_of(entry), handler, b""), refusals[entry.stream_id])
    cursor.pass_over(held)
    owned.load.count(-len(entries), -size)
    owned.commits.soon()
    owned.has_room()


async def _handle(owned: "Owned", works: list[Work], together: BatchFunction) -> None:
    handler, started = works[0].handler, owned.clock()
    entries = [read_entry(work.raw, owned.partition, work.cursor.stream) for work in works]
    try:
        async with asyncio.timeout(handler.timeout_s):
            refusals = {refusal.entry.stream_id: refusal.error for refusal in await together(entries) or ()}
    except FencedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
        _LOG.warning("batch.failed", group=owned.consumer.name, entries=len(works), error=repr(error))
        for work in works:
            owned.spawn(work, attempts(work, None, error))
        return
    finally:
        handler.seconds += owned.clock() - started
    for work, entry in zip(works, entries, strict=True):
        refused = refusals.get(entry.stream_id) if refusals else None
        owned.load.remove(work.raw)
        if refused is None:
            owned.finish(work, None)
        else:
            owned.bury(work, refused)
    owned.has_room()
