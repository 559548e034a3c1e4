"""Exact quantiles over any number of turns, in memory for the values that differ.

DuckDB's ``quantile_cont`` holds every value. Durations are recorded in tenths of a millisecond, so that millions of
turns have some ten thousand values, which are counted first.
"""
# ruff: noqa: S608 - made of names and numbers of our own

from collections.abc import Iterable, Sequence


def quantiles(source: str, columns: Sequence[str], shares: Iterable[float]) -> str:
    """A SELECT of quantiles of a relation's columns, which are read once.

    A row has the ``name`` of a column, ``measured``, the number of its values, and ``quantiles``, one for each share.
    Between two values a quantile is interpolated, as by ``quantile_cont``. A column without values has no row.
    """
    found = ", ".join(_quantile(share) for share in shares)
    names = " ".join(f"WHEN grouping({column}) = 0 THEN '{column}'" for column in columns)
    sets = ", ".join(f"({column})" for column in columns)
    return f"""
    SELECT name, CAST(max(upto) AS BIGINT) AS measured, [{found}] AS quantiles
    FROM (
        SELECT name, value, sum(number) OVER (PARTITION BY name ORDER BY value) AS upto,
            sum(number) OVER (PARTITION BY name) - 1 AS final
        FROM (
            SELECT CASE {names} END AS name, coalesce({", ".join(columns)}) AS value, count(*) AS number
            FROM {source} GROUP BY GROUPING SETS ({sets})
        )
        WHERE value IS NOT NULL
    )
    GROUP BY name
    """


def _quantile(share: float) -> str:
    rank = f"final * CAST({share!r} AS DOUBLE)"
    lower, upper = (f"min(value) FILTER (upto > {end}({rank}))" for end in ("floor", "ceil"))
    return f"{lower} + ({upper} - {lower}) * max({rank} - floor({rank}))"
