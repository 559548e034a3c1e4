"""`orchestra compare`: recorded calls put to an app, a prompt or a model of today, and what differs."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestra.cli.ui.terminal import Terminal, complain, say_json
from orchestra.cli.ui.write_errors import writing

if TYPE_CHECKING:
    from rich.progress import Progress

    from orchestra.evaluation.call_diff import Comparison
    from orchestra.evaluation.sandbox import Candidate
    from orchestra.replay.selection import Selection
    from orchestra.settings import Settings


_Calls = Annotated[
    list[str] | None, typer.Argument(help="Ids of calls, a beginning or end of one, or files of kept journals.")
]
_App = Annotated[
    str, typer.Option(metavar="MODULE:NAME", help="The app that answers; that of the settings unless given.")
]
_Model = Annotated[str, typer.Option(help="The model that answers for every agent.")]
_Prompt = Annotated[
    list[str] | None, typer.Option(metavar="AGENT=FILE", help="Another prompt for one agent; may be repeated.")
]
_Tools = Annotated[
    Literal["recorded", "live", "fail"],
    typer.Option(
        help="Tools answer from the recording when name and arguments match. Else: the recorded answer to the most "
        "similar arguments, a real run, or a failure."
    ),
]
_OnDivergence = Annotated[
    Literal["stop", "follow"],
    typer.Option(help="At the first turn that differs: end the call, or let the caller go on as they did."),
]
_Alike = Annotated[
    float, typer.Option(min=0, max=1, help="Replies that share so much of their words count as the same.")
]
_Caller = Annotated[str, typer.Option(help="Calls of this number.")]
_Where = Annotated[str, typer.Option(metavar="SQL", help="Calls that this condition on the view `calls` chooses.")]
_Source = Annotated[str, typer.Option(help="auto, journal, archive, the URL of a Redis server, or a file.")]
_AtATime = Annotated[int, typer.Option(min=1, max=64, help="So many calls side by side.")]
_Audio = Annotated[
    bool,
    typer.Option(
        "--audio", help="The recorded caller's own voice, in real time, against an edge of today; measured by ear."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="The comparison as one JSON object.")]
_Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as one page.")]
_MaxDiverged = Annotated[
    float | None, typer.Option(min=0, max=1, help="Exit with 1 if a larger share of the turns differs.")
]
_MaxSlower = Annotated[
    float | None, typer.Option(help="Exit with 1 if the first sentence comes so much later, by the median.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    calls: _Calls = None,
    *,
    app: _App = "",
    model: _Model = "",
    prompt: _Prompt = None,
    tools: _Tools = "recorded",
    on_divergence: _OnDivergence = "follow",
    alike: _Alike = 1.0,
    caller: _Caller = "",
    where: _Where = "",
    source: _Source = "auto",
    at_a_time: _AtATime = 8,
    audio: _Audio = False,
    as_json: _Json = False,
    html: _Html = None,
    max_diverged: _MaxDiverged = None,
    max_slower_ms: _MaxSlower = None,
) -> None:
    """Put recorded calls to the present app, or another app, prompt or model, and tell what differs turn by turn."""
    import uvloop

    from orchestra.log import quiet_logging
    from orchestra.replay.selection import Selection
    from orchestra.settings import load_settings

    settings = load_settings()
    quiet_logging(settings, "compare")
    candidate = candidate_of(settings, app, model, prompt or [], tools)
    selection = Selection(caller=caller, where=where)
    _check_selection(calls or [], selection)
    options: dict[str, Any] = {"on_divergence": on_divergence, "alike": alike, "at_a_time": at_a_time}
    if audio:
        _check_audio(on_divergence)
        options = {"alike": alike, "app": app or settings.app}
    found = uvloop.run(_compare(settings, calls or [], selection, source, candidate, audio=audio, **options))
    _tell(found, candidate, as_json=as_json, html=html)
    problems = _beyond(found, max_diverged, max_slower_ms)
    if problems or not found.calls:
        complain("\n".join(problems or ["no call could be compared"]))
        sys.exit(1)


def _tell(found: "Comparison", candidate: "Candidate", *, as_json: bool, html: Path | None) -> None:
    if as_json:
        say_json(_as_json(found))
    else:
        from orchestra.cli.compare.view import show_comparison
        from orchestra.cli.ui.console import terminal

        show_comparison(terminal(), found)
    if html is not None:
        from orchestra.cli.ui.requires_extra import needs_extra

        with needs_extra("analysis"):
            from orchestra.evaluation.html_report import html_report

        calls = f"{len(found.calls)} call{'s' * (len(found.calls) != 1)}"
        with writing(html):
            html.write_text(html_report(found, f"{calls} against {candidate.app.version}"), "utf-8")


def _check_selection(names: list[str], selection: "Selection") -> None:
    from orchestra.errors import UsageError

    if not names and not selection.caller and not selection.where:
        msg = "name calls to compare, or choose them by --caller or --where; `orchestra calls list` shows what there is"
        raise UsageError(msg)


def _check_audio(on_divergence: str) -> None:
    from orchestra.errors import UsageError

    if on_divergence == "stop":
        msg = "--audio follows the caller to the end of the call: leave out --on-divergence stop"
        raise UsageError(msg)


def candidate_of(settings: "Settings", app: str, model: str, prompts: list[str], tools: Any) -> "Candidate":
    """What calls are put to, as the options of a command name it.

    Raises:
        UsageError: there is no such app, agent or file.

    """
    from orchestra.agents import load_app
    from orchestra.errors import UsageError
    from orchestra.evaluation.sandbox import Candidate, with_prompts

    changed: dict[str, str | Path] = {}
    for each in prompts:
        agent, mark, file = each.partition("=")
        if not mark or not Path(file).is_file():
            msg = f"--prompt {each!r}: write it as AGENT=FILE, and the file has to be there"
            raise UsageError(msg)
        changed[agent] = Path(file)
    chosen = settings.model_copy(update={"model": model}) if model else settings
    return Candidate(
        app=with_prompts(load_app(app or settings.app), changed), settings=chosen, only_model=bool(model), tools=tools
    )


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
    putting: Callable[..., Awaitable[Comparison]] = partial(compare_calls, recordings, candidate)
    if audio:
        with needs_extra("voice", "local"):
            from orchestra.evaluation.audio_compare import compare_audio
        putting = partial(compare_audio, settings, recordings, candidate)
    with progress_of(len(recordings)) as progress:
        if progress is None:
            return await putting(**options)
        task = progress.add_task("comparing", total=len(recordings))
        return await putting(done=lambda _: progress.advance(task), **options)


def progress_of(calls: int | None = None) -> "AbstractContextManager[Progress | None]":
    """A progress bar for several calls (or files, where None), where somebody looks on."""
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


def _beyond(found: "Comparison", max_diverged: float | None, max_slower_ms: float | None) -> "list[str]":
    """The thresholds that are passed, in words."""
    problems = []
    if max_diverged is not None and found.share > max_diverged:
        problems.append(f"{found.share:.1%} of the turns differ, at most {max_diverged:.1%} may")
    if max_slower_ms is not None:
        for group in found.groups():
            if group.recorded_first_ms is None or group.candidate_first_ms is None:
                continue
            slower_ms = group.candidate_first_ms - group.recorded_first_ms
            if slower_ms > max_slower_ms:
                problems.append(f"the first sentence comes {slower_ms:,.0f} ms later, at most {max_slower_ms:,.0f} may")
    if max_diverged is not None and found.failed:
        problems.append(f"{len(found.failed)} calls could not be compared")
    return problems
