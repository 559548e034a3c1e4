"""`orchestra report`: the daily report."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestra.cli.ui.terminal import say, say_json
from orchestra.cli.ui.write_errors import writing
from orchestra.counted import counted
from orchestra.hide_secrets import without_secrets

if TYPE_CHECKING:
    from rich.console import Console

    from orchestra.analysis.version_figures import Share, VersionFigures
    from orchestra.intervals import Interval

#: a stage that is part of the one above it
_PART_OF = {"stt": "  of it stt"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    *,
    since: Annotated[str, typer.Option(help="Since this time (UTC): 2026-11-22T14:30, or 7d (ago).")] = "",
    until: Annotated[str, typer.Option(help="Before this time.")] = "",
    app: Annotated[str, typer.Option(metavar="NAME", help="Only calls that this app answered or took over.")] = "",
    line: Annotated[str, typer.Option(metavar="LINE", help="Only calls of this line: a number, SIP name or *.")] = "",
    by: Annotated[
        Literal["", "day", "agent", "version", "app", "line"],
        typer.Option(metavar="GROUP", help="Only the tables by day, agent, version, app or line."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="DIR", help="Write PNG charts to this folder.")] = None,
) -> None:
    """Report calls, outcomes, latency by stage, barge-ins, tool failures, transfers, judges, words and tokens."""
    import asyncio
    from datetime import UTC

    from orchestra.cli.query import print_notice, warn_if_slow
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.parse_time import moment
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.curation.evaluation import read_annotations
    from orchestra.errors import RejectedError
    from orchestra.settings import load_settings

    settings = load_settings()
    when = {name: moment(text, zone=UTC) if text else None for name, text in (("since", since), ("until", until))}

    which: dict[str, Any] = {**when, "app": app, "line": line}
    with needs_extra("analysis"):
        from orchestra.analysis.query import CallDatabase
        from orchestra.analysis.report import report as report_of
    records = asyncio.run(CallDatabase.open(settings, on_warning=print_notice))
    warn_if_slow(records.files)
    try:
        try:
            annotated = read_annotations(settings.data_dir)
        except RejectedError as error:
            print_notice(f"{error}; the report is without the annotators")
            annotated = {}
        found = report_of(records, **which, prices=settings.prices, annotated=annotated)
        of = f"{counted(records.files, 'file')} of {without_secrets(settings.archive)}"
        if as_json:
            say_json({name: found[name] for name in _parts_of(by)} if by else found, enc_hook=float)
        elif by and found["totals"]["calls"]:
            _print_groups(terminal(), found, by)
        else:
            _print(terminal(), found, of, records.live)
        if plot is not None:
            with needs_extra("analysis"):
                from orchestra.analysis.plots import plot as draw
            with writing(plot):
                pictures = draw(records, found, plot, **which)
            if not as_json:
                say(*(f"picture {file}" for file in pictures))
    finally:
        records.close()


def _print(console: "Console", found: dict[str, Any], files: str, live: int) -> None:
    from rich.text import Text

    totals = found["totals"]
    if not totals["calls"]:
        console.print(f"no call is kept: {files}, and {counted(live, 'event')} of a running journal", soft_wrap=True)
        return
    console.print(
        Text(counted(totals["calls"], "call"), "bold"),
        f" {totals['running']:,} running · {counted(totals['turns'], 'turn')} ·"
        f" {counted(totals['interruptions'], 'interruption')} · {counted(totals['tools'], 'tool call')},"
        f" {totals['failed_tools']:,} failed · {counted(totals['handovers'], 'hand-over')} to people,"
        f" {totals['accepted']:,} accepted",
        soft_wrap=True,
    )
    console.print(
        f"{counted(totals['caller_words'], 'word')} of callers, {totals['agent_words']:,} of agents ·"
        f" {counted(totals['prompt_tokens'], 'token')} in, {totals['completion_tokens']:,} out"
        f" · {totals['mean_s']:,.0f} s a call",
        soft_wrap=True,
    )
    _table(console, "outcome", found["outcomes"])
    _print_judgements(console, found["judgements"])
    _print_predictions(console, found["predictions"])
    stages = [{**row, "stage": _PART_OF.get(row["stage"], row["stage"])} for row in found["latency_ms"]]
    _table(console, "latency by stage, ms", stages)
    for name in ("day", "agent", "version"):
        _print_groups(console, found, name)
    for name in ("app", "line"):
        if len(found[f"by_{name}"]) > 1:
            _print_groups(console, found, name)
    _table(console, "tools", found["tools"])
    _table(console, "models", found["models"])
    for hole in found["holes"][:10]:
        console.print(
            f"{hole['call']}: {counted(hole['missing'], 'event')} missing, the first before {_shown(hole['first'])}",
            style="red",
        )
    if len(found["holes"]) > 10:  # noqa: PLR2004
        more = len(found["holes"]) - 10
        console.print(f"… and {counted(more, 'more call')} with events missing: ask the view `holes`", style="red")
    console.print(f"\nof {files}, and {counted(live, 'event')} of a running journal", style="dim", soft_wrap=True)


def _print_judgements(console: "Console", found: dict[str, Any]) -> None:
    """What judges say, and how far annotators agree with them."""
    if (success := found["success"])["calls"]:
        console.print()
        console.print(
            f"{_share(success['share'])} of {counted(success['calls'], 'call')} a success, as their apps decide",
            soft_wrap=True,
        )
    _table(console, "judges", [{**row, "share": _share(row["share"])} for row in found["judges"]])
    agreement = [
        {
            "judge": row["judge"],
            "version": row["version"] or "–",
            "annotators' answer": row["question"],
            "calls": row["calls"],
            "agreed": _share(row["agreed"]),
            "kappa": "–" if row["kappa"] is None else f"{row['kappa']:.2f}",
        }
        for row in found["agreement"]
    ]
    _table(console, "judges and annotators", agreement)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _parts_of(by: str) -> tuple[str, ...]:
    return (f"by_{by}", "versions") if by == "version" else (f"by_{by}",)


def _print_groups(console: "Console", found: dict[str, Any], by: str) -> None:
    short = _short_call if by in ("app", "line") else _short
    _table(console, f"by {by}", [short(row, by) for row in found[f"by_{by}"]])
    if by == "version" and found["versions"]:
        _table(console, "versions, with 95 % confidence intervals", [_short_version(row) for row in found["versions"]])
        if len(found["versions"]) > 1:
            console.print("* differs from the first version by more than chance", style="dim")


def _short_version(row: "VersionFigures") -> dict[str, Any]:
    return {
        "version": row.version or "–",
        "calls": row.calls,
        "success": _share_between(row.success),
        "people": _share_between(row.transferred),
        "failed": _share_between(row.failed),
        "barge-ins": _share_between(row.interrupted),
        "failed tools": _share_between(row.failed_tools),
        "p50": _interval(row.wait_p50_ms),
        "p95": _interval(row.wait_p95_ms),
    }


def _share_between(share: "Share") -> str:
    found = share.interval
    if found is None or found.low is None or found.high is None:
        return "–"
    return f"{found.value:.1%} ({found.low:.1%}–{found.high:.1%}){'*' if share.differs else ''}"


def _interval(found: "Interval | None") -> str:
    if found is None:
        return "–"
    low, high = ("?" if end is None else f"{end:,.0f}" for end in (found.low, found.high))
    return f"{found.value:,.0f} ({low}–{high})"


def _print_predictions(console: "Console", found: dict[str, Any]) -> None:
    """The turns that were predicted to be over, and what the wrong predictions have cost."""
    totals = found["totals"]
    if not totals["predictions"]:
        return
    cost = totals["wasted_cost"]
    parts = [
        f"{counted(totals['predictions'], 'predicted turn')}: {totals['hits']:,} right",
        f"{totals['resumed']:,} taken back as the caller went on, {totals['other_words']:,} had other words",
        f"{counted(totals['wasted_prompts'], 'prompt')} wasted with"
        f" {counted(totals['wasted_prompt_tokens'], 'token')} in, {totals['wasted_completion_tokens']:,} out"
        + ("" if cost is None else f", {cost:,.4f} {totals['currency']}"),
    ]
    parts += (
        [f"{counted(totals['wasted_characters'], 'character')} synthesized for nobody"]
        if totals["wasted_characters"]
        else []
    )
    parts += [f"no price is set for {', '.join(totals['unpriced'])}"] if totals["unpriced"] and cost is not None else []
    console.print()
    console.print(" · ".join(parts), soft_wrap=True)
    for name in ("day", "agent", "version", "app"):
        _table(console, f"predicted turns by {name}", [_short_prediction(row, name) for row in found[f"by_{name}"]])


def _short_prediction(row: dict[str, Any], name: str) -> dict[str, Any]:
    cost = row["wasted_cost"]
    return {
        name: row[name] or "–",
        "predicted": row["predictions"],
        "right": row["hits"],
        "went on": row["resumed"],
        "other words": row["other_words"],
        "wasted prompts": row["wasted_prompts"],
        "tokens in": row["wasted_prompt_tokens"],
        "out": row["wasted_completion_tokens"],
        "cost": "–" if cost is None else f"{cost:,.4f}",
    }


def _short(row: dict[str, Any], name: str) -> dict[str, Any]:
    """The columns of a group."""
    return {
        name: row[name] or "–",
        "calls": row["calls"],
        "turns": row["turns"],
        "p50": row["p50"],
        "p95": row["p95"],
        "p99": row["p99"],
        "barge-ins": row["interruptions"],
        "tools": row["tools"],
        "failed": row["failed_tools"],
        "people": row["handovers"],
        "words": row["caller_words"] + row["agent_words"],
        "tokens": row["prompt_tokens"] + row["completion_tokens"],
    }


def _short_call(row: dict[str, Any], name: str) -> dict[str, Any]:
    """The columns of an app or a line."""
    return {
        name: row[name] or "–",
        "calls": row["calls"],
        "running": row["running"],
        "turns": row["turns"],
        "barge-ins": row["interruptions"],
        "tools": row["tools"],
        "failed": row["failed_tools"],
        "people": row["handovers"],
        "passed on": row["passed_on"],
        "tokens": row["prompt_tokens"] + row["completion_tokens"],
        "seconds a call": row["mean_s"],
    }


def _table(console: "Console", title: str, rows: Sequence[dict[str, Any]]) -> None:
    from orchestra.cli.ui.table import Column, print_table

    if not rows:
        return
    console.print()
    console.print(title, style="bold", markup=False)
    heads = [Column(name.replace("_", " "), number > 0) for number, name in enumerate(rows[0])]
    print_table(console, heads, [[_shown(value) for value in row.values()] for row in rows])


def _count(value: int) -> str:
    """A short form for a column: 70,000 becomes 70k."""
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if value >= 10 * size:
            return f"{value / size:,.0f}{letter}"
    return f"{value:,}"


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return _count(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | str):
        return str(value)
    return f"{value:,.0f}"
