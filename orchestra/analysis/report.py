"""The daily report: calls, outcomes, latency by stage, predicted turns, tools, transfers, words, tokens."""
# ruff: noqa: S608 - made of constants and numbers

from typing import Any

from orchestra.analysis.conditions import chosen
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
        "latency_ms": _latency(records, when),
        **{f"by_{name}": _by(records, column, when) for name, column in GROUPS.items()},
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


def _latency(records: CallDatabase, when: str) -> list[dict[str, Any]]:
    """One row for each stage."""
    columns = [
        f"quantile_cont({stage}, {share}) AS {stage}_{name}" for stage in TURN_TIMES for name, share in _QUANTILES
    ] + [f"count({stage}) AS {stage}_count" for stage in TURN_TIMES]
    found = records.rows(f"SELECT {', '.join(columns)} FROM turns WHERE {when}")[0]
    return [
        {
            "stage": stage.removesuffix("_ms"),
            "turns": found[f"{stage}_count"],
            **{name: found[f"{stage}_{name}"] for name, _ in _QUANTILES},
        }
        for stage in TURN_TIMES
    ]


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
    groups = {**GROUPS, "app": "app"}
    wasted = records.rows(
        f"SELECT CAST(coalesce(sum(wasted_characters), 0) AS BIGINT) AS characters FROM calls WHERE {when}"
    )
    unpriced = records.rows(
        f"SELECT DISTINCT model FROM {prompts} WHERE prompt_tokens + completion_tokens > 0"
        f" AND ({_cost(prices)}) IS NULL ORDER BY model"
    )
    return {
        "totals": {
            **records.rows(f"SELECT {_OF_PREDICTIONS} FROM ({priced})")[0],
            "wasted_characters": wasted[0]["characters"],
            "currency": prices.currency,
            "unpriced": [row["model"] for row in unpriced],
        },
        **{
            f"by_{name}": records.rows(
                f'SELECT {column} AS "{name}", {_OF_PREDICTIONS} FROM ({priced}) GROUP BY {column} ORDER BY {column}'
            )
            for name, column in groups.items()
        },
    }


def _cost(prices: Prices) -> str:
    """SQL: the cost of a prompt in the view ``prompt_figures``; NULL if its model has no price."""
    cases = [
        f"WHEN {quoted(model)} THEN prompt_tokens * {price.prompt_per_million / 1e6!r}"
        f" + completion_tokens * {price.completion_per_million / 1e6!r}"
        for model, price in prices.models.items()
    ]
    return f"CASE model {' '.join(cases)} END" if cases else "CAST(NULL AS DOUBLE)"


def _by(records: CallDatabase, column: str, when: str) -> list[dict[str, Any]]:
    """Turns, tools, transfers and tokens of each group."""
    group = f"coalesce({column}, '')" if column != "day" else "CAST(time AS DATE)"
    quantiles = ", ".join(f"quantile_cont(total_ms, {share}) AS {name}" for name, share in _QUANTILES)
    return records.rows(
        f"""
        SELECT k AS "{column}", calls, turns, interruptions, p50, p95, p99, coalesce(tools, 0) AS tools,
            coalesce(failed_tools, 0) AS failed_tools, coalesce(handovers, 0) AS handovers, caller_words, agent_words,
            coalesce(prompt_tokens, 0) AS prompt_tokens, coalesce(completion_tokens, 0) AS completion_tokens
        FROM (
            SELECT {group} AS k, count(DISTINCT call) AS calls, count(*) AS turns,
                count(*) FILTER (interrupted) AS interruptions, {quantiles},
                CAST(sum(caller_words) AS BIGINT) AS caller_words, CAST(sum(agent_words) AS BIGINT) AS agent_words
            FROM turns WHERE {when} GROUP BY k
        )
        LEFT JOIN (
            SELECT {group} AS k, count(*) AS tools, count(*) FILTER (failed) AS failed_tools
            FROM tools WHERE {when} GROUP BY k
        ) USING (k)
        LEFT JOIN (
            SELECT {group} AS k, CAST(sum(prompt_tokens) AS BIGINT) AS prompt_tokens,
                CAST(sum(completion_tokens) AS BIGINT) AS completion_tokens
            FROM prompt_figures WHERE {when} GROUP BY k
        ) USING (k)
        LEFT JOIN (
            SELECT {group} AS k, CAST(sum(handovers) AS BIGINT) AS handovers FROM calls WHERE {when} GROUP BY k
        ) USING (k)
        ORDER BY k
        """
    )
