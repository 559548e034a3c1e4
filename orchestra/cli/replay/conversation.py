"""`orchestra replay` into the terminal: recorded calls as conversations, line by line at their pace."""

import asyncio
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from orchestra.bus import Entry
from orchestra.bus.stream.stream_id import StreamId
from orchestra.cli.replay.run import ReplayRun, nothing_selected, stop_on_signal, warn
from orchestra.cli.ui.console import LINE_STYLES, QUIET, row, terminal
from orchestra.errors import UsageError
from orchestra.history.gaps import GapDetector
from orchestra.history.reduce import history_of
from orchestra.history.views.timeline import Line, timeline
from orchestra.replay.checkpoint import parse_call_position
from orchestra.replay.selection import Selection, decoded, entries, recorded_calls


async def replay_conversation(run: ReplayRun) -> int:
    """Print the calls as conversations, one after the other in the order in which they began."""
    resumed, after_s = parse_call_position(run.token) if run.token else ("", 0.0)
    calls = await recorded_calls(run.settings, run.selection, run.source, on_warning=warn) or await _all_calls(run)
    if not calls:
        raise nothing_selected()
    if resumed and resumed not in calls:
        msg = f"the call {resumed} is not among the selected ones"
        raise UsageError(msg)
    calls = calls[calls.index(resumed) :] if resumed else calls
    console = terminal()
    with stop_on_signal() as stop:
        for number, call in enumerate(calls):
            if number:
                console.print()
            last_s = await _print_call(run, call, console, stop, after_s if call == resumed else None)
            if stop.is_set():
                run.stopped(f"{call}@{last_s:.3f}")
                return 130
    run.checkpoint.forget()
    return 0


async def _all_calls(run: ReplayRun) -> list[str]:
    """All calls, if the beginning of none of them is selected."""
    found = entries(run.settings, run.selection, run.source, on_warning=lambda _: None)
    return list(dict.fromkeys([entry.call async for entry in found]))


async def _print_call(run: ReplayRun, call: str, console: Console, stop: asyncio.Event, after_s: float | None) -> float:
    """Print the lines of one call, each when it is due; returns the second of the last one."""
    shown = await _lines_of(run, call)
    before, last_s = ("", ""), after_s or 0.0
    with _Clock(console, shown[-1].at_s if shown else 0.0) as clock:
        pace = run.pace(stop, 1.0 if console.is_terminal else None, clock.advance)
        for line in shown:
            if after_s is not None and line.at_s <= after_s:
                continue
            await pace.wait(line.at_s)
            if stop.is_set():
                break
            clock.at(line.at_s)
            when = f"{line.at_s:.1f} s"
            style, who_style = LINE_STYLES[line.kind]
            row(
                console,
                "" if when == before[0] else when,
                "" if line.who == before[1] else line.who,
                line.what,
                style,
                who_style=who_style,
            )
            before, last_s = (when, line.who), line.at_s
    return last_s


async def _lines_of(run: ReplayRun, call: str) -> list[Line]:
    gaps, missing, found = GapDetector(cut=run.selection.since is not None), list[tuple[float, str]](), list[Entry]()
    chosen = Selection(calls=(call,), since=run.selection.since, until=run.selection.until, types=run.selection.types)
    async for entry in entries(run.settings, chosen, run.source, on_warning=warn):
        at = StreamId.parse(entry.stream_id).seconds
        if not run.selection.types:
            missing += [(at, text.removeprefix(call + ": ")) for text in gaps.missing_before(entry)]
        found.append(entry)
    events = list(decoded(found, warn))
    unknown = sorted({entry.type for entry in found} - {_tag(event) for event in events})
    shown = timeline(history_of(events), missing)
    if unknown:
        shown.append(Line(shown[-1].at_s if shown else 0.0, "", f"not known here: {', '.join(unknown)}", "warning"))
    if gaps.open_calls():
        shown.append(Line(shown[-1].at_s if shown else 0.0, "", "still running, or its end is missing", "warning"))
    return shown


def _tag(event: object) -> str:
    return str(event.__struct_config__.tag)  # type: ignore[attr-defined]


class _Clock:
    """A progress bar with the time within the call, below the conversation, if that is a terminal."""

    def __init__(self, console: Console, until_s: float) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[clock]}", style=QUIET),
            BarColumn(bar_width=None),
            console=console,
            disable=not console.is_terminal or until_s <= 0,
            transient=True,
        )
        self._second = 0.0
        self._until = _minutes(until_s)
        self._task = self._progress.add_task("", total=until_s, clock=f"0:00 / {self._until}")

    def at(self, second: float) -> None:
        """Show this second of the call."""
        self._second = second
        self._progress.update(self._task, completed=second, clock=f"{_minutes(second)} / {self._until}")

    def advance(self, seconds: float) -> None:
        """Advance by some seconds."""
        self.at(self._second + seconds)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
