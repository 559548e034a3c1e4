"""Derived rows from files, and of events that are in no such file yet, as one table each.

A call whose events are in one place only has one row per key already, as nearly all have; only the rows of the others
are summed up. Which calls these are is known from the column ``call`` of the table ``calls``.
"""
# ruff: noqa: S608 - made of constants and our own names

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestra.archive.derived.facts import OF_CALL, facts
from orchestra.archive.derived.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb


def combine(
    database: "duckdb.DuckDBPyConnection",
    stored: Mapping[str, str] | None,
    *,
    raw: str,
    ids: str,
    without: str = "",
) -> None:
    """Create the views ``derived_calls``, ``derived_turns`` and so on.

    Args:
        database: where they are created.
        stored: by table, the relation with the rows from files; None if there are none.
        raw: the relation with the events that are in none of them, with the columns of an archive file; empty if every
            event is in one.
        ids: a relation with ``call`` and ``id`` of all events.
        without: a table of calls whose stored rows do not count, because ``raw`` has all of their events.

    """
    if raw:
        database.execute(f"CREATE VIEW facts AS {facts(raw)}")
    for table in TABLES.values():
        if raw:
            database.execute(f"CREATE VIEW raw_{table.name} AS {table.of_facts}")
        if stored is not None:
            excluded = f" ANTI JOIN {without} USING (call)" if without else ""
            database.execute(f"CREATE VIEW stored_{table.name} AS SELECT * FROM {stored[table.name]}{excluded}")
    if stored is None:
        for name in TABLES:
            database.execute(f"CREATE VIEW derived_{name} AS FROM raw_{name}")
        return
    calls = "SELECT call FROM stored_calls" + (
        f" UNION ALL SELECT DISTINCT call FROM {raw} WHERE {OF_CALL}" if raw else ""
    )
    database.execute(f"CREATE TABLE split AS SELECT call FROM ({calls}) GROUP BY call HAVING count(*) > 1")
    any_split = database.execute("SELECT count(*) FROM split").fetchone() != (0,)
    for table in TABLES.values():
        database.execute(f"CREATE VIEW derived_{table.name} AS {_combined(table, ids, raw=bool(raw), split=any_split)}")


def _combined(table: Table, ids: str, *, raw: bool, split: bool) -> str:
    """The rows from files, those of raw events, and what the rows of split calls come to."""
    stored = f"SELECT * FROM stored_{table.name}"
    new = [f"SELECT * FROM raw_{table.name}"] if raw else []
    if not table.of_rows or not split:
        return " UNION ALL BY NAME ".join([stored, *new])
    several = " UNION ALL BY NAME ".join([f"{stored} SEMI JOIN split USING (call)", *new])
    return f"""
    {stored} ANTI JOIN split USING (call)
    UNION ALL BY NAME
    (WITH several AS ({several}) {table.of_rows.format(rows="several", ids=ids)})
    """
