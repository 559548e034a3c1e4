"""Merges the archive's small files into larger, better compressed ones, while workers write and others read.

So are the files of the derived tables (`orchestra.archive.derived`).

A merged file covers the ids of its parts, so it replaces them as soon as it has its name (`orchestra.archive.archive`).
A run that is killed leaves drafts or covered files, which the next run removes.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

import pyarrow as pa  # type: ignore[import-untyped]

from orchestra.archive.archive import (
    BEGINNING,
    LAST_MS,
    MERGED_LEVEL,
    Archive,
    ArchiveFile,
    ArchivePart,
    effective_parts,
    without_calls,
)
from orchestra.archive.derived.derive import derive, sweep_derived
from orchestra.archive.marks import Gone
from orchestra.archive.parquet import ROW_GROUP, ParquetFileWriter
from orchestra.archive.runs import MOST_ROWS, mergeable_runs
from orchestra.atomic_file import DRAFT
from orchestra.bus.stream.stream_id import StreamId
from orchestra.clock import SYSTEM_CLOCK

#: a draft that is this old belongs to a dead process
_DRAFT_MS = 24 * 3600 * 1000


@dataclass(slots=True)
class CompactionResult:
    """What was done: ``merged`` files became ``made``; ``covered`` files and ``drafts`` were removed.

    ``kept`` ones could not be removed, because of missing rights; they no longer count. ``derived`` ranges of events
    got derived tables, and ``not_derived`` says why others got none: queries read their events instead.
    """

    merged: int = 0
    made: int = 0
    covered: int = 0
    drafts: int = 0
    kept: int = 0
    derived: int = 0
    not_derived: list[str] = field(default_factory=list)
    bytes_before: int = 0
    bytes_after: int = 0


def compact(
    archive: Archive,
    *,
    partitions: Collection[int] | None = None,
    journal: str | None = None,
    most_rows: int = MOST_ROWS,
    settle_s: float = 1.0,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> CompactionResult:
    """Merge the files of each day and partition into files of up to ``most_rows`` events; remove what is covered.

    Blocks. It can run beside workers, readers and another `compact`.

    Args:
        archive: the archive.
        partitions: only these.
        journal: only this one.
        most_rows: of a merged file.
        settle_s: time between naming the merged files and removing the covered ones, so that a reader that lists the
            folder in between sees either.
        progress: called with the number of finished folders, and of all.

    Raises:
        OSError: the archive cannot be read or written; what was merged before stays.

    """
    result = CompactionResult()
    # before the events are merged, as long as what is derived of their files still fits to these
    derivation = derive(archive, partitions=partitions, journal=journal, join=True)
    result.derived = len(derivation.made) + len(derivation.summed)
    result.not_derived = derivation.failed
    parts = effective_parts(archive.files(partitions=partitions, journal=journal))
    streams = [list(each) for _, each in groupby(parts, key=lambda part: part.file.folder)]
    for done, stream in enumerate(streams):
        for run in mergeable_runs(archive, stream, most_rows) if len(stream) > 1 else ():
            if len(run) > 1:
                _merge(archive, run, result)
        progress(done + 1, len(streams))
    waited = _sweep(archive, archive.files(partitions=partitions, journal=journal), result, settle_s)
    # what was joined has had its names for as long
    sweep_derived(archive, partitions=partitions, journal=journal, settle_s=0.0 if waited else settle_s)
    return result


def _merge(archive: Archive, run: list[ArchivePart], result: CompactionResult) -> None:
    first, last = run[0].file, run[-1].file
    made = ArchiveFile(first.journal, first.partition, first.first, last.last, first.day)
    size = 0

    def write(gone: Gone) -> None:
        nonlocal size
        content = _merged(archive, run, gone)
        archive.root.write(made.path, content)
        size = len(content)

    archive.marks.write_unmarked(write, partial(archive.rewrite, made))
    result.merged += len(run)
    result.made += 1
    result.bytes_before += sum(archive.root.size(part.file.path) for part in run)
    result.bytes_after += size


def _merged(archive: Archive, run: list[ArchivePart], gone: Gone) -> bytes:
    with archive.open(run[0].file) as opened:
        after = archive.after(run[0].file, opened)
    sheet = ParquetFileWriter({"after": str(after)}, level=MERGED_LEVEL)
    waiting: list[pa.Table] = []
    for part in run:
        for table in archive.tables(part):
            waiting.append(without_calls(table, gone))
            if sum(map(len, waiting)) >= ROW_GROUP:
                together = pa.concat_tables(waiting)
                sheet.add(together.slice(0, ROW_GROUP))
                waiting = [together.slice(ROW_GROUP)]
    if waiting:
        sheet.add(pa.concat_tables(waiting))
    return sheet.finish()


def _sweep(archive: Archive, files: list[ArchiveFile], result: CompactionResult, settle_s: float) -> bool:
    """Remove files that others cover, and drafts of dead processes. Whether it has waited for readers."""
    covered = set(files) - {part.file for part in effective_parts(files)}
    if covered:
        time.sleep(settle_s)
    for file in sorted(covered):
        removed = _removed(archive, file.path)
        result.covered += removed
        result.kept += not removed
    for path in _old_drafts(archive, {file.folder for file in files}):
        removed = _removed(archive, path)
        result.drafts += removed
        result.kept += not removed
    return bool(covered)


def _removed(archive: Archive, path: str) -> bool:
    try:
        archive.root.remove(path)
    except OSError:  # no right to delete, or an object lock: covered files do no harm
        return False
    return True


def _old_drafts(archive: Archive, folders: Collection[str]) -> Iterator[str]:
    """Old by the last id in their names: the clock of the server that made it is exact enough."""
    now_ms = SYSTEM_CLOCK.time() * 1000
    for folder in sorted(folders):
        for name in archive.root.names(folder):
            stem, dot, _ = name.partition(".parquet")
            if dot and name.endswith(DRAFT):
                try:
                    last = StreamId.parse(stem.rpartition("_")[2])
                except ValueError:
                    last = StreamId(0)
                if now_ms - last.ms > _DRAFT_MS:
                    yield f"{folder}/{name}"


@dataclass(frozen=True, slots=True)
class ArchiveGap:
    """Events of a partition that the archive should have: a file is gone."""

    journal: str
    partition: int
    after: StreamId
    before: StreamId

    def __str__(self) -> str:
        begin, end = (
            datetime.fromtimestamp(min(ms, LAST_MS) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
            for ms, _ in (self.after, self.before)
        )
        return f"partition {self.partition} of journal {self.journal}: events are missing between {begin} and {end} UTC"


def find_gaps(archive: Archive) -> list[ArchiveGap]:
    """Where a file between others is missing. Files that are missing at the beginning were removed on purpose."""
    found = []
    seen: dict[tuple[str, int], StreamId] = {}
    for part in effective_parts(archive.files()):
        stream = (part.file.journal, part.file.partition)
        with archive.open(part.file) as opened:
            after = archive.after(part.file, opened)
        before = seen.get(stream, BEGINNING)
        if stream in seen and after > before:
            found.append(ArchiveGap(*stream, before, part.file.first))
        seen[stream] = part.file.last
    return found
