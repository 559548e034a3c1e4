"""Sums up the rows of a range."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

from orchestra.archive.derived.sums import KEYS, added_up, sums
from orchestra.archive.derived.tables import TABLES
from orchestra.archive.derived.views import counted_views

if TYPE_CHECKING:
    import duckdb


def summed(database: "duckdb.DuckDBPyConnection", rows: Mapping[str, str]) -> pa.Table:
    """The sums of a range's rows, of which each table is a relation of the database."""
    for name in TABLES:
        database.execute(f"CREATE VIEW derived_{name} AS FROM {rows[name]}")
    for name, sql in counted_views().items():
        database.execute(f"CREATE VIEW {name} AS {sql}")
    return database.sql(f"{added_up(f'({sums()})')} ORDER BY {', '.join(KEYS)}").to_arrow_table()
