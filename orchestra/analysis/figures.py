"""Figures of calls by day, app, version or agent, for charts."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from orchestra.analysis.conditions import chosen, of_totals
from orchestra.analysis.judgements import Answers, judgements
from orchestra.analysis.quantiles import quantiles
from orchestra.analysis.query import CallDatabase
from orchestra.analysis.totals import total
from orchestra_schemas.speech import TURN_TIMES

Group = Literal["day", "app", "version", "agent"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of each group sum up to; ``key`` is the day, app, version or agent, in order.

    Attributes:
        groups: ``calls``, ``ended``, ``outcomes`` (calls by outcome), ``mean_s``, ``turns``, ``interruptions``,
            ``handovers``, ``accepted``, ``tools``, ``failed_tools``, ``prompts``, ``prompt_tokens``,
            ``completion_tokens``, ``call_s``, and ``wait``: for each stage of a turn, and ``total``, its ``p50`` and
            ``p95`` in ms, within one percent (`orchestra.archive.derived.sums`).
        models: ``model``, ``prompts``, ``prompt_tokens``, ``completion_tokens`` of each model in a group.
        speech: ``stt``, ``stt_s``, ``tts``, ``tts_characters`` of each pair of speech engines in a group.
        tools: ``name``, ``calls``, ``failed``, ``p95_ms`` of each tool in a group.
        judgements: what judges say of these calls, whatever the groups are, and how far annotators agree: see
            `orchestra.analysis.judgements`.

    """

    by: str
    groups: list[dict[str, Any]]
    models: list[dict[str, Any]]
    speech: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    judgements: dict[str, Any] = {}


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
    annotated: Mapping[str, Answers] | None = None,
) -> Figures:
    """The figures of what began between two times (epoch seconds), with these properties. Blocks.

    A call counts for its last agent and version; turns, prompts and tools count for those that had them.
    """
    records.totals(("calls", "turns", "waits", "prompts", "speech", "tools"), since, until)
    asked = _Asked(records, _KEYS[by], of_totals(app, line, version, agent))
    groups: dict[str, dict[str, Any]] = {}
    for row in asked.rows("calls", _CALL_SUMS):
        groups[row["key"]] = {"outcomes": {}} | row
    for row in asked.rows("calls", f"name AS outcome, {total('number', 'calls')}", also="name"):
        groups[row["key"]]["outcomes"][row["outcome"]] = row["calls"]
    for row in asked.rows("turns", f"{total('turns')}, {total('interruptions')}"):
        groups.setdefault(row["key"], {"outcomes": {}}).update(row)
    for row in asked.quantiles("waits"):
        wait = groups[row["key"]].setdefault("wait", {} | _NONE["wait"])
        wait[row["name"].removesuffix("_ms")] = dict(zip(_QUANTILES, row["quantiles"], strict=True))
    took = {(row["key"], row["name"]): row["quantiles"][-1] for row in asked.quantiles("tools")}
    tools = asked.rows("tools", f"name, {total('number', 'calls')}, {total('failed')}", also="name")
    return Figures(
        by=by,
        groups=[{**_NONE, **groups[key]} for key in sorted(groups)],
        models=asked.rows("prompts", _MODEL_SUMS, also="name"),
        speech=asked.rows("speech", _SPEECH_SUMS, also="name, other"),
        tools=[{**row, "p95_ms": took.get((row["key"], row["name"]))} for row in tools],
        judgements=judgements(records, chosen(since, until, app, line, version=version, agent=agent), annotated),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Rows of the table ``totals``, by a key of them."""

    records: CallDatabase
    key: str
    which: str

    def rows(self, kind: str, sums: str, *, also: str = "") -> list[dict[str, Any]]:
        """One row for each group, and for each value of the columns ``also`` in it."""
        groups = f"key, {also}" if also else "key"
        return self.records.rows(
            f"SELECT key, {sums} FROM {self._of(kind)} GROUP BY {groups} HAVING sum(number) > 0 ORDER BY {groups}"
        )

    def quantiles(self, kind: str) -> list[dict[str, Any]]:
        """The quantiles of durations by group and name."""
        return self.records.rows(quantiles(self._of(kind), ["key", "name"], _QUANTILES.values()))

    def _of(self, kind: str) -> str:
        return f"(SELECT *, CAST({self.key} AS VARCHAR) AS key FROM totals WHERE kind = '{kind}' AND {self.which})"


_KEYS = {
    "day": "day",
    "app": "coalesce(app, '')",
    "version": "coalesce(version, '')",
    "agent": "coalesce(agent, '')",
}
_QUANTILES = {"p50": 0.5, "p95": 0.95}
_SUMMED = ("handovers", "accepted", "tools", "failed_tools", "prompts", "prompt_tokens", "completion_tokens")
_ENDED = "sum(number) - sum(running)"
_CALL_SUMS = ", ".join([
    f"{total('number', 'calls')}, CAST({_ENDED} AS BIGINT) AS ended",
    f"CAST(sum(seconds) AS DOUBLE) / nullif({_ENDED}, 0) AS mean_s, CAST(sum(seconds) AS DOUBLE) AS call_s",
    *map(total, _SUMMED),
])  # fmt: skip
_MODEL_SUMS = f"name AS model, {total('number', 'prompts')}, {total('prompt_tokens')}, {total('completion_tokens')}"
_SPEECH_SUMS = (
    f"name AS stt, other AS tts, CAST(sum(seconds) AS DOUBLE) AS stt_s, {total('characters', 'tts_characters')}"
)
#: of a group that has no calls of its own, or no turns
_NONE: dict[str, Any] = {
    "calls": 0, "ended": 0, "mean_s": None, "call_s": 0.0, **dict.fromkeys(_SUMMED, 0), "turns": 0, "interruptions": 0,
    "wait": {stage.removesuffix("_ms"): dict.fromkeys(_QUANTILES) for stage in TURN_TIMES},
}  # fmt: skip
