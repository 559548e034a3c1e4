"""What all calls sum up to, between two times: of each file its sums, and of the other calls their rows.

Some calls are ``apart``: those with events in several files, or in one that has no sums. Their rows are summed up as
they are now, and what the files' sums have of them is taken away. Of a day of which only a part is asked, rows are
summed up, too; and so are those of the calls that a limit divides, since each of their parts would count them.
"""
# ruff: noqa: S608 - made of constants, numbers and quoted names of our own

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from orchestra.analysis.conditions import chosen
from orchestra.archive.derived.facts import quoted
from orchestra.archive.derived.files import derived_folder
from orchestra.archive.derived.sums import COLUMNS, SUMS, VIEWS_OF, added_up, sums, taken_away
from orchestra.archive.derived.views import counted_views

if TYPE_CHECKING:
    import duckdb

#: the derived tables that are summed up
COUNTED = ("calls", "turns", "prompts", "tools", "speech")
#: the rows of more calls are not held in memory, but read as often as they are needed
_MOST_HELD = 50_000
_DAY_S = 86_400


def find_apart(database: "duckdb.DuckDBPyConnection", summed: Mapping[str, str], apart: Collection[str]) -> None:
    """Create the relations of which `create_totals` makes its table.

    Args:
        database: with the relations of `orchestra.archive.derived.combine`.
        summed: by table, a relation with the derived rows of the files that have sums, their sums among them, and the
            ``filename`` of each.
        apart: SELECTs of the calls of which some rows are in no such file, or in several.

    """
    database.execute(f"CREATE VIEW stored_sums AS FROM {summed[SUMS]}")
    database.execute(f"CREATE TABLE apart AS SELECT DISTINCT call FROM ({' UNION ALL '.join(apart)})")
    for table in COUNTED:
        database.execute(f"CREATE VIEW apart_derived_{table} AS FROM derived_{table} SEMI JOIN apart USING (call)")
        # each file has summed up what is in it of a call, and nothing else
        file = f"replace(filename, {quoted(derived_folder(table))}, '')"
        of_file = f"SELECT * EXCLUDE (filename) REPLACE (concat(call, {file}) AS call)"
        rows = f"{of_file} FROM {summed[table]} SEMI JOIN apart USING (call)"
        database.execute(f"CREATE VIEW twice_derived_{table} AS {rows}")
    for prefix in ("apart_", "twice_"):
        _create_views(database, prefix)


def create_totals(
    database: "duckdb.DuckDBPyConnection",
    kinds: Collection[str],
    since: float | None,
    until: float | None,
    *,
    stored: bool,
) -> None:
    """Create the table ``totals`` of these kinds of rows and times (epoch seconds), with the columns of files' sums.

    With ``stored`` it is made of the relations of `find_apart`, otherwise of all rows.

    Raises:
        UsageError: no calendar has a time.

    """
    when = chosen(since, until)
    parts = _parts(database, kinds, since, until) if stored else [sums(kinds=kinds, exact=True, when=when)]
    rows = " UNION ALL BY NAME ".join(f"({part})" for part in parts)
    database.execute(f"CREATE OR REPLACE TEMP TABLE totals AS {added_up(f'({rows})')}")


def total(name: str, called: str = "", *, where: str = "") -> str:
    """SQL: a column of counts of the table, added up, under its name or another; 0 where there is no row."""
    which = f" FILTER ({where})" if where else ""
    return f"CAST(coalesce(sum({name}){which}, 0) AS BIGINT) AS {called or name}"


def _parts(
    database: "duckdb.DuckDBPyConnection", kinds: Collection[str], since: float | None, until: float | None
) -> list[str]:
    """SELECTs of the rows that are added up."""
    when = chosen(since, until)
    begin = None if since is None else _day(-(-since // _DAY_S))
    end = None if until is None else _day(until // _DAY_S)
    whole = f"kind IN ({', '.join(map(quoted, kinds))})"
    whole += f" AND day >= {begin}" if begin else ""
    whole += f" AND day < {end}" if end else ""
    parts = [f"SELECT * EXCLUDE (filename) FROM stored_sums WHERE {whole}"]

    def instead(taken: str, added: str) -> None:
        parts.append(taken_away(f"({sums(taken, kinds=kinds)}) WHERE {whole}"))
        parts.append(sums(added, kinds=kinds, exact=True, when=when))

    if count := _count(database, "apart"):
        if count <= _MOST_HELD:
            _hold(database, kinds)
        instead("twice_", "apart_")
    if files := _divided(database, [day for day in (begin, end) if day]):
        _create_rows_of(database, "divided_", files, "SEMI JOIN divided USING (call)")
        instead("divided_", "divided_")
    for number in sorted({at // _DAY_S for at in (since, until) if at is not None and at % _DAY_S}):
        day, prefix = _day(number), f"of_{number:.0f}_"
        if files := _files(database, f"stored_sums WHERE kind <> 'days' AND day = {day}"):
            _create_rows_of(database, prefix, files, "ANTI JOIN apart USING (call) ANTI JOIN divided USING (call)")
            on_day = f"{when} AND time >= {day} AND time < {_day(number + 1)}"
            parts.append(sums(prefix, kinds=kinds, exact=True, when=on_day))
    return parts


def _hold(database: "duckdb.DuckDBPyConnection", kinds: Collection[str]) -> None:
    """Read what is summed up of the calls that are apart, unless that was done before."""
    held = {name for (name,) in database.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    for view in dict.fromkeys(view for kind in kinds for view in VIEWS_OF[kind]):
        for name in {f"apart_{view}", f"twice_{view}"} - held:
            database.execute(f"CREATE TABLE held AS SELECT {COLUMNS[view]} FROM {name}")
            database.execute(f"DROP VIEW {name}")
            database.execute(f"ALTER TABLE held RENAME TO {name}")


def _divided(database: "duckdb.DuckDBPyConnection", limits: Iterable[str]) -> list[str]:
    """Create a table of the calls with turns before and after a limit, and not apart. Returns their files of sums."""
    divides = " OR ".join(f"min(day) < {day} AND max(day) >= {day}" for day in limits) or "false"
    database.execute(
        "CREATE OR REPLACE TEMP TABLE divided AS SELECT name AS call, any_value(filename) AS filename FROM stored_sums"
        f" WHERE kind = 'days' AND name NOT IN (FROM apart) GROUP BY name HAVING {divides}"
    )
    return _files(database, "divided")


def _files(database: "duckdb.DuckDBPyConnection", rows: str) -> list[str]:
    return [name for (name,) in database.execute(f"SELECT DISTINCT filename FROM {rows}").fetchall()]


def _create_rows_of(database: "duckdb.DuckDBPyConnection", prefix: str, files: Iterable[str], which: str) -> None:
    """Create views of what is derived in the ranges of these files of sums, of some calls.

    All of such a call is in one file, so nothing else need be read to know what it was.
    """
    for table in COUNTED:
        names = [derived_folder(table).join(file.rsplit(derived_folder(SUMS), 1)) for file in files]
        rows = f"FROM read_parquet([{', '.join(map(quoted, names))}]) {which}"
        database.execute(f"CREATE OR REPLACE TEMP VIEW {prefix}derived_{table} AS {rows}")
    _create_views(database, prefix, "TEMP ")


def _create_views(database: "duckdb.DuckDBPyConnection", prefix: str, kind: str = "") -> None:
    for name, sql in counted_views(prefix).items():
        database.execute(f"CREATE OR REPLACE {kind}VIEW {prefix}{name} AS {sql}")


def _day(number: float) -> str:
    """A day since 1970, for SQL."""
    return f"(DATE '1970-01-01' + {number:.0f})"


def _count(database: "duckdb.DuckDBPyConnection", table: str) -> int:
    (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    return int(count)
