"""Quantiles of counted durations: of each value how often it was, so that memory is needed for those that differ."""
# ruff: noqa: S608 - made of names and numbers of our own

from collections.abc import Iterable, Sequence


def quantiles(source: str, keys: Sequence[str], shares: Iterable[float]) -> str:
    """A SELECT of quantiles of the ``value`` of a relation's rows, each of which stands for a ``number`` of them.

    A row has the ``keys``, ``measured``, the number of values, and ``quantiles``, one for each share. Between two
    values a quantile is interpolated, as by ``quantile_cont``. Where nothing was measured there is no row.
    """
    found = ", ".join(_quantile(share) for share in shares)
    by = "".join(f"{key}, " for key in keys)
    within = f"PARTITION BY {', '.join(keys)}" if keys else ""
    return f"""
    SELECT {by}CAST(max(upto) AS BIGINT) AS measured, [{found}] AS quantiles
    FROM (
        SELECT {by}value, sum(number) OVER ({within} ORDER BY value) AS upto,
            sum(number) OVER ({within}) - 1 AS final
        FROM (
            SELECT {by}value, sum(number) AS number FROM {source} WHERE value IS NOT NULL GROUP BY ALL
            HAVING sum(number) > 0
        )
    )
    {f"GROUP BY {', '.join(keys)}" if keys else "HAVING count(*) > 0"}
    """


def _quantile(share: float) -> str:
    rank = f"final * CAST({share!r} AS DOUBLE)"
    lower, upper = (f"min(value) FILTER (upto > {end}({rank}))" for end in ("floor", "ceil"))
    return f"{lower} + ({upper} - {lower}) * max({rank} - floor({rank}))"
