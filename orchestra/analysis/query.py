"""SQL over all calls: the archive, and what a running journal has beyond it.

The database is in memory and locked: a query can only read the views. It has no access to files or the network.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from orchestra.analysis.sql_views import VIEWS
from orchestra.archive.archive import BEGINNING, Archive, ArchivePart, effective_parts
from orchestra.bus import Bus
from orchestra.bus.redis.embedded import running_url
from orchestra.errors import MissingExtraError, ServerError, UsageError
from orchestra.settings import Settings

try:
    import duckdb
    import pyarrow as pa  # type: ignore[import-untyped]

    from orchestra.archive.parquet import SCHEMA, to_table
except ModuleNotFoundError as missing:
    _msg = f'queries need {missing.name}: pip install "orchestra-voice[analysis]"'
    raise MissingExtraError(_msg) from missing

_LOG = structlog.get_logger("orchestra.analysis")
_PAGE = 5000
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

    def __init__(self, database: "duckdb.DuckDBPyConnection", *, files: int, live: int) -> None:
        self.files = files
        #: events that are on the journal only
        self.live = live
        self._database = database

    @classmethod
    async def open(cls, settings: Settings, *, on_warning: Callable[[str], None] = _log_warning) -> "CallDatabase":
        """Open the archive of the settings, and the journal of their server if it is running.

        ``on_warning`` gets one sentence for a server that should be there and is away, and for each damaged file: the
        answer leaves them out.

        Raises:
            UsageError: the archive cannot be reached.

        """
        archive = await asyncio.to_thread(Archive.of, settings)
        try:
            parts = await asyncio.to_thread(lambda: effective_parts(archive.files()))
        except OSError as error:
            msg = f"the archive at {archive.root} cannot be reached: {error}"
            raise UsageError(msg) from error
        live = await _live(settings, parts, on_warning)
        try:
            return await asyncio.to_thread(cls._build, archive, parts, live)
        except (duckdb.Error, pa.ArrowException, OSError):  # checking every file in advance would take long
            parts = await asyncio.to_thread(_readable, archive, on_warning)
            return await asyncio.to_thread(cls._build, archive, parts, live)

    @classmethod
    def _build(cls, archive: Archive, parts: list[ArchivePart], live: "_Live") -> "CallDatabase":
        database = duckdb.connect(":memory:", config={"temp_directory": "", "python_enable_replacements": False})
        names = _allow(database, archive, [part.file.path for part in parts if part.whole])
        journals = dict.fromkeys([*(part.file.journal for part in parts), *([live.journal] if live.tables else [])])
        sources = []
        for number, journal in enumerate(journals):
            own = [part for part in parts if part.file.journal == journal]
            tables = live.tables if journal == live.journal else []
            tables = tables + [table for part in own if not part.whole for table in archive.tables(part)]
            database.register(f"loaded_{number}", pa.concat_tables([SCHEMA.empty_table(), *tables]))
            sources.append(f"SELECT *, {number} AS journal FROM loaded_{number}")  # noqa: S608 - a number
            if whole := [names[part.file.path] for part in own if part.whole]:
                found = f"read_parquet([{', '.join(whole)}], union_by_name = true)"
                sources.append(f"SELECT *, {number} AS journal FROM {found}")  # noqa: S608 - our own names
        if not sources:
            database.register("nothing", SCHEMA.empty_table())
            sources.append("SELECT *, 0 AS journal FROM nothing")
        database.execute(f"CREATE VIEW journals AS {' UNION ALL BY NAME '.join(sources)}")
        database.execute(f"CREATE VIEW entries AS {_once(database, len(journals))}")
        for name, sql in VIEWS.items():
            database.execute(f"CREATE VIEW {name} AS {sql}")
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        return cls(database, files=len(parts), live=sum(map(len, live.tables)))

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
            return QueryResult(self._database.sql(sql))
        except duckdb.PermissionException as error:
            msg = f"refused: a query can only read {', '.join(VIEWS)} ({_words(error)})"
            raise UsageError(msg) from None
        except duckdb.Error as error:
            said, _, _ = (words := _words(error)).partition(" Did you mean")
            if "Table with name" in said:
                words = f"{said} There are the views {', '.join(VIEWS)}."
            raise UsageError(words) from None

    def columns(self) -> dict[str, list[tuple[str, str]]]:
        """All views with the names and types of their columns."""
        return {
            view: [(row["column_name"], row["column_type"]) for row in self.rows(f"DESCRIBE {view}")] for view in VIEWS
        }

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """All rows of the result of one SELECT."""
        return [row for batch in self.run(sql).batches() for row in batch.to_pylist()]

    def close(self) -> None:
        """Close the database and its files."""
        self._database.close()


class QueryResult:
    """The result of a query, in batches of Arrow."""

    def __init__(self, result: "duckdb.DuckDBPyRelation") -> None:
        self._reader = result.to_arrow_reader(_PAGE)
        self.schema: pa.Schema = self._reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in batches of up to 5,000.

        Raises:
            UsageError: the query fails while it runs, like for a value that cannot be cast, or too little memory.

        """
        try:
            yield from self._reader
        except (pa.ArrowException, duckdb.Error, OSError) as error:
            if "No such file" in str(error) or "No files found" in str(error):
                msg = "the archive's files were merged during the query: run it again"
                raise UsageError(msg) from error
            raise UsageError(_words(error)) from None


def _allow(database: "duckdb.DuckDBPyConnection", archive: Archive, paths: list[str]) -> dict[str, str]:
    """Let the database read these files of the archive, and no others. Returns the name of each for SQL.

    It reads all of them itself: Arrow ends the process where it uses the statistics of a damaged file.
    """
    if archive.root.folder is not None:
        names = [str(archive.root.folder / path) for path in paths]
    else:
        files, names = archive.root.remote(paths)
        database.register_filesystem(files)
    database.execute("SET allowed_paths = ?", [names])
    return dict(zip(paths, map(_quoted, names), strict=True))


def _once(database: "duckdb.DuckDBPyConnection", journals: int) -> str:
    """SQL for all events, each once, even if several journals have it.

    A server that has lost its data gets a journal of another name, and for a while its workers archive new events under
    the old name. And a copy that was replayed into another server can be in the same archive as its original.
    """
    every = "SELECT * EXCLUDE (journal) FROM journals"
    if journals > 1:
        database.execute(
            "CREATE TABLE doubled AS SELECT call FROM (SELECT DISTINCT call, journal FROM journals)"
            " GROUP BY call HAVING count(*) > 1"
        )
        if database.execute("SELECT count(*) FROM doubled").fetchone() != (0,):
            ones = f"{every} WHERE call NOT IN (SELECT call FROM doubled)"  # noqa: S608 - constants
            firsts = f"{every} WHERE call IN (SELECT call FROM doubled) QUALIFY {_FIRST}"  # noqa: S608 - constants
            return f"{ones} UNION ALL BY NAME {firsts}"
    return every


async def calls_where(settings: Settings, where: str) -> list[str]:
    """The ids of the calls that meet an SQL condition on the view ``calls``, or of a query's column ``call``.

    Raises:
        UsageError: the condition or query is wrong.

    """
    records = await CallDatabase.open(settings)
    try:
        query = where.lstrip().lower().startswith(("select ", "with ", "from "))
        sql = where if query else f"SELECT call FROM calls WHERE {where} ORDER BY time"  # noqa: S608 - locked, read only
        rows = await asyncio.to_thread(records.rows, sql)
    finally:
        records.close()
    if rows and "call" not in rows[0]:
        msg = f"the query has no column `call`, only {', '.join(rows[0])}"
        raise UsageError(msg)
    return list(dict.fromkeys(row["call"] for row in rows))


def _readable(archive: Archive, on_warning: Callable[[str], None]) -> list[ArchivePart]:
    """The parts of the readable files that count; warns about the others."""
    readable, files = [], archive.files()
    database = duckdb.connect(":memory:")
    names = _allow(database, archive, [file.path for file in files])
    for file in files:
        try:
            archive.open(file).close()
            database.execute(f"SELECT * FROM read_parquet({names[file.path]}) LIMIT 0")  # noqa: S608 - quoted
        except OSError as error:
            on_warning(f"{error}; the result is without its events")
        except duckdb.Error as error:
            on_warning(f"the archive's file {file.path} is damaged: {_words(error)}; the result is without its events")
        else:
            readable.append(file)
    database.close()
    return effective_parts(readable)


@dataclass(frozen=True, slots=True)
class _Live:
    """The events of a running journal that are not archived, and the name of the journal."""

    journal: str = ""
    tables: list[pa.Table] = field(default_factory=list)


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


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _words(error: Exception) -> str:
    """DuckDB's message in one line."""
    return " ".join(str(error).split("LINE 1:", maxsplit=1)[0].split())
