"""Collects entries into files, partition by partition.

keep(batch) ──┐                                        ┌─ written ──▶ every keep returns, and the group commits
keep(batch) ──┼─ of one partition ─ full, or waited ───┤
keep(batch) ──┘                     for long enough    └─ disk full, no connection ─ wait ─ try again (for ever)
"""

import asyncio
import errno
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from orchestra.archive.archive import BEGINNING, Archive, effective_parts
from orchestra.archive.compact import compact
from orchestra.archive.derived.derive import FEW_EVENTS, FEW_FILES, Derivation, derive
from orchestra.bus.backoff import Backoff
from orchestra.bus.stream.entry import Entry
from orchestra.bus.stream.stream_id import StreamId

_LOG = structlog.get_logger("orchestra.archive")

_SAY_EVERY_S = 10.0
#: this many bytes of bodies make a file, even if they are few entries
_MOST_BYTES = 8_000_000
_CURES = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "the disk quota is used up: make room",
    errno.EROFS: "the folder can only be read: mount it for writing",
    errno.EACCES: "the folder is not ours: let this user write there",
    errno.EPERM: "the folder is not ours: let this user write there",
}


@dataclass(slots=True)
class _Batch:
    entries: list[Entry]
    done: "asyncio.Future[None]"
    since: float
    bytes: int


@dataclass(slots=True)
class _Stream:
    """The waiting batches of one partition, in order; ``last`` is the last archived id, None if it is not known yet.

    ``journal`` is the name of its journal, ``files`` the number of files in its fullest day. ``new_files`` with
    ``new_events`` may have no derived rows yet.
    """

    waiting: list[_Batch] = field(default_factory=list)
    last: StreamId | None = None
    journal: str = ""
    files: int = 0
    new_files: int = 0
    new_events: int = 0
    hurry: bool = False
    more: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Task[None] | None = None

    def is_full(self, rows: int) -> bool:
        if sum(len(batch.entries) for batch in self.waiting) >= rows:
            return True
        return sum(batch.bytes for batch in self.waiting) >= _MOST_BYTES


class ArchiveWriter:
    """Writes the entries of many batches to few files. It tries for ever.

    Args:
        archive: the archive.
        journal: asks for the name of the journal, which changes if the server loses its data.
        flush_s: how long an entry waits at most if nothing fails.
        rows: this many entries of a partition make a file before that.
        alarm_s: after this time a failure is logged as an error.
        many: from this many files of a partition in a day on, they are merged.

    """

    def __init__(
        self,
        archive: Archive,
        journal: Callable[[], Awaitable[str]],
        *,
        flush_s: float,
        rows: int,
        alarm_s: float = 600.0,
        many: int = 64,
    ) -> None:
        self.written = 0
        self.files = 0
        self.failures = 0
        self._archive = archive
        self._journal = journal
        self._flush_s = flush_s
        self._rows = rows
        self._alarm_s = alarm_s
        self._many = many
        self._streams: dict[int, _Stream] = {}
        self._writing = asyncio.Semaphore(2)
        self._said = float("-inf")
        self._troubled = False

    @property
    def oldest_s(self) -> float:
        """How long the oldest entry has been waiting for its file, in seconds; 0 if none is waiting."""
        begun = [stream.waiting[0].since for stream in self._streams.values() if stream.waiting]
        return time.monotonic() - min(begun) if begun else 0.0

    @property
    def held(self) -> int:
        """How many events are waiting for their file."""
        return sum(len(batch.entries) for stream in self._streams.values() for batch in stream.waiting)

    @property
    def troubled(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._troubled

    def partition_changed(self, partition: int, mine: bool) -> None:
        """Look up what the previous owner of a new partition has written, or write what is held of one that goes."""
        stream = self._streams.setdefault(partition, _Stream())
        stream.hurry = not mine
        if mine:
            stream.last = None
        stream.more.set()

    async def keep(self, entries: list[Entry]) -> None:
        """Archive the next entries of a partition; returns when they are in a file."""
        stream = self._streams.setdefault(entries[0].partition, _Stream())
        size = sum(len(entry.body) for entry in entries)
        batch = _Batch(entries, asyncio.get_running_loop().create_future(), time.monotonic(), size)
        stream.waiting.append(batch)
        stream.more.set()
        if stream.writing is None or stream.writing.done():
            stream.writing = asyncio.create_task(self._write_batches(entries[0].partition, stream))
        try:
            await batch.done
        except asyncio.CancelledError:  # another worker owns the partition now, and starts at the group's position
            stream.last = None
            if batch in stream.waiting:
                stream.waiting.remove(batch)
            raise

    async def close(self) -> None:
        """End the tasks; everybody who waits for them has been cancelled already."""
        tasks = [stream.writing for stream in self._streams.values() if stream.writing is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one partition

    async def _write_batches(self, partition: int, stream: _Stream) -> None:
        while stream.waiting:
            await self._wait_until_due(stream)
            batches = [batch for batch in stream.waiting if not batch.done.done()]
            if not batches:
                return
            await self._write(partition, stream, batches)
            stream.waiting = [batch for batch in stream.waiting if batch not in batches]
            for batch in batches:
                if not batch.done.done():
                    batch.done.set_result(None)
            if stream.files >= self._many:
                await self._merge(partition, stream)
            elif stream.new_events >= FEW_EVENTS or stream.new_files >= FEW_FILES:
                await self._derive(partition, stream)

    async def _derive(self, partition: int, stream: _Stream) -> None:
        """Add what is derived of the last files; until then queries work it out from their events."""
        stream.new_files = stream.new_events = 0
        try:
            async with self._writing:
                done = await asyncio.to_thread(
                    derive, self._archive, partitions=[partition], journal=stream.journal, few=FEW_EVENTS
                )
        except Exception as error:  # noqa: BLE001 - as below; after as many files more it is tried again
            done = Derivation(failed=[str(error) or repr(error)])
        for reason in done.failed:
            _LOG.warning("archive.not_derived", partition=partition, error=reason)

    async def _merge(self, partition: int, stream: _Stream) -> None:
        """Merge the files of a partition; new entries wait meanwhile."""
        stream.files = stream.new_files = stream.new_events = 0
        try:
            async with self._writing:
                done = await asyncio.to_thread(compact, self._archive, partitions=[partition], journal=stream.journal)
        except Exception as error:  # noqa: BLE001 - as below; with as many files more it is tried again
            _LOG.warning("archive.not_compacted", partition=partition, error=str(error) or repr(error))
        else:
            _LOG.info(
                "archive.compacted", partition=partition, merged=done.merged, made=done.made, removed=done.covered,
                kept=done.kept, bytes_before=done.bytes_before, bytes_after=done.bytes_after, derived=done.derived,
                not_derived=done.not_derived,
            )  # fmt: skip

    async def _wait_until_due(self, stream: _Stream) -> None:
        """Wait until a file is full, its entries have waited long enough, or the partition goes."""
        while stream.waiting and not stream.hurry and not stream.is_full(self._rows):
            left = stream.waiting[0].since + self._flush_s - time.monotonic()
            if left <= 0:
                return
            stream.more.clear()
            try:
                async with asyncio.timeout(left):
                    await stream.more.wait()
            except TimeoutError:
                return

    async def _write(self, partition: int, stream: _Stream, batches: list[_Batch]) -> None:
        """Write what is not archived yet; try until it works, or nobody waits for it any longer."""
        backoff = Backoff(0.2, 20.0)
        while not all(batch.done.done() for batch in batches):
            try:
                async with self._writing:
                    journal, last = await self._journal(), stream.last
                    if last is None or journal != stream.journal:
                        last = await asyncio.to_thread(self._archive.last, journal, partition)
                        stream.files = await asyncio.to_thread(_in_one_day, self._archive, journal, partition)
                        stream.new_files = FEW_FILES  # the owner before may have derived nothing
                    stream.journal = journal
                    entries = _beyond(last, batches)
                    if entries:
                        await asyncio.to_thread(self._archive.write, journal, entries, after=last)
            except Exception as error:  # noqa: BLE001 - the driver of a URL may raise anything
                self.failures += 1
                self._log_failure(partition, error)
                await backoff.wait()
                continue
            self.written += len(entries)
            self.files += bool(entries)
            stream.files += bool(entries)
            stream.new_files += bool(entries)
            stream.new_events += len(entries)
            stream.last = StreamId.parse(entries[-1].stream_id) if entries else last
            self._log_recovery()
            return

    # -- logging

    def _log_failure(self, partition: int, error: Exception) -> None:
        """Log a failure, but not every attempt."""
        now = time.monotonic()
        if self._troubled and now - self._said < _SAY_EVERY_S:
            return
        self._said, self._troubled = now, True
        cure = _CURES.get(error.errno or 0) if isinstance(error, OSError) else None
        age = self.oldest_s
        say = _LOG.error if cure or age > self._alarm_s else _LOG.warning
        say(
            "archive.waits", place=str(self._archive.root), partition=partition, error=str(error) or repr(error),
            oldest_s=round(age, 1), cure=cure or "it is tried again; nothing is lost while the journal keeps it",
        )  # fmt: skip

    def _log_recovery(self) -> None:
        if self._troubled:
            self._troubled = False
            _LOG.info("archive.recovered", place=str(self._archive.root))


def _in_one_day(archive: Archive, journal: str, partition: int) -> int:
    """The number of files of a partition in its fullest day."""
    parts = effective_parts(archive.files(partitions=[partition], journal=journal))
    return max(Counter(part.file.day for part in parts).values(), default=0)


def _beyond(last: StreamId, batches: list[_Batch]) -> list[Entry]:
    """The entries of these batches that an earlier owner has not archived."""
    entries = [entry for batch in batches if not batch.done.done() for entry in batch.entries]
    if last == BEGINNING or not entries or StreamId.parse(entries[0].stream_id) > last:
        return entries
    return [entry for entry in entries if StreamId.parse(entry.stream_id) > last]
