"""Makes the files of the derived tables, while workers write, others read, and another process does the same.

A worker makes them for its last files as soon as these are many events, and joins them when it merges files. What is
joined is derived rows, not events, so that a day that is merged often is not parsed each time.
"""
# ruff: noqa: S608 - names and conditions of our own

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, groupby

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from orchestra.archive.archive import Archive, ArchiveFile, ArchivePart, effective_parts, without_calls
from orchestra.archive.derived.combine import combine
from orchestra.archive.derived.encoding import parquet_of
from orchestra.archive.derived.facts import facts
from orchestra.archive.derived.files import (
    FOLDER,
    VERSION,
    coverage,
    derived_archive,
    derived_files,
    derived_path,
    paths_of,
    summed_files,
)
from orchestra.archive.derived.sources import allow_files, derived_rows, event_rows
from orchestra.archive.derived.summing import summed
from orchestra.archive.derived.sums import SUMS
from orchestra.archive.derived.tables import TABLES
from orchestra.archive.derived.without_calls import write_without
from orchestra.archive.marks import Gone
from orchestra.archive.runs import mergeable_runs
from orchestra.clock import SYSTEM_CLOCK

#: a query reads fewer events than these quickly, even of every partition
FEW_EVENTS = 20_000
FEW_FILES = 16
#: more events are parsed in several turns, which bounds the memory
_MOST_AT_ONCE = 250_000
#: between naming new files and removing old ones, so that a reader that lists the folder in between sees either, and
#: time enough for another process to write the files of a range, all of which it has made before
SETTLE_S = 1.0
#: half a file that is older than this belongs to a dead process
_ABANDONED_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbours of one day and stream that get one file: what is ``derived`` of them already, and the ``raw`` rest."""

    parts: list[ArchivePart]
    derived: list[ArchiveFile]
    raw: list[ArchivePart]

    @property
    def range(self) -> ArchiveFile:
        first, last = self.parts[0].file, self.parts[-1].file
        return ArchiveFile(first.journal, first.partition, first.first, last.last, first.day)


@dataclass(slots=True)
class Derivation:
    """The ranges that got derived tables, and why others could not get any, one sentence each.

    ``summed`` are those that had tables, and got their sums.
    """

    made: list[ArchiveFile] = field(default_factory=list)
    summed: list[ArchiveFile] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def derive(
    archive: Archive,
    *,
    partitions: Collection[int] | None = None,
    journal: str | None = None,
    few: int = 1,
    join: bool = False,
    afresh: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Derivation:
    """Make the derived tables of events that have none yet, and sums of those that an older platform made. Blocks.

    Args:
        archive: the archive.
        partitions: only these.
        journal: only this one.
        few: fewer events than these of the last day are left for later, unless they are in many files.
        join: also join the files of a day, up to a million events.
        afresh: make all of them again from the events.
        progress: called with the number of finished streams and days, and of all.

    Raises:
        OSError: the archive cannot be listed or written. What was made before stays.

    """
    known = [] if afresh else list(derived_files(archive, partitions=partitions, journal=journal))
    without = set(known) - summed_files(archive, partitions=partitions, journal=journal) if known else set()
    parts = effective_parts(archive.files(partitions=partitions, journal=journal))
    days = [list(day) for _, day in groupby(parts, key=lambda part: part.file.folder)]
    latest = {(part.file.journal, part.file.partition): part.file.day for part in parts}
    result = Derivation()
    for done, day in enumerate(days):
        first = day[0].file
        least = few if first.day == latest[first.journal, first.partition] else 1
        try:
            runs = list(_joined(archive, day, known) if join or afresh else _missing(archive, day, known, least))
        except OSError as error:  # a damaged file keeps no other day from its tables
            result.failed.append(_failure(first.folder, error))
            runs = []
        for run in runs:
            marked = archive.marks.digests()
            try:
                tables = _made(archive, run, Gone(marked))
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                result.failed.append(_failure(run.range.path, error))
                continue
            for path, content in [(path, parquet_of(tables[table])) for table, path in paths_of(run.range).items()]:
                archive.root.write(path, content)
            while new := archive.marks.digests() - marked:  # the events that were read may have had their calls
                write_without(archive, run.range, Gone(new))
                marked |= new
            result.made.append(run.range)
        for file in coverage(day, [*known, *result.made]).derived if without else ():
            if file in without:
                _sum_up(archive, file, result)
        progress(done + 1, len(days))
    return result


def _sum_up(archive: Archive, file: ArchiveFile, result: Derivation) -> None:
    """Add the sums of a range that has derived tables."""
    database = duckdb.connect(":memory:", config={"temp_directory": "", "threads": 1})
    try:
        rows = derived_rows([file], allow_files(database, archive, list(paths_of(file).values())))
        archive.root.write(derived_path(SUMS, file), parquet_of(summed(database, rows or {})))
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        result.failed.append(_failure(file.path, error))
    else:
        result.summed.append(file)
    finally:
        database.close()


def _failure(place: str, error: Exception) -> str:
    return f"the derived tables of {place} cannot be made: {' '.join(str(error).split())}"


def rebuild(archive: Archive, *, progress: Callable[[int, int], None], settle_s: float | None = None) -> Derivation:
    """Make all derived tables again from the events, and remove all others. Blocks.

    A range whose first and last events are still there counts, even if a file between them was deleted; so of the old
    ranges none stays. What a worker derives meanwhile goes with them: it may have been joined with such a range. Until
    the worker derives it again, queries read its events.

    Raises:
        OSError: the archive cannot be listed or written, or an old range cannot be removed.

    """
    result = derive(archive, afresh=True, progress=progress)
    sweep_derived(archive, stay=result.made, settle_s=settle_s)
    forget_other_versions(archive)
    return result


def _missing(archive: Archive, day: list[ArchivePart], known: Collection[ArchiveFile], least: int) -> Iterator[_Run]:
    """Neighbours without derived rows, if they are many enough."""
    raw = set(coverage(day, known).raw)
    for is_raw, group in groupby(day, key=raw.__contains__):
        run = _from_whole(list(group))
        if is_raw and run and (len(run) >= FEW_FILES or _events(archive, run) >= least):
            yield _Run(run, [], run)


def _joined(archive: Archive, day: list[ArchivePart], known: Collection[ArchiveFile]) -> Iterator[_Run]:
    """The files that may be merged, without those that have one derived range already."""
    whole_day = coverage(day, known)
    if not whole_day.raw and len(whole_day.derived) == 1:
        return  # the files of most days need not be opened, which at a URL means to fetch them
    for run in mergeable_runs(archive, day):
        parts = _from_whole(run)
        covered = coverage(parts, known)
        if covered.raw or len(covered.derived) > 1:
            yield _Run(parts, covered.derived, covered.raw)


def _from_whole(parts: list[ArchivePart]) -> list[ArchivePart]:
    """Without parts of files at the beginning: what is derived begins where a file does."""
    return list(dropwhile(lambda part: not part.whole, parts))


def _events(archive: Archive, parts: Sequence[ArchivePart]) -> int:
    count = 0
    for part in parts:
        with archive.open(part.file) as opened:
            count += opened.metadata.num_rows
    return count


def _made(archive: Archive, run: _Run, gone: Gone) -> dict[str, pa.Table]:
    """The tables of one range without calls that were forgotten, and their sums, by name."""
    slices = 1 + _events(archive, run.raw) // _MOST_AT_ONCE
    made: dict[str, list[pa.Table]] = {table: [] for table in TABLES}
    for number in range(slices):
        for table, rows in _derived(archive, run, f"hash(call) % {slices} = {number}" if slices > 1 else "true"):
            made[table].append(rows)
    tables = {table: without_calls(pa.concat_tables(rows), gone) for table, rows in made.items()}
    database = duckdb.connect(":memory:", config={"temp_directory": "", "threads": 1})
    try:
        for table, rows in tables.items():
            database.register(f"made_{table}", rows)
        return {**tables, SUMS: summed(database, {table: f"made_{table}" for table in tables})}
    finally:
        database.close()


def _derived(archive: Archive, run: _Run, which: str) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each table, of the calls that meet this condition."""
    database = duckdb.connect(":memory:", config={"temp_directory": "", "threads": 1})
    try:
        events = [part.file.path for part in run.parts if part.whole]
        paths = [path for file in run.derived for path in paths_of(file).values()]
        names = allow_files(database, archive, events + paths)
        for view, parts in (("entries", run.parts), ("raw_entries", run.raw)):
            sources = [
                f"SELECT * FROM {each} WHERE {which}"
                for each in event_rows(database, archive, parts, names, loaded=f"loaded_{view}")
            ]
            if sources:
                database.execute(f"CREATE VIEW {view} AS {' UNION ALL BY NAME '.join(sources)}")
        stored = derived_rows(run.derived, names)
        if stored is None:  # views of views would only be bound again for each table
            database.execute(f"CREATE TABLE facts AS {facts('raw_entries')}")
            made = {name: f"({table.of_facts})" for name, table in TABLES.items()}
        else:
            stored = {table: f"(SELECT * FROM {rows} WHERE {which})" for table, rows in stored.items()}
            combine(database, stored, raw="raw_entries" if run.raw else "", ids="entries")
            made = {name: f"derived_{name}" for name in TABLES}
        for name, table in TABLES.items():
            yield name, database.sql(f"FROM {made[name]} ORDER BY {table.order}").to_arrow_table()
    finally:
        database.close()


def sweep_derived(
    archive: Archive,
    *,
    partitions: Collection[int] | None = None,
    journal: str | None = None,
    stay: Collection[ArchiveFile] | None = None,
    settle_s: float | None = None,
) -> None:
    """Remove the files of derived tables that no query reads any more.

    These are ranges that were joined, those whose events are gone, and halves that a dead process left. What cannot be
    removed, because of missing rights, does no harm.

    With ``stay`` every range goes but these, also one that queries read.

    Raises:
        OSError: the archive cannot be listed, or with ``stay`` a range cannot be removed: queries still read it.

    """
    # in this order: a range that a worker adds meanwhile is not known, and so it does not seem to be without its events
    known = set(derived_files(archive, partitions=partitions, journal=journal))
    parts = effective_parts(archive.files(partitions=partitions, journal=journal))
    gone = known - set(coverage(parts, known).derived if stay is None else stay)
    oldest_ms = SYSTEM_CLOCK.time() * 1000 - _ABANDONED_MS
    halves = [
        (files, file)
        for files in (derived_archive(archive, table) for table in (SUMS, *TABLES))
        for file in files.files(partitions=partitions, journal=journal)
        if file not in known and file.last.ms < oldest_ms
    ]
    if gone or halves:
        time.sleep(SETTLE_S if settle_s is None or halves else settle_s)
    for file in sorted(gone):
        for table, path in reversed(paths_of(file).items()):  # the one first that says that the others are complete
            if stay is None or table == SUMS:
                _remove(archive, path)
            else:
                archive.root.remove(path)
    # events may be old, and another process may just have been writing the tables of their range
    complete = set(derived_files(archive, partitions=partitions, journal=journal)) if halves else set()
    for files, file in halves:
        if file not in complete:
            _remove(files, file.path)


def _remove(archive: Archive, path: str) -> None:
    try:
        archive.root.remove(path)
    except OSError:
        return


def forget_other_versions(archive: Archive) -> None:
    """Remove the derived tables of other versions of the platform."""
    for version in archive.root.names(FOLDER):
        if version == VERSION:
            continue
        for table in archive.root.names(f"{FOLDER}/{version}"):
            old = Archive(f"{archive.root.location.rstrip('/')}/{FOLDER}/{version}/{table}")
            for file in old.files():
                _remove(old, file.path)
