"""The daily report: calls, outcomes, latency by stage, predicted turns, tools, transfers, words, tokens."""
# ruff: noqa: S608 - made of constants and numbers

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestra.analysis.conditions import chosen, of_totals
from orchestra.analysis.judgements import Answers, judgements
from orchestra.analysis.quantiles import quantiles
from orchestra.analysis.query import CallDatabase
from orchestra.analysis.totals import total
from orchestra.analysis.version_figures import of_totals_table
from orchestra.archive.derived.facts import quoted
from orchestra.prices import Prices
from orchestra_schemas.speech import TURN_TIMES

#: how turns are grouped: the name of the group, and what it is
GROUPS = {"day": "day", "agent": "coalesce(agent, '')", "version": "coalesce(version, '')"}
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
    annotated: Mapping[str, Answers] | None = None,
) -> dict[str, Any]:
    """The report of what began between two times (epoch seconds), as plain values. Blocks.

    ``totals`` is one object, every other part a list of objects. Latencies are in ms, ``None`` if nothing was measured;
    those of the archive are within one percent (`orchestra.archive.derived.sums.ROUNDED_BY`).
    ``by_day``, ``by_agent`` and ``by_version`` have the same columns; agents are counted by turns, so that a call
    with two agents counts for both. ``by_app`` and ``by_line`` are counted by calls; ``app`` and ``line`` limit the
    report to the calls of one. ``versions`` has `VersionFigures`, with confidence intervals. ``predictions`` has the
    turns that were predicted to be over, by the same groups and by app, and what the wrong ones cost at these
    ``prices``: None where no model has a price. ``judgements`` has what judges say, and how far annotators agree
    (``annotated``: their answers, by call): see `judgements`.
    """
    records.keep("holes")
    records.totals(_KINDS, since, until)
    found = _Totals(records, of_totals(app, line))
    return {
        "totals": found.rows("calls", _CALL_SUMS)[0],
        "outcomes": found.rows(
            "calls",
            f"name AS outcome, {total('number', 'calls')}, CAST(sum(seconds) AS DOUBLE) / sum(number) AS mean_s",
            by="name",
            order="calls DESC, outcome",
        ),
        "latency_ms": _latency(found),
        **{f"by_{name}": rows for name, rows in _by_turn(found).items()},
        **{f"by_{name}": _by_call(found, column) for name, column in _CALL_GROUPS.items()},
        "predictions": _predictions(found, prices or Prices()),
        "judgements": judgements(records, chosen(since, until, app, line), annotated),
        "versions": of_totals_table(records, since=since, until=until, app=app, line=line),
        "tools": _tools(found),
        "models": _models(found),
        "holes": records.rows(
            "SELECT call, count(DISTINCT missing) AS missing, min(time) AS first FROM holes"
            f" WHERE {chosen(since, until, app, line)} GROUP BY call ORDER BY first"
        ),
    }


_KINDS = ("calls", "turns", "waits", "tools", "prompts", "predictions", "wasted")


def latency(
    records: CallDatabase, *, since: float | None = None, until: float | None = None, app: str = "", line: str = ""
) -> list[dict[str, Any]]:
    """How long each stage of a turn took, in ms: ``stage``, its ``turns``, ``p50``, ``p95`` and ``p99``. Blocks."""
    records.totals(["waits"], since, until)
    return _latency(_Totals(records, of_totals(app, line)))


@dataclass(frozen=True, slots=True)
class _Totals:
    """The rows of the table ``totals`` that meet a condition."""

    records: CallDatabase
    which: str

    def rows(
        self, kind: str, sums: str, *, by: str = "", having: str = "true", order: str = ""
    ) -> list[dict[str, Any]]:
        """The sums of the rows of a kind: of all of them, or of each group that has some."""
        grouped = f" GROUP BY {by} HAVING sum(number) > 0 AND {having} ORDER BY {order or by}" if by else ""
        return self.records.rows(f"SELECT {sums} FROM {self._of(kind)}{grouped}")

    def quantiles(self, kind: str, key: str, which: str = "true") -> dict[Any, dict[str, Any]]:
        """By key, ``measured`` and ``quantiles`` of the durations of a kind."""
        source = f"(SELECT {key} AS key, value, number FROM {self._of(kind)} WHERE {which})"
        shares = [share for _, share in _QUANTILES]
        return {row["key"]: row for row in self.records.rows(quantiles(source, ["key"], shares))}

    def _of(self, kind: str) -> str:
        return f"(SELECT * FROM totals WHERE kind = '{kind}' AND {self.which})"


_TOKENS = f"{total('prompt_tokens')}, {total('completion_tokens')}"
_CALL_SUMS = ", ".join([
    total("number", "calls"),
    *map(total, (
        "running", "turns", "interruptions", "tools", "failed_tools", "handovers", "accepted", "prompts",
        "prompt_tokens", "completion_tokens", "caller_words", "agent_words",
    )),
    "coalesce(CAST(sum(seconds) AS DOUBLE) / nullif(sum(number) - sum(running), 0), 0) AS mean_s",
])  # fmt: skip


def _by_call(found: _Totals, column: str) -> list[dict[str, Any]]:
    """What the calls of each app or line sum up to; one that was passed on counts for the app that answered it."""
    passed_on = total("number", "passed_on", where="passed_to <> ''")
    key = f"coalesce({column}, '')"
    return found.rows("calls", f'{key} AS "{column}", {_CALL_SUMS}, {passed_on}', by=key, order="calls DESC, 1")


def _latency(found: _Totals) -> list[dict[str, Any]]:
    rows = found.quantiles("waits", "name")
    return [
        {
            "stage": stage.removesuffix("_ms"),
            "turns": rows[stage]["measured"] if stage in rows else 0,
            **_named(rows.get(stage)),
        }
        for stage in TURN_TIMES
    ]


def _named(row: dict[str, Any] | None) -> dict[str, float | None]:
    """Quantiles by name, None where nothing was measured."""
    if row is None:
        return {name: None for name, _ in _QUANTILES}
    return dict(zip((name for name, _ in _QUANTILES), row["quantiles"], strict=True))


def _tools(found: _Totals) -> list[dict[str, Any]]:
    sums = f"name, {total('number', 'calls')}, {total('failed')}, {total('unfinished')}"
    took = found.quantiles("tools", "name")
    return [
        {**row, "p95_ms": _named(took.get(row["name"]))["p95"]}
        for row in found.rows("tools", sums, by="name", order="calls DESC, name")
    ]


def _models(found: _Totals) -> list[dict[str, Any]]:
    sums = f"name AS model, {total('number', 'prompts')}, {total('failed')}, {_TOKENS}"
    took = found.quantiles("prompts", "name")
    return [
        {**row, "first_token_p95_ms": _named(took.get(row["model"]))["p95"]}
        for row in found.rows("prompts", sums, by="name", order="prompts DESC, model")
    ]


_OF_PREDICTIONS = ", ".join([
    total("number", "predictions"),
    total("number", "hits", where="name = 'hit'"),
    *(total("number", name, where=f"name = '{name}'") for name in ("resumed", "other_words", "lost")),
    *(total(name, f"wasted_{name}") for name in ("prompts", "prompt_tokens", "completion_tokens")),
])  # fmt: skip


def _predictions(found: _Totals, prices: Prices) -> dict[str, Any]:
    """Predicted turns: hits, misses and what they have cost; ``totals``, and a list for each group.

    ``unpriced`` names the models without a price that were asked for nothing.
    """
    cost = f"sum({_cost(prices)}) AS wasted_cost"
    (totals,) = found.rows("predictions", _OF_PREDICTIONS)
    (wasted,) = found.rows("wasted", cost)
    (spoken,) = found.rows("calls", total("wasted_characters", "characters"))
    unpriced = found.rows("wasted", "name", by="name", having=f"sum(used) > 0 AND count({_cost(prices)}) = 0")
    by: dict[str, list[dict[str, Any]]] = {}
    for name in (*GROUPS, "app"):
        costs = {row[name]: row["wasted_cost"] for row in found.rows("wasted", f"{name}, {cost}", by=name)}
        rows = found.rows("predictions", f"{name}, {_OF_PREDICTIONS}", by=name)
        by[f"by_{name}"] = [{**row, "wasted_cost": costs.get(row[name])} for row in rows]
    return {
        "totals": {
            **totals,
            **wasted,
            "wasted_characters": spoken["characters"],
            "currency": prices.currency,
            "unpriced": [row["name"] for row in unpriced],
        },
        **by,
    }


def _cost(prices: Prices) -> str:
    """SQL: the cost of the prompts of a model; NULL if it has no price."""
    cases = [
        f"WHEN {quoted(model)} THEN prompt_tokens * {price.prompt_per_million / 1e6!r}"
        f" + completion_tokens * {price.completion_per_million / 1e6!r}"
        for model, price in prices.models.items()
    ]
    return f"CASE name {' '.join(cases)} END" if cases else "CAST(NULL AS DOUBLE)"


def _by_turn(found: _Totals) -> dict[str, list[dict[str, Any]]]:
    """Turns, tools, transfers and tokens of each group, by the name of what they are grouped by."""
    return {name: _by(found, name, key) for name, key in GROUPS.items()}


def _by(found: _Totals, name: str, key: str) -> list[dict[str, Any]]:
    def sums(kind: str, *columns: str) -> dict[Any, dict[str, Any]]:
        return {row[name]: row for row in found.rows(kind, ", ".join([f"{key} AS {name}", *columns]), by=key)}

    turns = sums(
        "turns", total(f"of_{name}", "calls"),
        *map(total, ("turns", "interruptions", "caller_words", "agent_words")),
    )  # fmt: skip
    tools = sums("tools", total("number", "tools"), total("failed", "failed_tools"))
    calls, prompts = sums("calls", total("handovers")), sums("prompts", _TOKENS)
    waits = found.quantiles("waits", key, "name = 'total_ms'")
    return [
        {
            name: group,
            **{column: row[column] for column in ("calls", "turns", "interruptions")},
            **_named(waits.get(group)),
            **{column: tools.get(group, {}).get(column, 0) for column in ("tools", "failed_tools")},
            "handovers": calls.get(group, {}).get("handovers", 0),
            **{column: row[column] for column in ("caller_words", "agent_words")},
            **{column: prompts.get(group, {}).get(column, 0) for column in ("prompt_tokens", "completion_tokens")},
        }
        for group, row in turns.items()
    ]
