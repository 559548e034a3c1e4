"""`orchestra load`: many simulated callers at a time on the running system, for sizing."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from orchestra.counted import counted

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from rich.console import Console

    from orchestra.agents import App
    from orchestra.evaluation.load.report import LoadReport
    from orchestra.evaluation.load.systems import CalledSystem
    from orchestra.settings import Settings
    from orchestra.simulator import ScriptLine, Utterance

LoadLine = Literal["twilio", "browser", "telnyx", "plivo", "vonage", "sip"]

_OWN_LINES = 4
_SHOW_EVERY_S = 10.0
#: between the first calls of two callers, unless the ramp is given
_RAMP_STEP_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(load)


def load(
    callers: Annotated[int, typer.Argument(min=1, max=1000, metavar="N", help="How many call at a time.")],
    *,
    minutes: Annotated[
        float, typer.Option(min=0.1, max=1440, metavar="M", help="How long, after the last one has called.")
    ] = 1.0,
    ramp: Annotated[
        float | None,
        typer.Option(min=0, metavar="S", help="Seconds until the last one calls for the first time; 0.5 for each."),
    ] = None,
    say: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="What callers say, one turn each; by default the app's examples."),
    ] = None,
    script: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What callers do, as for `orchestra call --script`.")
    ] = None,
    line: Annotated[
        LoadLine | None, typer.Option(help="How callers reach the system; by default by the settings' carrier.")
    ] = None,
    to: Annotated[str, typer.Option("--to", metavar="LINE", help="What is dialled: a number or a name.")] = "+15550100",
    url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="The edge, or sip:… of a gateway. Without it: the system that runs on this machine, or one that is "
            "started for the load.",
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hold N simulated calls at a time, and show what callers wait and what each process takes.

    Each caller calls, says everything, hangs up and calls again. Exit code 1: callers were refused, cut off or left
    without an answer.
    """
    import uvloop

    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.cli.ui.terminal import say_json
    from orchestra.settings import load_settings

    with needs_extra("voice", "local"):
        from orchestra.simulator import ScriptLine, read_script
    settings = load_settings()
    lines = read_script(script) if script else [ScriptLine(text) for text in say or _things_to_say(settings.app)]
    ramp_s = _RAMP_STEP_S * callers if ramp is None else ramp
    console = terminal(quiet=as_json)
    running = _load(settings, lines, callers, minutes * 60, ramp_s, line=line or "", to=to, url=url, console=console)
    report = uvloop.run(running)
    if as_json:
        say_json(report)
    else:
        _print(console, report)
    if report.lost:
        sys.exit(1)


def _things_to_say(app: str) -> list[str]:
    """Some of the app's own examples of what callers say, of different agents."""
    from orchestra.agents.loader import load_lines
    from orchestra.cli.up import words_to_try

    loaded: App = load_lines(app).default
    spoken = [agent.examples_in(loaded.speaks.first) for agent in loaded.agents]
    examples = [said[0] for said in spoken if said]
    return examples[:_OWN_LINES] or [words_to_try(loaded)]


async def _load(
    settings: "Settings",
    lines: "list[ScriptLine]",
    number: int,
    seconds: float,
    ramp_s: float,
    *,
    line: str,
    to: str,
    url: str,
    console: "Console",
) -> "LoadReport":
    import asyncio

    from orchestra.async_tasks import end_signal
    from orchestra.evaluation.load.callers import LoadCallers
    from orchestra.evaluation.load.processes import ProcessMeter
    from orchestra.evaluation.load.run import run_load

    with console.status("preparing what callers say …"):
        says = await asyncio.to_thread(_rendered, lines)
    async with _system(settings, line, url, to, console) as system:
        console.print(f"{counted(number, 'caller')} of {system.address}, the last one after {ramp_s:g} s", style="dim")
        callers = LoadCallers(system.new_caller, says, number=number, ramp_s=ramp_s)
        stopping = asyncio.create_task(_stop_at(end_signal(), callers.stop))
        try:
            return await run_load(
                callers,
                ProcessMeter(system.supervisor),
                number=number,
                seconds=seconds,
                show_every_s=_SHOW_EVERY_S,
                show=lambda report, on_line: console.print(_progress(report, on_line), soft_wrap=True),
            )
        finally:
            stopping.cancel()


async def _stop_at(ended: "asyncio.Event", stop: "Callable[[], None]") -> None:
    await ended.wait()
    stop()


def _rendered(lines: "list[ScriptLine]") -> "list[Utterance]":
    from orchestra.simulator import render_script
    from orchestra.voice.engines.local import LocalSpeech

    return render_script(lines, LocalSpeech.load().synthesize)


@asynccontextmanager
async def _system(
    settings: "Settings", line: str, url: str, to: str, console: "Console"
) -> "AsyncIterator[CalledSystem]":
    from orchestra.cli.call import require_listener
    from orchestra.evaluation.load.systems import find_system, started_system

    system = find_system(settings, line, url, to)
    if system is not None:
        if system.address.startswith("http"):
            require_listener(system.address)
        yield system
        return
    console.print("starting a system for the load: server, workers and edge …", style="dim")
    async with started_system(settings, line, to) as system:
        yield system


def _progress(report: "LoadReport", on_line: int) -> str:
    """One line about the seconds since the last one."""
    seconds = round(report.seconds)
    parts = [f"{seconds // 60}:{seconds % 60:02}", f"{on_line} on the line"]
    if report.turns:
        parts += [counted(report.turns, "turn"), f"wait {_waits(report)}"]
    if report.gaps:
        parts.append(counted(report.gaps, "gap"))
    parts += [f"{count} {how}" for how, count in report.calls.items() if how not in ("done", "stopped")]
    busiest = max((each for each in report.processes if each.name != "callers"), key=lambda e: e.cores, default=None)
    if busiest is not None:
        parts.append(f"{busiest.name} {busiest.cores:.0%} of a core")
    return " · ".join(parts)


def _waits(report: "LoadReport") -> str:
    if report.wait_p50_ms is None:
        return ""
    return f"p50 {report.wait_p50_ms:,} ms, p95 {report.wait_p95_ms:,} ms"


def _print(console: "Console", report: "LoadReport") -> None:
    from orchestra.cli.ui.console import QUIET, WARNING
    from orchestra.cli.ui.table import columns, print_table

    console.print()
    calls = ", ".join(f"{count} {how}" for how, count in report.calls.items()) or "none"
    console.print(f"calls      {calls}", soft_wrap=True)
    most = f", longest {report.wait_most_ms:,} ms" if report.wait_most_ms is not None else ""
    console.print(
        f"waits      {_waits(report) or 'nobody was answered'}{most} ({counted(report.turns, 'turn')})", soft_wrap=True
    )
    gaps = f"{report.gaps} of more than 60 ms" + (f", longest {report.gap_most_ms:,} ms" if report.gaps else "")
    console.print(f"gaps       {gaps}\n", soft_wrap=True)
    if report.processes:
        titles = ("process", "cores", "most", "MB", "most MB", "grown MB", "restarts")
        rows = [
            (each.name, f"{each.cores:.2f}", f"{each.most_cores:.2f}", f"{each.mb:,.0f}", f"{each.most_mb:,.0f}",
             f"{each.grown_mb:+,.0f}", str(each.restarts or ""))
            for each in sorted(report.processes, key=lambda each: -each.cores)
        ]  # fmt: skip
        print_table(console, columns(*titles, right=titles[1:]), rows)
    else:
        console.print("The system runs elsewhere: what its processes take is not seen from here.", style=QUIET)
    if report.bottleneck:
        console.print(Text(f"\nNot the system's figures: {report.bottleneck}.", WARNING), soft_wrap=True)
    for trouble, count in report.troubles.items():
        console.print(Text.assemble(("✗ ", "bold red"), f"{count} × {trouble}"), soft_wrap=True)
    if not report.lost:
        console.print(Text.assemble(("✓", "green"), " no caller was refused, cut off or left without an answer"))
