"""SQL over all calls: the archive, and what a running journal has beyond it.

The database is in memory and locked: a query can only read the views. It has no access to files or the network. What is
derived of the archive's events is read from its own files; of events that have none yet, it is worked out by the query.
"""
# ruff: noqa: S608 - made of constants, numbers and quoted names of our own

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import structlog

from orchestra.analysis.sql_views import MACROS, VIEWS
from orchestra.archive.archive import BEGINNING, Archive, ArchiveFile, ArchivePart, effective_parts
from orchestra.bus import Bus
from orchestra.bus.redis.embedded import running_url
from orchestra.errors import MissingExtraError, ServerError, UsageError
from orchestra.settings import Settings

try:
    import duckdb
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.compute as pc  # type: ignore[import-untyped]

    from orchestra.analysis.extracted_columns import create_analyses
    from orchestra.analysis.totals import COUNTED, create_totals, find_apart
    from orchestra.archive.derived.combine import combine
    from orchestra.archive.derived.facts import OF_CALL
    from orchestra.archive.derived.files import Coverage, coverage, derived_files, paths_of, summed_files
    from orchestra.archive.derived.sources import allow_files, derived_rows, event_rows
    from orchestra.archive.derived.sums import SUMS
    from orchestra.archive.parquet import INT64_MAX, SCHEMA, to_table
except ModuleNotFoundError as missing:
    _msg = f'queries need {missing.name}: pip install "orchestra-voice[analysis]"'
    raise MissingExtraError(_msg) from missing

_Read = TypeVar("_Read")
_LOG = structlog.get_logger("orchestra.analysis")
_PAGE = 5000
#: what is derived of more events would take too much memory
_MOST_KEPT = 4_000_000
#: how DuckDB's message begins where a file is damaged; the exception is Arrow's if the first rows were read already
_OF_FILES = ("IO Error", "Invalid Input Error", "INTERNAL Error")
#: the first of several rows of one event; an event without an id is identified by its stream id
_FIRST = """
row_number() OVER (
    PARTITION BY call, id, CASE WHEN id = '' THEN concat(journal, '/', stream_ms, '-', stream_seq) END
    ORDER BY stream_ms, stream_seq, journal
) = 1
"""


def _log_warning(text: str) -> None:
    _LOG.warning("query.incomplete", what=text)


class CallDatabase:
    """All calls as views of an SQL database. Use `open`, and `close` at the end."""

    def __init__(
        self, archive: Archive, found: "_Found", live: "_Live", on_warning: Callable[[str], None] = _log_warning
    ) -> None:
        self.files = len(found.parts)
        #: events that are on the journal only
        self.live = sum(map(len, live.tables))
        self._archive = archive
        self._found = found
        self._on_journal = live
        self._on_warning = on_warning
        self._has_columns: duckdb.DuckDBPyConnection | None = None
        try:
            self._database, self._summed = _connect(archive, found, live)
        except (duckdb.Error, pa.ArrowException, OSError):  # checking every file in advance would take long
            self._found = _readable(archive, on_warning)
            self._database, self._summed = _connect(archive, self._found, live.beyond(self._found.parts))

    @classmethod
    async def open(
        cls, settings: Settings, *, journal: bool = True, on_warning: Callable[[str], None] = _log_warning
    ) -> "CallDatabase":
        """Open the archive of the settings, and unless ``journal`` is False what a running server has beyond it.

        ``on_warning`` gets one sentence for a server that should be there and is away, and for each damaged file: the
        answer leaves them out.

        Raises:
            UsageError: the archive cannot be reached.

        """
        archive = await asyncio.to_thread(Archive.of, settings)
        try:
            found = await asyncio.to_thread(_find, archive)
        except OSError as error:
            msg = f"the archive at {archive.root} cannot be reached: {error}"
            raise UsageError(msg) from error
        live = await _live(settings, found.parts, on_warning) if journal else _Live()
        return await asyncio.to_thread(cls, archive, found, live, on_warning)

    def run(self, sql: str) -> "QueryResult":
        """The result of one SELECT. Blocks.

        Raises:
            UsageError: it is not a single SELECT, reads something else than the views, or is wrong.

        """
        try:
            statements = self._database.extract_statements(sql)
        except duckdb.Error as error:
            raise UsageError(_words(error)) from None
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            what = ", ".join(statement.type.name for statement in statements) or "nothing"
            msg = f"a query is one SELECT, and this is {what}; --out saves a result"
            raise UsageError(msg)
        try:
            return self._again_without_damage(lambda: self._result(sql))
        except duckdb.PermissionException as error:
            msg = f"refused: a query can only read {', '.join(VIEWS)} ({_words(error)})"
            raise UsageError(msg) from None
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            said, _, _ = (words := _words(error)).partition(" Did you mean")
            if "Table with name" in said:
                words = f"{said} There are the views {', '.join(VIEWS)}."
            raise UsageError(words) from None

    def _result(self, sql: str) -> "QueryResult":
        if "analyses" in sql.lower() and self._has_columns is not self._database:  # they take a look at every row
            create_analyses(self._database)
            self._has_columns = self._database
        return QueryResult(self._database.sql(sql))

    def _again_without_damage(self, read: Callable[[], _Read]) -> _Read:
        """What a function reads; it is called a second time if files are damaged, or were merged, and others remain."""
        try:
            return read()
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if _is_of_gone_file(error):
                found = _find(self._archive)
            elif _is_of_file(error):
                found = _readable(self._archive, self._on_warning)
            else:
                raise
            if found == self._found:
                raise
        self._database.close()
        live = self._on_journal.beyond(found.parts)
        self._found, (self._database, self._summed) = found, _connect(self._archive, found, live)
        return read()

    def keep(self, *tables: str) -> None:
        """Work out now what has no derived files yet, if several queries will read these tables. Blocks.

        Raises:
            UsageError: the events cannot be read, or too little memory is left.

        """
        try:
            self._again_without_damage(lambda: self._keep(tables))
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise UsageError(_words(error)) from None

    def _keep(self, tables: Sequence[str]) -> None:
        views = {name for (name,) in self._database.execute("SELECT view_name FROM duckdb_views()").fetchall()}
        wanted = [table for table in tables if f"raw_{table}" in views]
        few = f"SELECT count(*) <= {_MOST_KEPT} FROM raw_entries"
        if not wanted or self._database.execute(few).fetchone() == (False,):
            return
        for table in wanted:
            self._database.execute(f"CREATE TABLE kept_{table} AS FROM raw_{table}")
            self._database.execute(f"DROP VIEW raw_{table}")
            self._database.execute(f"ALTER TABLE kept_{table} RENAME TO raw_{table}")

    def totals(self, kinds: Collection[str], since: float | None, until: float | None) -> None:
        """Create the table ``totals`` for the next queries: see `orchestra.archive.derived.sums`. Blocks.

        Only these kinds of rows are summed up, of what has these times (epoch seconds).

        Raises:
            UsageError: no calendar has a time, the events cannot be read, or too little memory is left.

        """
        try:
            self._again_without_damage(lambda: self._create_totals(kinds, since, until))
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise UsageError(_words(error)) from None

    def _create_totals(self, kinds: Collection[str], since: float | None, until: float | None) -> None:
        self._keep(COUNTED)
        if self._summed is not None and not self._database.execute(_HAS_APART).fetchall():
            find_apart(self._database, *self._summed)
        create_totals(self._database, kinds, since, until, stored=self._summed is not None)

    def columns(self) -> dict[str, list[tuple[str, str]]]:
        """All views with the names and types of their columns."""
        return {
            view: [(row["column_name"], row["column_type"]) for row in self.rows(f"DESCRIBE {view}")] for view in VIEWS
        }

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """All rows of the result of one SELECT."""
        return [row for batch in self.run(sql).batches() for row in batch.to_pylist()]

    def interrupt(self) -> None:
        """End the query that runs in another thread, which then raises."""
        self._database.interrupt()

    def close(self) -> None:
        """Close the database and its files."""
        self._database.close()


class QueryResult:
    """The result of a query, in batches of Arrow."""

    def __init__(self, result: "duckdb.DuckDBPyRelation") -> None:
        self._reader = result.to_arrow_reader(_PAGE)
        self.schema: pa.Schema = self._reader.schema
        self._first = next(self._reader, None)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in batches of up to 5,000.

        Raises:
            UsageError: the query fails while it runs, like for a value that cannot be cast, or too little memory.

        """
        if self._first is not None:
            yield self._first
        try:
            yield from self._reader
        except (pa.ArrowException, duckdb.Error, OSError) as error:
            if "No such file" in str(error) or "No files found" in str(error):
                msg = "the archive's files were merged during the query: run it again"
                raise UsageError(msg) from error
            raise UsageError(_words(error)) from None


class _Summed(NamedTuple):
    """What `find_apart` is told of the ranges that have sums."""

    rows: dict[str, str]
    apart: list[str]


def _connect(archive: Archive, found: "_Found", live: "_Live") -> "tuple[duckdb.DuckDBPyConnection, _Summed | None]":
    """A locked database with the views, and what has sums in it: None if nothing has."""
    database = duckdb.connect(":memory:", config={"temp_directory": "", "python_enable_replacements": False})
    try:
        events = [part.file.path for part in found.parts if part.whole]
        derived = [path for file in found.derived for path in paths_of(file).values()]
        names = allow_files(database, archive, events + derived)
        summed = _create_events(database, archive, names, found, live)
        for macro in MACROS:
            database.execute(f"CREATE MACRO {macro}")
        for name, sql in {**VIEWS, "plain_analyses": VIEWS["analyses"]}.items():
            database.execute(f"CREATE VIEW {name} AS {sql}")
        database.execute("SET parquet_metadata_cache = true")  # a query of many files would parse as many footers again
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
    except BaseException:
        database.close()
        raise
    return database, summed


def _create_events(
    database: "duckdb.DuckDBPyConnection", archive: Archive, names: dict[str, str], found: "_Found", live: "_Live"
) -> _Summed | None:
    """Create ``entries``, each event once, and what is derived of them. Returns what has sums."""
    parts, covered = found.parts, coverage(found.parts, found.derived)
    journals = list(dict.fromkeys([*(part.file.journal for part in parts), *([live.journal] if live.tables else [])]))

    def rows(of_parts: list[ArchivePart], name: str) -> str:
        sources = []
        for number, journal in enumerate(journals):
            own = [part for part in of_parts if part.file.journal == journal]
            also = live.tables if journal == live.journal else []
            found = event_rows(database, archive, own, names, loaded=f"{name}_{number}", also=also)
            sources += [f"SELECT *, {number} AS journal FROM {each}" for each in found]
        if not sources:
            database.register(name, SCHEMA.empty_table())
            sources.append(f"SELECT *, 0 AS journal FROM {name}")
        return " UNION ALL BY NAME ".join(sources)

    database.execute(f"CREATE VIEW every_entry AS {rows(parts, 'loaded')}")
    stored = derived_rows(covered.derived, names)
    database.execute(f"CREATE VIEW not_derived AS {rows(covered.raw, 'loaded_raw') if stored else 'FROM every_entry'}")
    doubled = len(journals) > 1 and _find_doubled(database, covered, names, journals)
    for view, source in (("entries", "every_entry"), ("raw_entries", "not_derived")):
        database.execute(f"CREATE VIEW {view} AS {_once(source) if doubled else _NO_JOURNAL.format(source)}")
    raw = "raw_entries" if covered.raw or live.tables or doubled or not stored else ""
    combine(database, stored, raw=raw, ids="entries", without="doubled" if doubled else "")
    summed = [file for file in covered.derived if file in found.summed]
    if (rows_of := derived_rows(summed, names, with_names=True)) is None:
        return None
    others = ["FROM split"] + ["SELECT call FROM raw_calls"] * bool(raw)
    if not_summed := derived_rows([file for file in covered.derived if file not in found.summed], names):
        others.append(f"SELECT call FROM {not_summed['calls']}")
    return _Summed(rows_of, others)


_HAS_APART = "SELECT 1 FROM duckdb_tables() WHERE table_name = 'apart'"
_NO_JOURNAL = "SELECT * EXCLUDE (journal) FROM {}"


def _find_doubled(
    database: "duckdb.DuckDBPyConnection", covered: Coverage, names: dict[str, str], journals: list[str]
) -> bool:
    """Create a table of the calls that several journals have; whether there are any.

    A server that has lost its data gets a journal of another name, and for a while its workers archive new events under
    the old name. And a copy that was replayed into another server can be in the same archive as its original.
    """
    sources = [f"SELECT call, journal FROM not_derived WHERE {OF_CALL}"]
    for number, journal in enumerate(journals):
        stored = derived_rows([file for file in covered.derived if file.journal == journal], names)
        sources += [f"SELECT call, {number} AS journal FROM {stored['calls']}"] if stored else []
    database.execute(
        f"CREATE TABLE doubled AS SELECT call FROM (SELECT DISTINCT call, journal FROM ({' UNION ALL '.join(sources)}))"
        " GROUP BY call HAVING count(*) > 1"
    )
    return database.execute("SELECT count(*) FROM doubled").fetchone() != (0,)


def _once(source: str) -> str:
    """SQL for the events of a source, those of doubled calls from all journals, and each once."""
    ones = f"{_NO_JOURNAL.format(source)} WHERE call NOT IN (FROM doubled)"
    firsts = f"{_NO_JOURNAL.format('every_entry')} WHERE call IN (FROM doubled) QUALIFY {_FIRST}"
    return f"{ones} UNION ALL BY NAME {firsts}"


async def calls_where(settings: Settings, where: str) -> list[str]:
    """The ids of the calls that meet an SQL condition on the view ``calls``, or of a query's column ``call``.

    Raises:
        UsageError: the condition or query is wrong.

    """
    records = await CallDatabase.open(settings)
    try:
        query = where.lstrip().lower().startswith(("select ", "with ", "from "))
        sql = where if query else f"SELECT call FROM calls WHERE {where} ORDER BY time"
        rows = await asyncio.to_thread(records.rows, sql)
    finally:
        records.close()
    if rows and "call" not in rows[0]:
        msg = f"the query has no column `call`, only {', '.join(rows[0])}"
        raise UsageError(msg)
    return list(dict.fromkeys(row["call"] for row in rows))


@dataclass(frozen=True, slots=True)
class _Found:
    """The parts of files that count, the ranges with derived tables, and those of them that have sums."""

    parts: list[ArchivePart]
    derived: list[ArchiveFile]
    summed: frozenset[ArchiveFile] = frozenset()


def _find(archive: Archive) -> _Found:
    # in this order: what is derived of a file that a worker adds meanwhile is not known
    summed, derived = summed_files(archive), derived_files(archive)
    return _Found(effective_parts(archive.files()), derived, summed)


def _readable(archive: Archive, on_warning: Callable[[str], None]) -> _Found:
    """The same without damaged files, each with a warning."""
    database, summed = duckdb.connect(":memory:"), summed_files(archive)
    found, derived = _Found([], [], summed), derived_files(archive)
    listed = archive.files()
    names = allow_files(
        database,
        archive,
        [file.path for file in listed] + [path for file in derived for path in paths_of(file).values()],
    )
    files = []
    for file in listed:
        try:
            archive.open(file).close()
            database.execute(f"SELECT * FROM read_parquet({names[file.path]}) LIMIT 0")
        except OSError as error:
            on_warning(f"{error}; the result is without its events")
        except duckdb.Error as error:
            on_warning(f"the archive's file {file.path} is damaged: {_words(error)}; the result is without its events")
        else:
            files.append(file)
    for file in derived:
        paths = [path for table, path in paths_of(file).items() if table != SUMS or file in summed]
        if not [path for path in paths if not _is_derived(database, path, names, on_warning)]:
            found.derived.append(file)
    database.close()
    found.parts.extend(effective_parts(files))
    return found


def _is_derived(
    database: "duckdb.DuckDBPyConnection", path: str, names: dict[str, str], on_warning: Callable[[str], None]
) -> bool:
    """Whether a file of a derived table can be read; says so if not."""
    try:
        database.execute(f"SELECT count(COLUMNS(*)) FROM read_parquet({names[path]})")
    except duckdb.Error as error:
        on_warning(
            f"the archive's file {path} is damaged, and its events are read instead, which takes longer:"
            f" `orchestra archive rebuild` makes it anew ({_words(error)})"
        )
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Live:
    """The events of a running journal that are not archived, and the name of the journal."""

    journal: str = ""
    tables: list[pa.Table] = field(default_factory=list)

    def beyond(self, parts: list[ArchivePart]) -> "_Live":
        """Without the events that a worker has archived since: they are in these parts of files."""
        last = {part.file.partition: part.file.last for part in parts if part.file.journal == self.journal}
        tables = self.tables
        for partition, (milliseconds, sequence) in last.items():
            tables = [table.filter(~_archived(partition, milliseconds, sequence)) for table in tables]
        return _Live(self.journal, [table for table in tables if len(table)])


def _archived(partition: int, milliseconds: int, sequence: int) -> pc.Expression:
    """Events of a partition up to an id of its stream."""
    ms, number = pc.field("stream_ms"), pc.field("stream_seq")
    milliseconds, sequence = min(milliseconds, INT64_MAX), min(sequence, INT64_MAX)
    before = (ms < milliseconds) | ((ms == milliseconds) & (number <= sequence))
    return (pc.field("partition") == partition) & before


async def _live(settings: Settings, parts: list[ArchivePart], on_warning: Callable[[str], None]) -> _Live:
    if settings.redis_url is None and running_url(settings.data_dir) is None:
        return _Live()
    try:
        bus = await Bus.connect(settings)
    except ServerError as error:
        on_warning(f"the result is from the archive only: {error}")
        return _Live()
    last = {(part.file.journal, part.file.partition): part.file.last for part in parts}
    tables, rows = [], []
    try:
        for partition in range(bus.partitions):
            milliseconds, sequence = last.get((bus.journal_name, partition), BEGINNING)
            async for entry in bus.entries(partition, "events", since=f"({milliseconds}-{sequence}"):
                rows.append(entry)
                if len(rows) == _PAGE:
                    tables.append(to_table(rows))
                    rows = []
    finally:
        await bus.close()
    return _Live(bus.journal_name, [*tables, to_table(rows)] if rows else tables)


def _is_of_gone_file(error: Exception) -> bool:
    """Whether a file may be gone because it was merged: DuckDB looks for a folder of its name then, and must not."""
    return isinstance(error, (duckdb.PermissionException, FileNotFoundError))


def _is_of_file(error: Exception) -> bool:
    """Whether a file may be damaged, and not the query wrong."""
    return isinstance(error, OSError) or str(error).startswith(_OF_FILES)


def _words(error: Exception) -> str:
    """DuckDB's message in one line."""
    return " ".join(str(error).split("LINE 1:", maxsplit=1)[0].split())
