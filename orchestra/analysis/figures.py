"""Figures of calls by day, app, version or agent, for charts."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from orchestra.analysis.conditions import chosen
from orchestra.analysis.query import CallDatabase
from orchestra.archive.derived.facts import quoted
from orchestra_schemas.speech import TURN_TIMES

Group = Literal["day", "app", "version", "agent"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of each group sum up to; ``key`` is the day, app, version or agent, in order.

    Attributes:
        groups: ``calls``, ``ended``, ``outcomes`` (calls by outcome), ``mean_s``, ``turns``, ``interruptions``,
            ``handovers``, ``accepted``, ``tools``, ``failed_tools``, ``prompts``, ``prompt_tokens``,
            ``completion_tokens``, ``call_s``, and ``wait``: for each stage of a turn, and ``total``, its ``p50`` and
            ``p95`` in ms.
        models: ``model``, ``prompts``, ``prompt_tokens``, ``completion_tokens`` of each model in a group.
        speech: ``stt``, ``stt_s``, ``tts``, ``tts_characters`` of each pair of speech engines in a group.
        tools: ``name``, ``calls``, ``failed``, ``p95_ms`` of each tool in a group.

    """

    by: str
    groups: list[dict[str, Any]]
    models: list[dict[str, Any]]
    speech: list[dict[str, Any]]
    tools: list[dict[str, Any]]


def figures(
    records: CallDatabase,
    by: Group,
    *,
    since: float | None = None,
    until: float | None = None,
    app: str = "",
    version: str = "",
    agent: str = "",
    line: str = "",
) -> Figures:
    """The figures of what began between two times (epoch seconds), with these properties. Blocks.

    A call counts for its last agent and version; turns, prompts and tools count for those that had them.
    """
    records.keep("calls", "turns", "prompts", "speech", "tools")
    tests = [chosen(since, until, app, line)]
    tests += [f"version = {quoted(version)}"] if version else []
    tests += [f"agent = {quoted(agent)}"] if agent else []
    asked = _Asked(records, _KEYS[by], " AND ".join(tests), with_app=by == "app")
    groups: dict[str, dict[str, Any]] = {}
    for row in asked.rows("calls", _CALL_SUMS):
        groups[row["key"]] = {"outcomes": {}} | row
    for row in asked.rows("calls", "coalesce(outcome, status) AS outcome, count(*) AS calls", also="outcome, status"):
        groups[row["key"]]["outcomes"][row["outcome"]] = row["calls"]
    for row in asked.rows("turns", _TURN_SUMS):
        wait = {
            stage.removesuffix("_ms"): dict(zip(_QUANTILES, row.pop(stage) or [None, None], strict=True))
            for stage in TURN_TIMES
        }
        groups.setdefault(row["key"], {"outcomes": {}}).update(row, wait=wait)
    return Figures(
        by=by,
        groups=[{**_NONE, **groups[key]} for key in sorted(groups)],
        models=asked.rows("prompt_figures", _MODEL_SUMS, also="model"),
        speech=asked.rows("speech", _SPEECH_SUMS, also="stt, tts"),
        tools=asked.rows("tools", _TOOL_SUMS, also="name"),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    records: CallDatabase
    key: str
    when: str
    with_app: bool

    def rows(self, view: str, sums: str, *, also: str = "") -> list[dict[str, Any]]:
        """One row for each group, and for each value of the columns ``also`` in it."""
        if self.with_app and view != "calls":
            view = f"(SELECT * FROM {view} JOIN (SELECT call, app FROM calls) USING (call))"
        groups = f"key, {also}" if also else "key"
        return self.records.rows(
            f"SELECT CAST({self.key} AS VARCHAR) AS key, {sums} FROM {view} WHERE {self.when}"
            f" GROUP BY {groups} ORDER BY {groups}"
        )


def _total(name: str) -> str:
    return f"CAST(coalesce(sum({name}), 0) AS BIGINT) AS {name}"


_KEYS = {
    "day": "CAST(time AS DATE)",
    "app": "coalesce(app, '')",
    "version": "coalesce(version, '')",
    "agent": "coalesce(agent, '')",
}
_QUANTILES = {"p50": 0.5, "p95": 0.95}
_SUMMED = ("handovers", "accepted", "tools", "failed_tools", "prompts", "prompt_tokens", "completion_tokens")
_CALL_SUMS = ", ".join([
    "count(*) AS calls, count(*) FILTER (status = 'ended') AS ended",
    "avg(duration_s) FILTER (status = 'ended') AS mean_s, coalesce(sum(duration_s), 0) AS call_s",
    *map(_total, _SUMMED),
])  # fmt: skip
_TURN_SUMS = ", ".join([
    "count(*) AS turns, count(*) FILTER (interrupted) AS interruptions",
    *(f"quantile_cont({stage}, {list(_QUANTILES.values())}) AS {stage}" for stage in TURN_TIMES),
])  # fmt: skip
_MODEL_SUMS = f"model, count(*) AS prompts, {_total('prompt_tokens')}, {_total('completion_tokens')}"
_SPEECH_SUMS = f"stt, tts, sum(stt_s) AS stt_s, {_total('tts_characters')}"
_TOOL_SUMS = "name, count(*) AS calls, count(*) FILTER (failed) AS failed, quantile_cont(duration_ms, 0.95) AS p95_ms"
#: of a group that has no calls of its own, or no turns
_NONE: dict[str, Any] = {
    "calls": 0, "ended": 0, "mean_s": None, "call_s": 0.0, **dict.fromkeys(_SUMMED, 0), "turns": 0, "interruptions": 0,
    "wait": {stage.removesuffix("_ms"): dict.fromkeys(_QUANTILES) for stage in TURN_TIMES},
}  # fmt: skip
