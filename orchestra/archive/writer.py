"""What the archive worker holds: entries that wait for their file, partition by partition.

keep(batch) ──┐                                        ┌─ written ──▶ all of them return, and the group goes on
keep(batch) ──┼─ of one partition ─ full, or waited ───┤
keep(batch) ──┘                     for long enough    └─ no room, no place ─ wait longer ─ again (for ever)
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
from orchestra.bus.backoff import Backoff
from orchestra.bus.stream.entry import Entry
from orchestra.bus.stream.stream_id import StreamId

_LOG = structlog.get_logger("orchestra.archive")

_SAY_EVERY_S = 10.0
#: a file is made when so many bytes of bodies wait, however few entries they are
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
    """The batches of one partition that wait, in order; ``last`` is the last id in a file, None before it is known.

    ``journal`` is the name under which that is so, ``files`` are small ones that have gathered there in a day.
    """

    waiting: list[_Batch] = field(default_factory=list)
    last: StreamId | None = None
    journal: str = ""
    files: int = 0
    hurry: bool = False
    more: asyncio.Event = field(default_factory=asyncio.Event)
    tending: asyncio.Task[None] | None = None

    def is_full(self, rows: int) -> bool:
        if sum(len(batch.entries) for batch in self.waiting) >= rows:
            return True
        return sum(batch.bytes for batch in self.waiting) >= _MOST_BYTES


class ArchiveWriter:
    """Brings the entries of many batches together in few files. Nothing is given up.

    Args:
        archive: where to.
        journal: asks for the name of the journal that they are of; it may become another.
        flush_s: how long an entry waits at most while all is well.
        rows: entries of one partition that make a file before that.
        alarm_s: from when on waiting is worth an alarm.
        many: so many files of a partition in a day are merged into few.

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
        """For how long the oldest entry has been waiting for its file, in seconds; 0 when none is."""
        begun = [stream.waiting[0].since for stream in self._streams.values() if stream.waiting]
        return time.monotonic() - min(begun) if begun else 0.0

    @property
    def held(self) -> int:
        """How many events wait for their file."""
        return sum(len(batch.entries) for stream in self._streams.values() for batch in stream.waiting)

    @property
    def troubled(self) -> bool:
        """Whether the place could not be written at the last attempt."""
        return self._troubled

    def partition_changed(self, partition: int, mine: bool) -> None:
        """A partition has come: see what another owner has written of it; or it goes: write what waits now."""
        stream = self._streams.setdefault(partition, _Stream())
        stream.hurry = not mine
        if mine:
            stream.last = None
        stream.more.set()

    async def keep(self, entries: list[Entry]) -> None:
        """Return when these entries, which follow the batch before, are in a file."""
        stream = self._streams.setdefault(entries[0].partition, _Stream())
        size = sum(len(entry.body) for entry in entries)
        batch = _Batch(entries, asyncio.get_running_loop().create_future(), time.monotonic(), size)
        stream.waiting.append(batch)
        stream.more.set()
        if stream.tending is None or stream.tending.done():
            stream.tending = asyncio.create_task(self._tend(entries[0].partition, stream))
        try:
            await batch.done
        except asyncio.CancelledError:  # the partition is another's, who begins anew where the group is
            stream.last = None
            if batch in stream.waiting:
                stream.waiting.remove(batch)
            raise

    async def close(self) -> None:
        """End what still waits; who waits for it has been cancelled already."""
        tasks = [stream.tending for stream in self._streams.values() if stream.tending is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one partition

    async def _tend(self, partition: int, stream: _Stream) -> None:
        while stream.waiting:
            await self._ripe(stream)
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

    async def _merge(self, partition: int, stream: _Stream) -> None:
        """Make few files of the many that have gathered; what comes meanwhile waits for the next one."""
        stream.files = 0
        try:
            async with self._writing:
                done = await asyncio.to_thread(compact, self._archive, partitions=[partition], journal=stream.journal)
        except Exception as error:  # noqa: BLE001 - as below; with as many files more it is tried again
            _LOG.warning("archive.not_compacted", partition=partition, error=str(error) or repr(error))
        else:
            _LOG.info(
                "archive.compacted", partition=partition, merged=done.merged, made=done.made, removed=done.covered,
                kept=done.kept, bytes_before=done.bytes_before, bytes_after=done.bytes_after,
            )  # fmt: skip

    async def _ripe(self, stream: _Stream) -> None:
        """Wait until there is enough for a file, or it has waited for long enough, or the partition goes."""
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
        """Write a file of what is not in one yet; for as long as it takes, or nobody waits for it any more."""
        backoff = Backoff(0.2, 20.0)
        while not all(batch.done.done() for batch in batches):
            try:
                async with self._writing:
                    journal, last = await self._journal(), stream.last
                    if last is None or journal != stream.journal:
                        last = await asyncio.to_thread(self._archive.last, journal, partition)
                        stream.files = await asyncio.to_thread(_in_one_day, self._archive, journal, partition)
                    stream.journal = journal
                    entries = _beyond(last, batches)
                    if entries:
                        await asyncio.to_thread(self._archive.write, journal, entries, after=last)
            except Exception as error:  # noqa: BLE001 - a place behind a URL raises what its driver likes
                self.failures += 1
                self._say(partition, error)
                await backoff.wait()
                continue
            self.written += len(entries)
            self.files += bool(entries)
            stream.files += bool(entries)
            stream.last = StreamId.parse(entries[-1].stream_id) if entries else last
            self._well()
            return

    # -- what is said of it

    def _say(self, partition: int, error: Exception) -> None:
        """Not at every attempt: nobody reads that."""
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

    def _well(self) -> None:
        if self._troubled:
            self._troubled = False
            _LOG.info("archive.recovered", place=str(self._archive.root))


def _in_one_day(archive: Archive, journal: str, partition: int) -> int:
    """How many files of a partition count in the day that has most of them."""
    parts = effective_parts(archive.files(partitions=[partition], journal=journal))
    return max(Counter(part.file.day for part in parts).values(), default=0)


def _beyond(last: StreamId, batches: list[_Batch]) -> list[Entry]:
    """The entries of these batches, without those that a file of an owner before us has already."""
    entries = [entry for batch in batches if not batch.done.done() for entry in batch.entries]
    if last == BEGINNING or not entries or StreamId.parse(entries[0].stream_id) > last:
        return entries
    return [entry for entry in entries if StreamId.parse(entry.stream_id) > last]
