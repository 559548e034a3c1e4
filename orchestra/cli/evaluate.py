"""`orchestra evaluate`: an evaluation set put to the app, scored, and set beside the runs before."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestra.cli.ui.terminal import complain, say_json

if TYPE_CHECKING:
    from rich.console import Console

    from orchestra.evaluation.evaluate import Evaluation
    from orchestra.evaluation.sandbox import Candidate
    from orchestra.settings import Settings

_SHOWN = 20

_Share = typer.Option(min=0, max=1, help="Exit with 1 below it (0 to 1).")
_Most = typer.Option(min=0, max=1, help="Exit with 1 above it (0 to 1).")
_Set = Annotated[Path, typer.Argument(metavar="SET", help="A file of JSON lines, or a folder with some.")]
_App = Annotated[
    str, typer.Option(metavar="MODULE:NAME", help="The app that answers; that of the settings unless given.")
]
_Model = Annotated[str, typer.Option(help="The model that answers for every agent.")]
_Prompt = Annotated[
    list[str] | None, typer.Option(metavar="AGENT=FILE", help="Another prompt for one agent; may be repeated.")
]
_Tools = Annotated[
    Literal["recorded", "live", "fail"],
    typer.Option(help="What becomes of tool calls to which the set has no answer; as in `orchestra compare`."),
]
_AsHeard = Annotated[
    bool, typer.Option("--as-heard", help="Callers are understood as they were then, mistakes included.")
]
_Json = Annotated[bool, typer.Option("--json", help="The run as one JSON object.")]
_Forget = Annotated[bool, typer.Option("--forget", help="Do not keep this run.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    place: _Set,
    *,
    app: _App = "",
    model: _Model = "",
    prompt: _Prompt = None,
    tools: _Tools = "recorded",
    as_heard: _AsHeard = False,
    source: Annotated[str, typer.Option(help="Where annotated calls are recorded.")] = "auto",
    as_json: _Json = False,
    forget: _Forget = False,
    min_agent: Annotated[float | None, _Share] = None,
    min_tool: Annotated[float | None, _Share] = None,
    min_arguments: Annotated[float | None, _Share] = None,
    min_words: Annotated[float | None, _Share] = None,
    min_reply: Annotated[float | None, _Share] = None,
    min_outcome: Annotated[float | None, _Share] = None,
    max_word_error_rate: Annotated[float | None, _Most] = None,
    max_breaches: Annotated[float | None, _Most] = None,
    max_failed: Annotated[float | None, _Most] = None,
    max_first_ms_p95: Annotated[float | None, typer.Option(min=0, help="Exit with 1 above it.")] = None,
) -> None:
    """Put an evaluation set to the app, count what is right, and show it beside the runs of other versions."""
    import uvloop

    from orchestra.cli.compare.command import candidate_of
    from orchestra.log import quiet_logging
    from orchestra.settings import load_settings

    at_least = {"agent": min_agent, "tool": min_tool, "arguments": min_arguments, "words": min_words,
                "reply": min_reply, "outcome": min_outcome}  # fmt: skip
    at_most = {"word_error_rate": max_word_error_rate, "breaches": max_breaches, "failed": max_failed,
               "first_ms_p95": max_first_ms_p95}  # fmt: skip
    settings = load_settings()
    quiet_logging(settings, "evaluate")
    candidate = candidate_of(settings, app, model, prompt or [], tools)
    run = uvloop.run(_evaluate(settings, place, candidate, source, as_heard=as_heard))
    _show(settings, place, run, as_json=as_json, forget=forget)
    _hold_back(run, _given(at_least), _given(at_most))


def _hold_back(run: "Evaluation", at_least: dict[str, float], at_most: dict[str, float]) -> None:
    """End with exit code 1 and the reasons, if a gate is not passed or nothing could be evaluated."""
    from orchestra.evaluation.evaluate import failed_gates

    problems = list(failed_gates(run, at_least, at_most))
    if not run.calls:
        problems.append("no call of the set could be put to the app")
    if problems:
        complain("\n".join(problems))
        sys.exit(1)


def _given(limits: dict[str, float | None]) -> dict[str, float]:
    return {name: limit for name, limit in limits.items() if limit is not None}


async def _evaluate(
    settings: "Settings", place: Path, candidate: "Candidate", source: str, *, as_heard: bool
) -> "Evaluation":
    from orchestra.cli.compare.command import progress_of
    from orchestra.evaluation.dataset import read_trials
    from orchestra.evaluation.evaluate import evaluate as evaluate_trials
    from orchestra.replay.selection import recorded_call

    async def recorded(call: str) -> Any:
        return await recorded_call(settings, call, source, on_warning=complain)

    trials, problems = await read_trials(place, recorded, as_heard=as_heard)
    with progress_of(len(trials)) as progress:
        task = None if progress is None else progress.add_task("evaluating", total=len(trials))
        done = (lambda: None) if progress is None or task is None else partial(progress.advance, task)
        return await evaluate_trials(trials, candidate, name=str(place), problems=problems, done=done)


def _show(settings: "Settings", place: Path, run: "Evaluation", *, as_json: bool, forget: bool) -> None:

    from orchestra.cli.ui.console import terminal
    from orchestra.evaluation.results import EvaluationStore, latest_by_version

    runs = EvaluationStore(settings.data_dir, place)
    before = runs.all()
    kept = None if forget else runs.keep(run)
    if as_json:
        say_json(run)
        return
    console = terminal()
    _print_misses(console, run)
    _print_table(console, latest_by_version(before, run))
    if kept is not None:
        console.print(f"kept as {kept}", style="dim", soft_wrap=True)


def _print_misses(console: "Console", run: "Evaluation") -> None:
    from rich.text import Text

    from orchestra.cli.ui.console import QUIET, WARNING

    for problem in run.problems:
        console.print(Text(problem, WARNING), soft_wrap=True)
    for miss in run.misses[:_SHOWN]:
        where = f"{miss.case}, turn {miss.turn}" if miss.turn else miss.case
        console.print(Text.assemble((where, "bold"), f": {miss.what}: {miss.wanted} was wanted, not {miss.came}"))
    if len(run.misses) > _SHOWN:
        console.print(Text(f"and {len(run.misses) - _SHOWN} more: --json has them all", QUIET))


def _print_table(console: "Console", runs: "list[Evaluation]") -> None:
    """The scores, a column a run; beside the last one what has changed since the one before it."""
    from rich.text import Text

    from orchestra.cli.ui.table import columns, print_table
    from orchestra.evaluation.evaluate import SCORES, format_score

    titles = [f"{run.version} {run.model} {run.at[:16] if run is not runs[-1] else 'now'}" for run in runs]
    titles.append("since the last run")
    last = max(runs[:-1], key=lambda run: run.at, default=None)
    rows: list[list[str | Text]] = [["calls, turns", *(f"{run.calls}, {run.turns}" for run in runs), ""]]
    for name, title, more_is_better in SCORES:
        change = Text("")
        now, before = runs[-1].scores.get(name), None if last is None else last.scores.get(name)
        if now is not None and before is not None and now != before:
            better = (now > before) == more_is_better
            change = Text(_change(name, now - before), "green" if better else "red")
        rows.append([title, *(format_score(name, run.scores.get(name)) for run in runs), change])
    print_table(console, columns("", *titles, right=titles), rows)


def _change(name: str, by: float) -> str:
    return f"{by:+,.0f} ms" if "_ms" in name else f"{100 * by:+.1f} points"
