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
        "CREATE TABLE turns AS SELECT CASE WHEN n % 5 < 4 THEN round(random() * 100, 1) END AS a, n / 4 AS b,"
        " CAST(NULL AS DOUBLE) AS c FROM range(?) r(n)",
        [count],
    )
    database.execute("CREATE TABLE counted AS UNPIVOT turns ON a, b, c INTO NAME name VALUE value")
    database.execute("CREATE TABLE totals AS SELECT name, value, count(*) AS number FROM counted GROUP BY ALL")
    found = database.sql(quantiles("totals", ["name"], SHARES)).fetchall()
    assert sorted(name for name, _, _ in found) == ["a", "b"]
    for name, measured, values in found:
        of = database.sql(f"SELECT count({name}), quantile_cont({name}, {SHARES}) FROM turns").fetchall()
        assert [(measured, pytest.approx(values))] == of
