"""`orchestra evaluate`: an evaluation set played to the app, scored, and compared with earlier runs."""

import sys
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from orchestra.cli.ui.candidate_options import CandidateOptions
from orchestra.cli.ui.option_groups import option_groups
from orchestra.cli.ui.selection_options import SOURCE_HELP
from orchestra.cli.ui.terminal import complain, say_json
from orchestra.cli.ui.write_errors import writing

if TYPE_CHECKING:
    from rich.console import Console

    from orchestra.evaluation.evaluate import Evaluation
    from orchestra.evaluation.sandbox import Candidate
    from orchestra.settings import Settings

_SHOWN = 20
#: prefixes of the fields of `Thresholds`
_AT_LEAST, _AT_MOST = "min_", "max_"


def _share(of: str) -> Any:
    return typer.Option(min=0, max=1, metavar="SHARE", help=f"Share of {of}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOptions:
    """How the set is read, and what becomes of the run."""

    PANEL: ClassVar[str] = "Set and results"

    as_heard: Annotated[
        bool,
        typer.Option(
            "--as-heard", help="Use the recognized words of the caller, mistakes included, not the true ones."
        ),
    ] = False
    source: Annotated[
        str, typer.Option(metavar="SOURCE", help=f"Where annotated calls are recorded: {SOURCE_HELP}")
    ] = "auto"
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as one JSON object.")] = False
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the run to this file, as one HTML page.")] = (
        None
    )
    forget: Annotated[bool, typer.Option("--forget", help="Do not keep this run.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Scores that a run has to reach; shares are from 0 to 1."""

    PANEL: ClassVar[str] = "Thresholds: exit with 1 if a score misses one"

    min_agent: Annotated[float | None, _share("turns that the right agent answered")] = None
    min_tool: Annotated[float | None, _share("turns with the right tools")] = None
    min_arguments: Annotated[float | None, _share("tool calls with the right arguments")] = None
    min_words: Annotated[float | None, _share("turns whose reply has the expected words")] = None
    min_reply: Annotated[float | None, _share("words in common with the good replies")] = None
    min_outcome: Annotated[float | None, _share("calls with the right outcome")] = None
    max_word_error_rate: Annotated[float | None, _share("the caller's words that were recognized wrongly")] = None
    max_breaches: Annotated[float | None, _share("turns in which a rule stepped in")] = None
    max_failed: Annotated[float | None, _share("turns that failed")] = None
    max_first_ms_p95: Annotated[
        float | None, typer.Option(min=0, metavar="MS", help="95th percentile of the time to the first sentence.")
    ] = None

    def given(self, prefix: str) -> dict[str, float]:
        """The thresholds that the user has set, by the name of the score."""
        values = asdict(self).items()
        return {
            name.removeprefix(prefix): limit for name, limit in values if name.startswith(prefix) and limit is not None
        }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


@option_groups
def evaluate(
    *,
    set_path: Annotated[Path, typer.Argument(metavar="SET", help="A file of JSON lines, or a folder with such files.")],
    candidate: CandidateOptions,
    options: SetOptions,
    thresholds: Thresholds,
) -> None:
    """Play an evaluation set to the app, score the answers, and compare the scores with earlier runs."""
    import uvloop

    from orchestra.log import quiet_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    quiet_logging(settings, "evaluate")
    tried = candidate.candidate(settings, candidate.tools)
    run = uvloop.run(_evaluate(settings, set_path, tried, options.source, as_heard=options.as_heard))
    _show(settings, set_path, run, options)
    _check_thresholds(run, thresholds.given(_AT_LEAST), thresholds.given(_AT_MOST))


def _check_thresholds(run: "Evaluation", at_least: dict[str, float], at_most: dict[str, float]) -> None:
    """End with exit code 1 and the reasons if a threshold is missed or nothing could be evaluated."""
    from orchestra.evaluation.evaluate import failed_gates

    problems = list(failed_gates(run, at_least, at_most))
    if not run.calls:
        problems.append("no call of the set could be played")
    if problems:
        complain("\n".join(problems))
        sys.exit(1)


async def _evaluate(
    settings: "Settings", set_path: Path, candidate: "Candidate", source: str, *, as_heard: bool
) -> "Evaluation":
    from orchestra.cli.compare.command import progress_of
    from orchestra.evaluation.dataset import read_trials
    from orchestra.evaluation.evaluate import evaluate as evaluate_trials
    from orchestra.replay.selection import recorded_call

    async def recorded(call: str) -> Any:
        return await recorded_call(settings, call, source, on_warning=complain)

    trials, problems = await read_trials(set_path, recorded, as_heard=as_heard)
    with progress_of(len(trials)) as progress:
        task = None if progress is None else progress.add_task("evaluating", total=len(trials))
        done = (lambda: None) if progress is None or task is None else partial(progress.advance, task)
        return await evaluate_trials(trials, candidate, name=str(set_path), problems=problems, done=done)


def _show(settings: "Settings", set_path: Path, run: "Evaluation", options: SetOptions) -> None:
    from orchestra.cli.ui.console import terminal
    from orchestra.evaluation.results import EvaluationStore

    runs = EvaluationStore(settings.data_dir, set_path)
    before = runs.all()
    kept = None if options.forget else runs.keep(run)
    if options.html is not None:
        _write_page(options.html, run, before)
    if options.as_json:
        say_json(run)
        return
    console = terminal()
    _print_misses(console, run)
    _print_table(console, run, before)
    if kept is not None:
        console.print(f"kept as {kept}", style="dim", soft_wrap=True)


def _write_page(file: Path, run: "Evaluation", before: "list[Evaluation]") -> None:
    from orchestra.cli.ui.requires_extra import needs_extra

    with needs_extra("analysis"):
        from orchestra.evaluation.evaluation_page import evaluation_report
    with writing(file):
        file.write_text(evaluation_report(run, before, f"{run.set} against {run.version}"), "utf-8")


def _print_misses(console: "Console", run: "Evaluation") -> None:
    from rich.text import Text

    from orchestra.cli.ui.console import QUIET, WARNING

    for problem in run.problems:
        console.print(Text(problem, WARNING), soft_wrap=True)
    for miss in run.misses[:_SHOWN]:
        where = f"{miss.case}, turn {miss.turn}" if miss.turn else miss.case
        console.print(Text.assemble((where, "bold"), f": {miss.what}: expected {miss.wanted}, got {miss.came}"))
    if len(run.misses) > _SHOWN:
        console.print(Text(f"and {len(run.misses) - _SHOWN} more: --json has them all", QUIET))


def _print_table(console: "Console", run: "Evaluation", before: "list[Evaluation]") -> None:
    """The scores, one column for each run, and the change since the last run."""
    from rich.text import Text

    from orchestra.cli.ui.table import columns, print_table
    from orchestra.evaluation.score_table import score_table

    found = score_table(before, run, "now")
    titles = (*found.titles, "since the last run")
    rows: list[list[str | Text]] = [
        [row.title, *row.values, Text(row.change, "" if row.better is None else "green" if row.better else "red")]
        for row in found.rows
    ]
    print_table(console, columns("", *titles, right=titles), rows)
