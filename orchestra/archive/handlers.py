"""The archive worker: writes every event to the Parquet files of the archive; until then it stays on the journal.

The group's position moves past an event when the event is in a complete file. If a worker dies before that, the next
owner of the partition asks the archive for its last stream id and skips what the dead worker had written without
committing it. So every event is in exactly one file.

When a day has many small files, they are merged, and at night the whole archive is compacted.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import time

import structlog
from msgspec.structs import replace

from orchestra.archive.archive import Archive
from orchestra.archive.expiry import sweep_archive
from orchestra.archive.nightly import NightlyCompaction
from orchestra.archive.writer import ArchiveWriter
from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus, Consumer, Entry
from orchestra.telemetry.redaction import Redaction, redaction_at_rest

_LOG = structlog.get_logger("orchestra.archive")


class ArchiveHandlers:
    """The handlers of the group ``archive``."""

    _archiver: ArchiveWriter
    _redaction: Redaction | None

    def __init__(self) -> None:
        self._owned: set[int] = set()
        # at its end it writes what it holds
        self.consumer = Consumer("archive", grace_s=10.0)
        self.consumer.lifespan(self.opened)
        self.consumer.on_partition(self.partition_changed)
        # twice as much as fills a file, in entries and in bytes
        self.consumer.on_batch(pending=False, most=10_000, most_bytes=16_000_000)(self.keep)

    @asynccontextmanager
    async def opened(self, bus: Bus) -> AsyncIterator[None]:
        """Open the archive, remove what has expired, and compact it at night; at the end, write what is held."""
        settings, archive = bus.settings, Archive.of(bus.settings)
        compacting = None
        if settings.archive_compact_at:
            nightly = NightlyCompaction(bus, archive, time.fromisoformat(settings.archive_compact_at))
            compacting = asyncio.create_task(nightly.run(), name="nightly compaction")
        self._redaction = redaction_at_rest(settings)
        archiver = self._archiver = ArchiveWriter(
            archive,
            bus.journal_now,
            flush_s=settings.archive_flush_s,
            rows=settings.archive_rows,
            alarm_s=settings.lag_alarm_s,
        )
        self.consumer.gauges = {
            "orchestra_archive_oldest_seconds": (
                "for how long the oldest event has been waiting for its file",
                lambda: archiver.oldest_s,
            ),
            "orchestra_archive_held": ("events that wait for their file", lambda: archiver.held),
            "orchestra_archive_failures": ("attempts at writing a file that failed", lambda: archiver.failures),
            "orchestra_archive_troubled": ("1 while the archive cannot be written", lambda: archiver.troubled),
        }
        sweeping = asyncio.create_task(sweep_archive(bus, lambda: self._owned), name="remove expired calls")
        try:
            yield
        finally:
            await cancel_and_wait(sweeping)
            if compacting is not None:
                await cancel_and_wait(compacting)
            await archiver.close()
            _LOG.info("archive.stopped", events=archiver.written, files=archiver.files)

    def partition_changed(self, partition: int, mine: bool) -> None:
        """Prepare for a new partition, or write what is held of one that goes."""
        (self._owned.add if mine else self._owned.discard)(partition)
        self._archiver.partition_changed(partition, mine)

    async def keep(self, entries: list[Entry]) -> None:
        """Archive a batch; returns when it is in a file, some seconds later."""
        redaction = self._redaction
        if redaction is not None:
            entries = [replace(each, body=redaction.event(each.call, each.type, each.body)) for each in entries]
        await self._archiver.keep(entries)
