"""The archive: the whole journal in Parquet files, by day and partition, in a folder or at any fsspec URL.

``2026-11-22/p07-3f9ac2d1/1763830000000-0_1763830059412-3.parquet`` holds every event of partition 7 of the journal
``3f9ac2d1`` (a server's own name, so that two servers may share an archive) from the first stream id to the last.

Every event counts once, even if workers die or are paused while they write:

- A file gets its name when it is complete, and holds all entries of its stream between the two ids.
- The owner of a partition writes one file after the other, and starts after the last stream id in the archive. So
  events that an owner wrote before it died, without committing them, are not written again.
- Two files of a partition can still overlap. An owner that was paused during a write and lost its lease renames its
  file, although its successor has written the same events. And a merged file exists beside its parts until they are
  removed. Since each file holds everything between its ids, a reader takes the files in the order of their first ids,
  the longest first, and of each file only what comes after the last id it has seen: `ArchivePart.after`. A file that
  others cover entirely is not read, and `compact` removes it.
"""

import heapq
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, reduce
from itertools import groupby
from typing import Any

from orchestra.archive.marks import Gone, Marks
from orchestra.bus.keys import earliest_ms, partition_of
from orchestra.bus.stream.entry import Entry
from orchestra.bus.stream.stream_id import StreamId
from orchestra.errors import MissingExtraError
from orchestra.filesystem import FileRoot
from orchestra.settings import Settings

try:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.compute as pc  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    from orchestra.archive.parquet import (
        INT64_MAX,
        ROW_GROUP,
        ParquetFileWriter,
        missing_columns,
        one_of,
        require_values,
        sort_by_stream_id,
        to_entries,
        to_table,
    )
except ModuleNotFoundError as missing:
    _msg = f'the archive needs {missing.name}: pip install "orchestra-voice[archive]"'
    raise MissingExtraError(_msg) from missing

BEGINNING = StreamId(0)

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FOLDER = re.compile(r"p(\d\d)-([0-9a-z]+)")
_FILE = re.compile(r"(\d+)-(\d+)_(\d+)-(\d+)\.parquet")
_LEVEL = 2
#: of files that are merged
MERGED_LEVEL = 9
_DAY_MS = 86_400_000
#: in the last year with four digits; the call id of another program may contain any time
LAST_MS = 253_402_300_799_000
_LAST_DAY = "9999-12-31"


@dataclass(frozen=True, slots=True, order=True)
class ArchiveFile:
    """One file of the archive, by its name: the day, the stream and its first and last stream ids."""

    journal: str
    partition: int
    first: StreamId
    last: StreamId
    day: str

    @property
    def path(self) -> str:
        """Below the archive's root."""
        return f"{self.folder}/{self.first}_{self.last}.parquet"

    @property
    def folder(self) -> str:
        """The folder of its day and stream."""
        return f"{self.day}/p{self.partition:02d}-{self.journal}"


@dataclass(frozen=True, slots=True)
class ArchivePart:
    """The rows of a file that count: those after ``after``; all of them unless it overlaps with another file."""

    file: ArchiveFile
    after: StreamId = BEGINNING

    @property
    def whole(self) -> bool:
        """Whether every row counts."""
        return self.after < self.file.first


def effective_parts(files: Collection[ArchiveFile]) -> list[ArchivePart]:
    """The parts of these files that count, by stream and in its order, without files that others cover."""
    parts = []
    for _, stream in groupby(sorted(files, key=_longest_first), key=lambda file: (file.journal, file.partition)):
        seen = BEGINNING
        for file in stream:
            if file.last > seen:
                parts.append(ArchivePart(file, seen))
                seen = file.last
    return parts


def _longest_first(file: ArchiveFile) -> tuple[str, int, StreamId, tuple[int, int]]:
    return file.journal, file.partition, file.first, (-file.last.ms, -file.last.sequence)


class Archive:
    """The files in one folder or at one URL. All methods block, and raise OSError if it cannot be reached."""

    def __init__(self, root: str) -> None:
        self.root = FileRoot(root)
        #: the calls that were forgotten, see `orchestra.archive.forgotten`
        self.marks = Marks(self.root)

    @classmethod
    def of(cls, settings: Settings) -> "Archive":
        """The archive of the settings."""
        return cls(settings.archive)

    # -- listing

    def files(
        self,
        *,
        partitions: Collection[int] | None = None,
        journal: str | None = None,
        days: Callable[[str], bool] = lambda _: True,
    ) -> list[ArchiveFile]:
        """All files, including those that others cover, of these partitions, this journal and these days."""
        found: list[ArchiveFile] = []
        for day in sorted(filter(_DAY.fullmatch, self.root.names())):
            for folder in self.root.names(day) if days(day) else ():
                named = _FOLDER.fullmatch(folder)
                if named is None or (partitions is not None and int(named[1]) not in partitions):
                    continue
                if journal is None or named[2] == journal:
                    found += self._in(day, folder, int(named[1]), named[2])
        return found

    def _in(self, day: str, folder: str, partition: int, journal: str) -> Iterator[ArchiveFile]:
        for name in self.root.names(f"{day}/{folder}"):
            if (ids := _FILE.fullmatch(name)) is not None:
                numbers = [int(number) for number in ids.groups()]
                yield ArchiveFile(journal, partition, StreamId(*numbers[:2]), StreamId(*numbers[2:]), day)

    def last(self, journal: str, partition: int) -> StreamId:
        """The last archived stream id of a partition; (0, 0) if there is none."""
        folder = f"p{partition:02d}-{journal}"
        for day in sorted(filter(_DAY.fullmatch, self.root.names()), reverse=True):
            found = [file.last for file in self._in(day, folder, partition, journal)]
            if found:
                return max(found)
        return BEGINNING

    # -- writing

    def write(self, journal: str, entries: Sequence[Entry], *, after: StreamId = BEGINNING) -> list[ArchiveFile]:
        """Write entries of one partition, in their order: one file for each day.

        ``after`` is the last stream id that the group had processed before them.
        """
        written = []
        for rows in _by_day(entries):
            first, last = (StreamId.parse(entry.stream_id) for entry in (rows[0], rows[-1]))
            file = ArchiveFile(journal, rows[0].partition, first, last, _day(first[0]))
            self.put(file, to_table(rows), after=after)
            written.append(file)
            after = file.last
        return written

    def put(self, file: ArchiveFile, rows: pa.Table, *, after: StreamId, level: int = _LEVEL) -> None:
        """Write the rows of a file, without those of calls that were forgotten; they are in order."""

        def write(gone: Gone) -> None:
            sheet = ParquetFileWriter({"after": str(after)}, level=level)
            sheet.add(without_calls(rows, gone))
            self.root.write(file.path, sheet.finish())

        self.marks.write_unmarked(write, partial(self.rewrite, file))

    def rewrite(
        self, file: ArchiveFile, gone: Callable[[Iterable[str]], Collection[str]], *, dry_run: bool = False
    ) -> int:
        """Write a file again without the events of some calls; returns their number. It keeps its name.

        Args:
            file: the file.
            gone: says which of the calls in it.
            dry_run: only count the events.

        Raises:
            FileNotFoundError: it is not there any more.
            OSError: it is damaged, or cannot be read or written.

        """
        with _damage_as_os_error(file), self._opened(self._source(file)) as opened:
            calls = opened.read(columns=["call"])["call"]
            chosen = gone(calls.unique().to_pylist())
            count = pc.sum(one_of(calls, chosen)).as_py() or 0 if chosen else 0
            if not count or dry_run:
                return int(count)
            level = _LEVEL if opened.metadata.num_rows <= ROW_GROUP else MERGED_LEVEL
            sheet = ParquetFileWriter({"after": str(self.after(file, opened))}, level=level)
            for group in range(opened.num_row_groups):
                rows = require_values(opened.read_row_group(group))
                sheet.add(rows.filter(pc.invert(one_of(rows["call"], chosen))))
        self.root.write(file.path, sheet.finish())
        return int(count)

    # -- reading

    def open(self, file: ArchiveFile) -> pq.ParquetFile:
        """Open a file for reading.

        Raises:
            OSError: it is damaged, not an archive file, or cannot be reached.

        """
        with _damage_as_os_error(file):
            return self._opened(self._source(file))

    def _source(self, file: ArchiveFile) -> pa.NativeFile:
        """The bytes of a file; a file on this machine is read only where necessary."""
        if self.root.folder is not None:
            return pa.memory_map(str(self.root.folder / file.path))
        return pa.BufferReader(self.root.read(file.path))

    @staticmethod
    def _opened(source: pa.NativeFile) -> pq.ParquetFile:
        opened = pq.ParquetFile(source)
        if wrong := missing_columns(opened.schema_arrow):
            opened.close()
            msg = f"it has no {' and no '.join(wrong)}"
            raise ValueError(msg)
        return opened

    def after(self, file: ArchiveFile, opened: pq.ParquetFile) -> StreamId:
        """The last id that the group had processed before the first entry of a file.

        Raises:
            OSError: the file does not have it in the right form.

        """
        with _damage_as_os_error(file):
            stored = (opened.schema_arrow.metadata or {}).get(b"after", b"0-0")
            return StreamId.parse(stored)

    def tables(self, part: ArchivePart, **filters: Any) -> Iterator[pa.Table]:
        """The rows of a file that count, in order, in tables of up to 65,536; see `entries` for the filters.

        Raises:
            OSError: it is damaged, not an archive file, or cannot be reached.

        """
        wanted = _RowFilter(BEGINNING if part.whole else part.after, **filters)
        with _damage_as_os_error(part.file), self._opened(self._source(part.file)) as opened:
            for group in range(opened.num_row_groups):
                # the columns that are asked about are a fraction of a row
                if not wanted.columns or wanted.may_be_in(opened.read_row_group(group, columns=wanted.columns)):
                    yield sort_by_stream_id(wanted.of(require_values(opened.read_row_group(group))))

    def entries(
        self,
        *,
        calls: Collection[str] | None = None,
        since: float | None = None,
        until: float | None = None,
        types: Collection[str] | None = None,
    ) -> Iterator[Entry]:
        """The archived entries, each once, as they were on the journal, in the order of their stream ids.

        Args:
            calls: only of these calls.
            since: only entries that the server stored at this time or later, epoch seconds.
            until: only entries before this time.
            types: only of these types (``user.turn.ended``).

        Raises:
            OSError: the archive cannot be reached, or a file is damaged.

        """
        since_ms = None if since is None else int(since * 1000)
        until_ms = None if until is None else int(until * 1000)
        partitions = None if calls is None else {partition_of(call) for call in calls}
        begun = max(since_ms or 0, min((earliest_ms(call) for call in calls or ()), default=0))
        first, last = _day(begun), _LAST_DAY if until_ms is None else _day(until_ms)
        parts = effective_parts(self.files(partitions=partitions, days=lambda day: first <= day <= last))
        parts = [part for part in parts if part.file.last[0] >= begun]
        parts = [part for part in parts if until_ms is None or part.file.first[0] < until_ms]
        wanted: dict[str, Any] = {"calls": calls, "types": types, "since_ms": since_ms, "until_ms": until_ms}
        streams = [
            self._stream(list(each), wanted)
            for _, each in groupby(parts, key=lambda part: (part.file.journal, part.file.partition))
        ]
        several = len({part.file.journal for part in parts}) > 1
        merged = heapq.merge(*streams, key=lambda pair: pair[0])
        yield from _once(merged, everywhere=calls is not None) if several else (entry for _, entry in merged)

    def _stream(self, parts: list[ArchivePart], wanted: dict[str, Any]) -> Iterator[tuple[StreamId, Entry]]:
        """The entries of one stream; files that were merged after the listing are found under their new names."""
        waiting = deque(parts)
        while waiting:
            part = waiting.popleft()
            try:
                for table in self.tables(part, **wanted):
                    with _damage_as_os_error(part.file):
                        for entry in to_entries(table):
                            yield StreamId.parse(entry.stream_id), entry
            except FileNotFoundError:
                file = part.file
                after = max(part.after, StreamId(file.first.ms, file.first.sequence - 1))
                now = effective_parts(self.files(partitions=[file.partition], journal=file.journal))
                waiting = deque(
                    ArchivePart(each.file, max(each.after, after)) for each in now if each.file.last > after
                )
                if any(each.file == file for each in waiting):
                    raise


@contextmanager
def _damage_as_os_error(file: ArchiveFile) -> Iterator[None]:
    """Report what Arrow finds wrong with a file in one line, with the name of the file.

    Raises:
        OSError: the file is damaged, or cannot be reached.

    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        words = " ".join(str(error).split())
        if isinstance(error, OSError) and words == str(error):
            raise
        msg = f"the archive's file {file.path} is damaged: {words}"
        raise OSError(msg) from error


class _RowFilter:
    """Which rows are wanted."""

    def __init__(
        self,
        after: StreamId,
        *,
        calls: Collection[str] | None = None,
        types: Collection[str] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> None:
        self._after = min(after[0], INT64_MAX), min(after[1], INT64_MAX)
        self._calls = None if calls is None else sorted(calls)
        self._types = None if types is None else sorted(types)
        self._since_ms = since_ms
        self._until_ms = until_ms

    @property
    def columns(self) -> list[str]:
        """The columns that tell which rows are wanted; none if all are."""
        asked = {
            "stream_ms": self._after != BEGINNING or self._since_ms is not None or self._until_ms is not None,
            "stream_seq": self._after != BEGINNING,
            "call": self._calls is not None,
            "type": self._types is not None,
        }
        return [name for name, is_asked in asked.items() if is_asked]

    def may_be_in(self, rows: pa.Table) -> bool:
        """Whether any of these rows is wanted, of which only the `columns` are there.

        The statistics of a row group would say so, too, but Arrow ends the process where they are damaged. Rows without
        a value are damage: they are read, so that this is reported.
        """
        return any(column.null_count for column in rows.columns) or self.of(rows).num_rows > 0

    def of(self, rows: pa.Table) -> pa.Table:
        """The wanted ones of these rows."""
        tests = []
        if self._after != BEGINNING:
            milliseconds = rows["stream_ms"]
            same = pc.and_(pc.equal(milliseconds, self._after[0]), pc.greater(rows["stream_seq"], self._after[1]))
            tests.append(pc.or_(pc.greater(milliseconds, self._after[0]), same))
        if self._since_ms is not None:
            tests.append(pc.greater_equal(rows["stream_ms"], self._since_ms))
        if self._until_ms is not None:
            tests.append(pc.less(rows["stream_ms"], self._until_ms))
        for name, values in (("call", self._calls), ("type", self._types)):
            if values is not None:
                tests.append(one_of(rows[name], values))
        if tests:
            rows = rows.filter(reduce(pc.and_, tests))
        return rows


def without_calls(rows: pa.Table, gone: Gone) -> pa.Table:
    """The rows without those of calls that were forgotten."""
    chosen = gone(rows["call"].unique().to_pylist()) if gone else []
    return rows.filter(pc.invert(one_of(rows["call"], chosen))) if chosen else rows


def _by_day(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Entries in order, divided by day."""
    first, last = (StreamId.parse(entry.stream_id).ms // _DAY_MS for entry in (entries[0], entries[-1]))
    if first == last:
        yield entries
        return
    for _, of_day in groupby(entries, key=lambda entry: StreamId.parse(entry.stream_id).ms // _DAY_MS):
        yield list(of_day)


def _once(found: Iterable[tuple[StreamId, Entry]], *, everywhere: bool) -> Iterator[Entry]:
    """Entries in order, without duplicates of other journals: those with the same stream id, or ``everywhere`` all.

    A server that lost its data gets a journal of another name, which some workers learn later than others.
    """
    last, seen = BEGINNING, set[tuple[str, str]]()
    for stream_id, entry in found:
        if stream_id != last and not everywhere:
            seen.clear()
        last, mark = stream_id, (entry.call, entry.id)
        if entry.id and mark in seen:
            continue
        seen.add(mark)
        yield entry


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(min(milliseconds, LAST_MS) / 1000, UTC).strftime("%Y-%m-%d")
