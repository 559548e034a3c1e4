"""The daily report: calls, outcomes, latency by stage, predicted turns, tools, transfers, words, tokens."""
# ruff: noqa: S608 - made of constants and numbers

from collections.abc import Mapping
from typing import Any

from orchestra.analysis.conditions import chosen
from orchestra.analysis.quantiles import quantiles
from orchestra.analysis.query import CallDatabase
from orchestra.archive.derived.facts import quoted
from orchestra.prices import Prices
from orchestra_schemas.speech import TURN_TIMES

#: how turns are grouped: the name of the group, and its column
GROUPS = {"day": "day", "agent": "agent", "version": "version"}
#: how calls are grouped
_CALL_GROUPS = {"app": "app", "line": "line"}

_QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


def report(
    records: CallDatabase,
    *,
    since: float | None = None,
    until: float | None = None,
    prices: Prices | None = None,
    app: str = "",
    line: str = "",
) -> dict[str, Any]:
    """The report of what began between two times (epoch seconds), as plain values. Blocks.

    ``totals`` is one object, every other part a list of objects. Latencies are in ms, ``None`` if nothing was measured.
    ``by_day``, ``by_agent`` and ``by_version`` have the same columns; agents are counted by turns, so that a call
    with two agents counts for both. ``by_app`` and ``by_line`` are counted by calls; ``app`` and ``line`` limit the
    report to the calls of one. ``predictions`` has the turns that were predicted to be over, by the same groups and
    by app, and what the wrong ones cost at these ``prices``: None where no model has a price.
    """
    when = chosen(since, until, app, line)
    records.keep("calls", "turns", "prompts", "tools", "holes")
    return {
        "totals": records.rows(f"SELECT {_CALL_SUMS} FROM calls WHERE {when}")[0],
        "outcomes": records.rows(
            "SELECT coalesce(outcome, status) AS outcome, count(*) AS calls, avg(duration_s) AS mean_s"
            f" FROM calls WHERE {when} GROUP BY ALL ORDER BY calls DESC, outcome"
        ),
        "latency_ms": latency(records, when),
        **{f"by_{name}": rows for name, rows in _by_turn(records, when).items()},
        **{f"by_{name}": _by_call(records, column, when) for name, column in _CALL_GROUPS.items()},
        "predictions": _predictions(records, when, prices or Prices()),
        "tools": records.rows(
            "SELECT name, count(*) AS calls, count(*) FILTER (failed) AS failed, count(*) FILTER (NOT completed) AS"
            f" unfinished, quantile_cont(duration_ms, 0.95) AS p95_ms FROM tools WHERE {when}"
            " GROUP BY name ORDER BY calls DESC, name"
        ),
        "models": records.rows(
            "SELECT model, count(*) AS prompts, count(*) FILTER (error <> '') AS failed, CAST(sum(prompt_tokens) AS"
            " BIGINT) AS prompt_tokens, CAST(sum(completion_tokens) AS BIGINT) AS completion_tokens,"
            f" quantile_cont(first_token_ms, 0.95) AS first_token_p95_ms FROM prompt_figures WHERE {when}"
            " GROUP BY model ORDER BY prompts DESC, model"
        ),
        "holes": records.rows(
            f"SELECT call, count(DISTINCT missing) AS missing, min(time) AS first FROM holes WHERE {when}"
            " GROUP BY call ORDER BY first"
        ),
    }


def _by_call(records: CallDatabase, column: str, when: str) -> list[dict[str, Any]]:
    """What the calls of each app or line sum up to; one that was passed on counts for the app that answered it."""
    return records.rows(
        f"SELECT coalesce({column}, '') AS \"{column}\", {_CALL_SUMS},"
        f" count(*) FILTER (passed_to <> '') AS passed_on FROM calls WHERE {when} GROUP BY ALL ORDER BY calls DESC, 1"
    )


_CALL_SUMS = ", ".join(
    ["count(*) AS calls", "count(*) FILTER (status = 'running') AS running"]
    + [
        f"CAST(coalesce(sum({name}), 0) AS BIGINT) AS {name}"
        for name in (
            "turns", "interruptions", "tools", "failed_tools", "handovers", "accepted", "prompts", "prompt_tokens",
            "completion_tokens", "caller_words", "agent_words",
        )
    ]
    + ["coalesce(avg(duration_s) FILTER (status = 'ended'), 0) AS mean_s"]
)  # fmt: skip


def latency(records: CallDatabase, when: str = "true") -> list[dict[str, Any]]:
    """How long each stage of a turn took, in ms: ``stage``, its ``turns``, ``p50``, ``p95`` and ``p99``. Blocks."""
    asked = quantiles(f"(SELECT * FROM turns WHERE {when})", TURN_TIMES, [share for _, share in _QUANTILES])
    rows = {row["name"]: row for row in records.rows(asked)}
    nothing = {"measured": 0, "quantiles": None}
    return [
        {"stage": stage.removesuffix("_ms"), "turns": row["measured"], **_named(row["quantiles"])}
        for stage, row in ((stage, rows.get(stage, nothing)) for stage in TURN_TIMES)
    ]


def _quantiles(column: str) -> str:
    return f"quantile_cont({column}, {[share for _, share in _QUANTILES]})"


def _named(values: list[float] | None) -> dict[str, float | None]:
    """Quantiles by name, None where nothing was measured."""
    if values is None:
        return {name: None for name, _ in _QUANTILES}
    return dict(zip((name for name, _ in _QUANTILES), values, strict=True))


_OF_PREDICTIONS = """
    count(*) AS predictions, count(*) FILTER (outcome = 'hit') AS hits,
    count(*) FILTER (outcome = 'resumed') AS resumed, count(*) FILTER (outcome = 'other_words') AS other_words,
    count(*) FILTER (outcome = 'lost') AS lost,
    CAST(coalesce(sum(prompts) FILTER (wasted), 0) AS BIGINT) AS wasted_prompts,
    CAST(coalesce(sum(prompt_tokens) FILTER (wasted), 0) AS BIGINT) AS wasted_prompt_tokens,
    CAST(coalesce(sum(completion_tokens) FILTER (wasted), 0) AS BIGINT) AS wasted_completion_tokens,
    sum(cost) FILTER (wasted) AS wasted_cost
"""


def _predictions(records: CallDatabase, when: str, prices: Prices) -> dict[str, Any]:
    """Predicted turns: hits, misses and what they have cost; ``totals``, and a list for each group.

    ``unpriced`` names the models without a price that were asked for nothing.
    """
    # only wrong predictions cost anything, and they are few
    wrong = f"(SELECT call, turn FROM predictions WHERE wasted AND {when})"
    prompts = f"(SELECT * FROM prompt_figures SEMI JOIN {wrong} USING (call, turn))"
    priced = f"""
        SELECT p.*, m.cost FROM (SELECT * FROM predictions WHERE {when}) p
        LEFT JOIN (SELECT call, turn, sum({_cost(prices)}) AS cost FROM {prompts} GROUP BY call, turn) m
            ON m.call = p.call AND m.turn = p.turn
    """
    wasted = records.rows(
        f"SELECT CAST(coalesce(sum(wasted_characters), 0) AS BIGINT) AS characters FROM calls WHERE {when}"
    )
    unpriced = records.rows(
        f"SELECT DISTINCT model FROM {prompts} WHERE prompt_tokens + completion_tokens > 0"
        f" AND ({_cost(prices)}) IS NULL ORDER BY model"
    )
    groups = {**GROUPS, "app": "app"}
    found = _grouped(records, _OF_PREDICTIONS, f"({priced})", groups, also_totals=True)
    return {
        "totals": {
            **found["totals"][0],
            "wasted_characters": wasted[0]["characters"],
            "currency": prices.currency,
            "unpriced": [row["model"] for row in unpriced],
        },
        **{f"by_{name}": found[name] for name in groups},
    }


def _cost(prices: Prices) -> str:
    """SQL: the cost of a prompt in the view ``prompt_figures``; NULL if its model has no price."""
    cases = [
        f"WHEN {quoted(model)} THEN prompt_tokens * {price.prompt_per_million / 1e6!r}"
        f" + completion_tokens * {price.completion_per_million / 1e6!r}"
        for model, price in prices.models.items()
    ]
    return f"CASE model {' '.join(cases)} END" if cases else "CAST(NULL AS DOUBLE)"


def _by_turn(records: CallDatabase, when: str) -> dict[str, list[dict[str, Any]]]:
    """Turns, tools, transfers and tokens of each group, by the name of what they are grouped by."""
    groups = {"day": "CAST(time AS DATE)", "agent": "coalesce(agent, '')", "version": "coalesce(version, '')"}
    parts = {
        view: _grouped(records, sums, f"(SELECT * FROM {view} WHERE {when})", groups)
        for view, sums in {
            # equal hashes of two calls are less likely than a failing memory, and are counted in half the time
            "turns": "count(DISTINCT hash(call)) AS calls, count(*) AS turns,"
            f" count(*) FILTER (interrupted) AS interruptions, {_quantiles('total_ms')} AS quantiles,"
            f" {_sum('caller_words')}, {_sum('agent_words')}",
            "tools": "count(*) AS tools, count(*) FILTER (failed) AS failed_tools",
            "calls": _sum("handovers"),
            "prompt_figures": f"{_sum('prompt_tokens')}, {_sum('completion_tokens')}",
        }.items()
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for name in groups:
        tools, calls, prompts = (
            {row[name]: row for row in parts[view][name]} for view in ("tools", "calls", "prompt_figures")
        )
        found[name] = [
            {
                name: row[name],
                **{column: row[column] for column in ("calls", "turns", "interruptions")},
                **_named(row["quantiles"]),
                **{column: tools.get(row[name], {}).get(column, 0) for column in ("tools", "failed_tools")},
                "handovers": calls.get(row[name], {}).get("handovers", 0),
                **{column: row[column] for column in ("caller_words", "agent_words")},
                **{
                    column: prompts.get(row[name], {}).get(column, 0)
                    for column in ("prompt_tokens", "completion_tokens")
                },
            }
            for row in parts["turns"][name]
        ]
    return found


def _sum(column: str) -> str:
    return f"CAST(coalesce(sum({column}), 0) AS BIGINT) AS {column}"


def _grouped(
    records: CallDatabase, sums: str, source: str, groups: Mapping[str, str], *, also_totals: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """For each name in ``groups`` the sums of its groups, in order, read in one pass; ``totals`` has those of all."""
    keys = [f"k{number}" for number in range(len(groups))]
    columns = ", ".join(f"{group} AS {key}" for key, group in zip(keys, groups.values(), strict=True))
    sets = ", ".join([f"({key})" for key in keys] + ["()"] * also_totals)
    rows = records.rows(
        f"SELECT {', '.join(keys)}, {', '.join(f'grouping({key}) AS other_{key}' for key in keys)}, {sums}"
        f" FROM (SELECT *, {columns} FROM {source}) GROUP BY GROUPING SETS ({sets}) ORDER BY {', '.join(keys)}"
    )
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in (*groups, "totals")}
    for row in rows:
        values = [row.pop(key) for key in keys]
        others = [row.pop(f"other_{key}") for key in keys]
        of = [(name, value) for name, value, other in zip(groups, values, others, strict=True) if not other]
        found[of[0][0] if of else "totals"].append(dict(of) | row)
    return found
