"""`orchestra compare`: recorded calls played to an app, prompt or model, and what differs."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import typer

from orchestra.cli.ui.candidate_options import CandidateOptions
from orchestra.cli.ui.option_groups import option_groups
from orchestra.cli.ui.selection_options import SelectionOptions
from orchestra.cli.ui.terminal import Terminal, complain, say_json
from orchestra.cli.ui.write_errors import writing
from orchestra.counted import counted

if TYPE_CHECKING:
    from rich.progress import Progress

    from orchestra.evaluation.call_diff import Comparison
    from orchestra.evaluation.sandbox import Candidate
    from orchestra.replay.selection import Selection
    from orchestra.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonOptions:
    """How the calls are played and compared."""

    PANEL: ClassVar[str] = "Comparison"

    on_divergence: Annotated[
        Literal["stop", "follow"],
        typer.Option(help="At the first turn that differs, end the call, or let the caller continue as recorded."),
    ] = "follow"
    alike: Annotated[
        float,
        typer.Option(min=0, max=1, help="Treat replies as equal if at least this share of their words is the same."),
    ] = 1.0
    at_a_time: Annotated[int, typer.Option(min=1, max=64, help="How many calls are played at the same time.")] = 8
    audio: Annotated[
        bool,
        typer.Option(
            "--audio", help="Play the recorded caller's voice to an edge, in real time, and measure the audio."
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What is written, and when the exit code is 1."""

    PANEL: ClassVar[str] = "Output"

    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as one JSON object.")] = False
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the comparison to this file, as one HTML page.")
    ] = None
    forget: Annotated[bool, typer.Option("--forget", help="Do not keep this comparison.")] = False
    max_diverged: Annotated[
        float | None, typer.Option(min=0, max=1, help="Exit with 1 if a larger share of the turns differs.")
    ] = None
    max_slower_ms: Annotated[
        float | None,
        typer.Option(
            metavar="MS", help="Exit with 1 if the median time to the first sentence grows by more than this."
        ),
    ] = None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


@option_groups
def compare(
    *,
    calls: Annotated[
        list[str] | None, typer.Argument(help="Ids of calls, beginnings or ends of ids, or files of recorded journals.")
    ] = None,
    chosen: SelectionOptions,
    candidate: CandidateOptions,
    comparison: ComparisonOptions,
    output: OutputOptions,
) -> None:
    """Play recorded calls to an app, prompt or model, and show what differs, turn by turn."""
    import uvloop

    from orchestra.log import quiet_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    quiet_logging(settings, "compare")
    tried = candidate.candidate(settings, candidate.tools)
    selection = chosen.selection()
    _check_selection(calls or [], selection)
    write_html = _html_writer(output.html)
    options: dict[str, Any] = {"alike": comparison.alike}
    if comparison.audio:
        _check_audio(comparison.on_divergence)
        options |= {"app": candidate.app or settings.app}
    else:
        options |= {"on_divergence": comparison.on_divergence, "at_a_time": comparison.at_a_time}
    work = _compare(settings, calls or [], selection, chosen.source, tried, audio=comparison.audio, **options)
    found = uvloop.run(work)
    if output.as_json:
        say_json(_as_json(found))
    else:
        from orchestra.cli.compare.view import show_comparison
        from orchestra.cli.ui.console import terminal

        show_comparison(terminal(), found)
    write_html(found, tried.version)
    if not output.forget and found.calls:
        _keep(found, tried)
    problems = _exceeded(found, output.max_diverged, output.max_slower_ms)
    if problems or not found.calls:
        complain("\n".join(problems or ["no call could be compared"]))
        sys.exit(1)


def _html_writer(file: Path | None) -> "Callable[[Comparison, str], None]":
    """What writes the page; an extra that is missing is reported before the calls are played."""
    if file is None:
        return lambda _found, _version: None
    from orchestra.cli.ui.requires_extra import needs_extra

    with needs_extra("analysis"):
        from orchestra.evaluation.comparison_page import html_report

    def write(found: "Comparison", version: str) -> None:
        calls = counted(len(found.calls), "call")
        with writing(file):
            file.write_text(html_report(found, f"{calls} against {version}"), "utf-8")

    return write


def _keep(found: "Comparison", candidate: "Candidate") -> None:
    """Keep the comparison for the console; without a word, as the output is the comparison's."""
    from orchestra.evaluation.results import keep_comparison

    settings = candidate.settings
    with writing(settings.data_dir):
        keep_comparison(settings.data_dir, found, candidate.version, found.calls[0].candidate_model)


def _check_selection(names: list[str], selection: "Selection") -> None:
    from orchestra.errors import UsageError
    from orchestra.replay.selection import Selection

    if not names and selection == Selection():
        msg = "name calls to compare, or select them, like --since 2h; `orchestra calls list` shows what there is"
        raise UsageError(msg)


def _check_audio(on_divergence: str) -> None:
    from orchestra.errors import UsageError

    if on_divergence == "stop":
        msg = "--audio plays every call to its end: leave out --on-divergence stop"
        raise UsageError(msg)


async def _compare(
    settings: "Settings",
    names: list[str],
    selection: "Selection",
    source: str,
    candidate: "Candidate",
    *,
    audio: bool,
    **options: Any,
) -> "Comparison":
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.evaluation.compare import compare as compare_calls
    from orchestra.replay.chosen_calls import chosen_calls

    complaints: dict[str, None] = {}
    recordings = await chosen_calls(settings, names, selection, source, complaints.setdefault)
    for what in complaints:
        complain(what)
    play: Callable[..., Awaitable[Comparison]] = partial(compare_calls, recordings, candidate)
    if audio:
        with needs_extra("voice", "local"):
            from orchestra.evaluation.audio_compare import compare_audio
        play = partial(compare_audio, settings, recordings, candidate)
    with progress_of(len(recordings)) as progress:
        if progress is None:
            return await play(**options)
        task = progress.add_task("comparing", total=len(recordings))
        return await play(done=lambda _: progress.advance(task), **options)


def progress_of(calls: int | None = None) -> "AbstractContextManager[Progress | None]":
    """A progress bar for several calls (or an unknown number of files), if standard error is a terminal."""
    from rich.progress import BarColumn as Bar
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Terminal(stderr=True)
    if calls in (0, 1) or not console.is_terminal:  # one call needs no bar
        return nullcontext()
    columns = (TextColumn("{task.description}"), Bar(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _as_json(found: "Comparison") -> dict[str, Any]:
    return {
        "turns": found.turns,
        "diverged": found.diverged,
        "share": found.share,
        "versions": found.groups(),
        "calls": found.calls,
        "failed": found.failed,
    }


def _exceeded(found: "Comparison", max_diverged: float | None, max_slower_ms: float | None) -> "list[str]":
    """The thresholds that are exceeded, in words."""
    problems = []
    if max_diverged is not None and found.share > max_diverged:
        problems.append(f"{found.share:.1%} of the turns differ; at most {max_diverged:.1%} may")
    if max_slower_ms is not None:
        for group in found.groups():
            if group.recorded_first_ms is None or group.candidate_first_ms is None:
                continue
            slower_ms = group.candidate_first_ms - group.recorded_first_ms
            if slower_ms > max_slower_ms:
                problems.append(
                    f"the first sentence comes {slower_ms:,.0f} ms later; at most {max_slower_ms:,.0f} ms are allowed"
                )
    if max_diverged is not None and found.failed:
        problems.append(f"{counted(len(found.failed), 'call')} could not be compared")
    return problems
