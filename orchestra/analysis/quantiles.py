"""Exact quantiles over any number of turns, in memory for the values that differ.

DuckDB's ``quantile_cont`` holds every value. Durations are recorded in tenths of a millisecond, so that millions of
turns have some ten thousand values, which are counted first.
"""
# ruff: noqa: S608 - made of names and numbers of our own

from collections.abc import Iterable


def quantiles(source: str, column: str, shares: Iterable[float]) -> str:
    """A SELECT of ``measured``, the number of values of a relation's column, and ``quantiles``, one for each share.

    Between two values a quantile is interpolated, as by ``quantile_cont``. Without values it is NULL.
    """
    found = ", ".join(_quantile(share) for share in shares)
    return f"""
    SELECT CAST(coalesce(max(upto), 0) AS BIGINT) AS measured, [{found}] AS quantiles
    FROM (
        SELECT value, sum(number) OVER (ORDER BY value) AS upto, sum(number) OVER () - 1 AS final
        FROM (SELECT {column} AS value, count(*) AS number FROM {source} WHERE {column} IS NOT NULL GROUP BY ALL)
    )
    """


def _quantile(share: float) -> str:
    rank = f"final * CAST({share!r} AS DOUBLE)"
    lower, upper = (f"min(value) FILTER (upto > {end}({rank}))" for end in ("floor", "ceil"))
    return f"{lower} + ({upper} - {lower}) * max({rank} - floor({rank}))"
