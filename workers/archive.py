"""The journal, for ever: every event goes to the Parquet files of the archive, and stays on the journal until then.

The group's position moves past an event when the event is in a file that has its name. A worker that dies in between
leaves the position where it was; the next owner of the partition asks the archive for its last stream id, and skips
what the dead one had written without having said so. So every event is in exactly one file.

When many small files of a day have gathered, they are merged.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from orchestra import Consumer
from orchestra.archive.archive import Archive
from orchestra.archive.writer import Archiver
from orchestra.bus import Bus, Entry

_log = structlog.get_logger()

# when it is told to stop, it writes what it holds
consumer = Consumer("archive", grace_s=10.0)

_archiver: Archiver


@consumer.lifespan
@asynccontextmanager
async def _files(bus: Bus) -> AsyncIterator[None]:
    global _archiver  # noqa: PLW0603 - one consumer a process
    settings = bus.settings
    _archiver = Archiver(
        Archive.of(settings),
        bus.journal_now,
        flush_s=settings.archive_flush_s,
        rows=settings.archive_rows,
        alarm_s=settings.lag_alarm_s,
    )
    consumer.gauges = {
        "orchestra_archive_oldest_seconds": (
            "for how long the oldest event has been waiting for its file",
            lambda: _archiver.oldest_s,
        ),
        "orchestra_archive_held": ("events that wait for their file", lambda: _archiver.held),
        "orchestra_archive_failures": ("attempts at writing a file that failed", lambda: _archiver.failures),
        "orchestra_archive_troubled": ("1 while the archive cannot be written", lambda: _archiver.troubled),
    }
    try:
        yield
    finally:
        await _archiver.close()
        _log.info("archive.stopped", events=_archiver.written, files=_archiver.files)


@consumer.on_partition
def _changed(partition: int, mine: bool) -> None:
    _archiver.partition_changed(partition, mine)


# a file is made of half as much, in entries and in bytes
@consumer.on_batch(pending=False, most=10_000, most_bytes=16_000_000)
async def keep(entries: list[Entry]) -> None:
    """Keep what was read together; returns, some seconds later, when it is in a file."""
    await _archiver.keep(entries)
