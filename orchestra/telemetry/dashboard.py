"""The dashboard of a telephone service in OpenObserve: calls, latency by stage, interruptions, tools, tokens, errors.

It uses OpenObserve's dashboard schema 8 (source: version 0.93.0, config/src/meta/dashboards/v8). Every panel queries
the events, so it works without metrics; repeated rows share an ``event_id`` and count once.
"""

from dataclasses import dataclass
from typing import Any

from orchestra.telemetry.rows import LOGS
from orchestra_schemas.speech import TURN_STAGES

TITLE = "Orchestra: calls"
_WIDTH = 192  # columns of the grid
_HEIGHT = 9
_STAGES = tuple(field.removesuffix("_ms") for field in TURN_STAGES)


@dataclass(frozen=True, slots=True)
class _Panel:
    """A chart of one query: ``columns`` are what it selects, time or the group first, as (alias, label)."""

    title: str
    about: str
    kind: str
    stream: str
    select: str
    columns: tuple[tuple[str, str], ...]
    where: str = ""
    unit: str = ""
    group: str = "histogram(_timestamp)"
    order: str = "x"

    @property
    def sql(self) -> str:
        where = f" WHERE {self.where}" if self.where else ""
        # all of it is from this file
        return f'SELECT {self.group} AS "x", {self.select} FROM "{self.stream}"{where} GROUP BY x ORDER BY {self.order}'  # noqa: S608


def _percentile(column: str, share: float, alias: str) -> str:
    return f'approx_percentile_cont({column}, {share}) AS "{alias}"'


_EVENTS = "count(distinct event_id)"
_PANELS = (
    _Panel(
        "Calls", "Calls that started.", "bar", "orchestra_calls", f'{_EVENTS} AS "calls"', (("calls", "calls"),),
        "event_type = 'call.started'",
    ),
    _Panel(
        "Calls by how they ended", "", "table", "orchestra_calls",
        f'{_EVENTS} AS "calls", avg(duration_s) AS "seconds"', (("calls", "calls"), ("seconds", "seconds on average")),
        "event_type = 'call.ended'", group="reason", order="calls DESC",
    ),
    _Panel(
        "Response time", "From the end of the caller's speech to the first sound of the reply.", "line",
        "orchestra_edge",
        ", ".join(_percentile("total_ms", int(name[1:]) / 100, name) for name in ("p50", "p95", "p99")),
        (("p50", "p50"), ("p95", "p95"), ("p99", "p99")), "event_type = 'turn.measured'", "ms",
    ),
    _Panel(
        "Response time by stage, median", "Where the time of a turn goes.", "area-stacked", "orchestra_edge",
        ", ".join(_percentile(f"{stage}_ms", 0.5, stage) for stage in _STAGES if stage != "stt"),
        tuple((stage, stage.replace("_", " ")) for stage in _STAGES if stage != "stt"),
        "event_type = 'turn.measured'", "ms",
    ),
    _Panel(
        "Response time by stage, p95", "", "line", "orchestra_edge",
        ", ".join(_percentile(f"{stage}_ms", 0.95, stage) for stage in _STAGES),
        tuple((stage, stage.replace("_", " ")) for stage in _STAGES), "event_type = 'turn.measured'", "ms",
    ),
    _Panel(
        "Interruptions", "Replies that the caller spoke over.", "bar", "orchestra_caller",
        f'{_EVENTS} AS "interruptions"', (("interruptions", "interruptions"),), "event_type = 'reply.interrupted'",
    ),
    _Panel(
        "Tools that failed", "", "bar", "orchestra_execution", f'{_EVENTS} AS "failures"', (("failures", "failures"),),
        "event_type = 'tool.completed' AND failed = true",
    ),
    _Panel(
        "Tools", "", "table", "orchestra_execution",
        f'{_EVENTS} AS "calls", {_percentile("duration_ms", 0.95, "p95")}', (("calls", "calls"), ("p95", "p95 ms")),
        "event_type = 'tool.completed'", group="name", order="calls DESC",
    ),
    _Panel(
        "Tokens", "As the model's server counted them.", "area-stacked", "orchestra_execution",
        'sum(prompt_tokens) AS "input", sum(completion_tokens) AS "output"', (("input", "input"), ("output", "output")),
        "event_type = 'prompt.completed'",
    ),
    _Panel(
        "Warnings and errors", "What the processes said.", "bar", LOGS, 'count(*) AS "entries"',
        (("entries", "entries"),), "level IN ('warning', 'error')",
    ),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard, as the API expects it."""
    return {
        "version": 8,
        "title": TITLE,
        "description": "Calls, latency by stage, interruptions, tools, tokens; made by `orchestra openobserve setup`.",
        "role": "",
        "owner": "",
        "tabs": [
            {"tabId": "default", "name": "Default", "panels": [_panel(at, panel) for at, panel in enumerate(_PANELS)]}
        ],
        "variables": {"list": [], "showDynamicFilters": True},
        "defaultDatetimeDuration": {"type": "relative", "relativeTimePeriod": "6h"},
    }


def _panel(at: int, panel: _Panel) -> dict[str, Any]:
    half = _WIDTH // 2
    config: dict[str, Any] = {"show_legends": True, "legends_position": None, "connect_nulls": True}
    if panel.unit:
        config["unit"] = panel.unit
    axis = {"color": None, "type": "custom"}
    return {
        "id": f"Panel_{at + 1}",
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "config": config,
        "queryType": "sql",
        "queries": [
            {
                "query": panel.sql,
                "vrlFunctionQuery": "",
                "customQuery": True,
                "fields": {
                    "stream": panel.stream,
                    "stream_type": "logs",
                    "x": [{"label": "", "alias": "x", "column": "x", **axis}],
                    "y": [{"label": label, "alias": alias, "column": alias, **axis} for alias, label in panel.columns],
                    "z": [],
                    "breakdown": [],
                    "filter": {"filterType": "group", "logicalOperator": "AND", "conditions": []},
                },
                "config": {"promql_legend": ""},
            }
        ],
        "layout": {"x": at % 2 * half, "y": at // 2 * _HEIGHT, "w": half, "h": _HEIGHT, "i": at + 1},
    }
