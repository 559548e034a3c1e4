"""The report as pictures: calls by day and outcome, latency by stage, latency from day to day."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from orchestra.analysis.conditions import chosen
from orchestra.analysis.query import CallDatabase

#: colours of the outcomes; they also differ in lightness
_COLOURS = ("#1b4965", "#5fa8d3", "#bc6c25", "#e9c46a", "#606c38", "#a3b18a", "#9d4edd", "#d62828")
_INK = "#333333"
_LOOK: Any = {
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
}


def plot(records: CallDatabase, found: dict[str, Any], folder: Path, **which: Any) -> list[Path]:
    """Write the pictures of a report into a folder, as PNG files; returns them. Blocks.

    ``which`` are the times, app and line of the report.

    Raises:
        OSError: the folder cannot be written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_LOOK):
        pictures = {
            "calls.png": _calls(records, chosen(**which)),
            "stages.png": _stages(found["latency_ms"]),
            "latency.png": _latency(records, chosen(**which), found["by_day"]),
        }
        files = []
        for name, figure in pictures.items():
            files.append(folder / name)
            figure.savefig(files[-1], dpi=150)
    return files


def _picture(title: str, ylabel: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8, 4.5))
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_ylabel(ylabel)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    return figure, axes


def _calls(records: CallDatabase, when: str) -> Figure:
    rows = records.rows(
        f"SELECT CAST(day AS VARCHAR) AS day, coalesce(outcome, status) AS outcome, count(*) AS calls"  # noqa: S608
        f" FROM calls WHERE {when} GROUP BY ALL ORDER BY ALL"
    )
    days = sorted({row["day"] for row in rows})
    figure, axes = _picture("Calls by day and outcome", "calls")
    below = dict.fromkeys(days, 0)
    outcomes = sorted({row["outcome"] for row in rows})
    for number, outcome in enumerate(outcomes):
        counts = {row["day"]: row["calls"] for row in rows if row["outcome"] == outcome}
        heights = [counts.get(day, 0) for day in days]
        colour = _COLOURS[number % len(_COLOURS)]
        axes.bar(days, heights, 0.6, bottom=[below[day] for day in days], color=colour, label=_plain(outcome))
        for day, height in zip(days, heights, strict=True):
            below[day] += height
    if outcomes:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.margins(x=0.1 if len(days) > 1 else 1.0)
    axes.yaxis.get_major_locator().set_params(integer=True)
    _few_labels(axes, days)
    return figure


def _stages(latency: list[dict[str, Any]]) -> Figure:
    figure, axes = _picture("Where the time of a turn goes", "ms")
    measured = [row for row in latency if row["p50"] is not None]
    for number, name in enumerate(("p50", "p95", "p99")):
        for index, row in enumerate(measured):
            # a part of the stage before it: hollow, since it does not add to the others
            look = (
                {"fill": False, "edgecolor": _COLOURS[number]} if row["stage"] == "stt" else {"color": _COLOURS[number]}
            )
            label = name if index == 0 else "_"
            axes.bar(index + (number - 1) * 0.27, row[name], 0.25, label=label, **look)
    labels = ["of which stt" if row["stage"] == "stt" else _plain(row["stage"]) for row in measured]
    axes.set_xticks(range(len(measured)), labels, rotation=20, ha="right")
    if measured:
        axes.legend(frameon=False, loc="upper center")
    return figure


def _latency(records: CallDatabase, when: str, by_day: list[dict[str, Any]]) -> Figure:
    rows = [{**row, "day": str(row["day"])} for row in by_day if row["p50"] is not None]
    if len(rows) == 1:  # of one day a line shows the hours
        rows = records.rows(
            "SELECT strftime(time, '%H:00') AS day, quantile_cont(total_ms, 0.5) AS p50,"  # noqa: S608
            " quantile_cont(total_ms, 0.95) AS p95"
            f" FROM turns WHERE {when} AND total_ms IS NOT NULL GROUP BY ALL ORDER BY ALL"
        )
    figure, axes = _picture("End of speech to first sound of the reply", "ms")
    days = [row["day"] for row in rows]
    for number, name in enumerate(("p50", "p95")):
        axes.plot(days, [row[name] for row in rows], marker="o", color=_COLOURS[2 * number], label=name)
    # room above the highest point, or its marker is cut
    axes.set_ylim(0, 1.1 * max((row["p95"] for row in rows), default=1.0))
    if rows:
        axes.legend(frameon=False)
    axes.margins(x=0.1 if len(days) > 1 else 1.0)
    _few_labels(axes, days)
    return figure


def _few_labels(axes: Any, days: list[str]) -> None:
    """Label about ten days at most, so that the labels do not overlap."""
    step = max(1, -(-len(days) // 10))
    axes.set_xticks(range(0, len(days), step), days[::step], rotation=20 if len(days) > 4 else 0)  # noqa: PLR2004


def _plain(name: str) -> str:
    return name.replace("_", " ")
