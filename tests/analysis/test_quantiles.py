"""Quantiles of counted values are those of all values."""

import duckdb
import pytest

from orchestra.analysis.quantiles import quantiles

SHARES = [0.0, 0.5, 0.95, 0.99, 1.0]


@pytest.mark.parametrize("count", [1, 2, 3, 20, 3001])
def test_they_are_those_that_duckdb_finds_in_all_values(count: int) -> None:
    database = duckdb.connect()
    database.execute("SELECT setseed(0.5)")
    database.execute(
        "CREATE TABLE turns AS SELECT CASE WHEN n % 5 < 4 THEN round(random() * 100, 1) END AS ms FROM range(?) r(n)",
        [count],
    )
    (measured, found), *_ = database.sql(quantiles("turns", "ms", SHARES)).fetchall()
    (of, exact), *_ = database.sql(f"SELECT count(ms), quantile_cont(ms, {SHARES}) FROM turns").fetchall()
    assert measured == of > 0
    assert found == pytest.approx(exact)


def test_without_values_there_is_none() -> None:
    nothing = "(SELECT CAST(NULL AS DOUBLE) AS ms)"
    assert duckdb.connect().sql(quantiles(nothing, "ms", [0.5, 0.9])).fetchall() == [(0, [None, None])]
