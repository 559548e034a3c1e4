"""What `orchestra replay` does in the terminal: the conversation, JSON lines, the progress bar, the way to go on."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from orchestra.bus import Entry
from orchestra.bus.stream.stream_id import StreamId
from orchestra.cli.ui.console import QUIET, WARNING, row, terminal
from orchestra.cli.ui.parse_time import shown
from orchestra.cli.ui.terminal import Terminal
from orchestra.cli.ui.timeline import Line, told
from orchestra.errors import UsageError
from orchestra.history.gaps import Holes
from orchestra.mask import without_secrets
from orchestra.printable import escaped
from orchestra.replay.checkpoint import Checkpoint, parse_call_position, parse_position
from orchestra.replay.pace import Pace
from orchestra.replay.replay import Replay, ReplayResult, count
from orchestra.replay.selection import Selection, decoded, entries, recorded_calls
from orchestra.replay.sources.json_lines import encode_line
from orchestra.settings import Settings

if TYPE_CHECKING:
    from rich.progress import TaskID

#: how often the clock under a conversation goes on, in seconds
_TICK_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRun:
    """A replay as it was asked for. ``speed`` 0: nothing was said; ``token``: where to go on, "" at first."""

    settings: Settings
    selection: Selection
    source: str
    speed: float | None
    token: str
    position: Checkpoint

    def pace(
        self, stop: asyncio.Event, unless_said: float | None, waited: Callable[[float], None] = lambda _: None
    ) -> Pace:
        """The pace that was asked for; waits end when it is stopped. ``waited`` is told of seconds as they pass."""
        speed = unless_said if self.speed == 0 else self.speed

        async def sleep(seconds: float) -> None:
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0 and not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), min(left, _TICK_S))
                waited(min(left, _TICK_S) * (speed or 1.0))

        return Pace(speed, sleep=sleep)

    def replay(self, stop: asyncio.Event, progress: Callable[[Entry], None], *, keep: bool = True) -> Replay:
        """The same, as a replay in the order of the streams; ``keep``: its place is kept while it runs, too."""
        return Replay(
            settings=self.settings,
            selection=self.selection,
            source=self.source,
            after=parse_position(self.token) if self.token else None,
            pace=self.pace(stop, None),
            stop=stop,
            on_warning=complain,
            progress=progress,
            keep=self.position.write if keep else None,
        )

    def reading(self, streams: tuple[str, ...]) -> "ReplayRun":
        """The same of other streams."""
        return replace(self, selection=replace(self.selection, streams=streams))

    def of_all_types(self) -> "ReplayRun":
        """The same, of events of every type."""
        return replace(self, selection=replace(self.selection, types=()))

    def until(self, moment: float) -> "ReplayRun":
        """The same up to this moment (epoch seconds), where the recording may still grow."""
        grows = self.source in {"auto", "journal"} or "://" in self.source
        if not grows or self.selection.until is not None:
            return self
        return replace(self, selection=replace(self.selection, until=moment))

    def stopped(self, token: str) -> None:
        """Keep the place, and say how to go on."""
        self.position.write(token)
        note(f"stopped; it goes on with --resume, or --from {token}")


def note(text: str, style: str = QUIET) -> None:
    """Say something beside the replay, on standard error."""
    Terminal(stderr=True).print(Text(without_secrets(text), style), soft_wrap=True)


def complain(text: str) -> None:
    """Say what is missing or damaged."""
    note(text, WARNING)


@contextlib.contextmanager
def stop_on_signal() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set instead of ending the process; the second time they do end it."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def once() -> None:
        stop.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, once)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


class ProgressBar:
    """The progress bar, on standard error where that is a terminal: how many events, and which moment it was."""

    def __init__(self, what: str, total: int | None, *, hidden: bool = False) -> None:
        console = Terminal(stderr=True)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),  # what is left of the line, never more: a line that wraps is repeated
            MofNCompleteColumn(),
            TextColumn("{task.fields[moment]}", style=QUIET),
            TimeElapsedColumn(),
            console=console,
            disable=hidden or not console.is_terminal,
            transient=True,
        )
        self._task: TaskID = self.progress.add_task(what, total=total, moment="")

    def __call__(self, entry: Entry) -> None:
        """One more."""
        if self.progress.disable:
            return
        self.progress.update(self._task, advance=1, moment=shown(StreamId.parse(entry.stream_id).seconds))

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


def nothing_found() -> UsageError:
    """Nothing is chosen."""
    return UsageError("no recorded event is chosen: `orchestra calls list` shows what there is")


# -- JSON lines


class _Lines:
    """Prints entries as JSON lines."""

    async def passed(self, entry: Entry) -> None:
        """It was printed before."""

    async def take(self, entry: Entry) -> None:
        line = escaped(encode_line(entry).decode("utf-8", "surrogateescape"))
        sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")

    async def settle(self) -> None:
        sys.stdout.buffer.flush()


class _PromptLines(_Lines):
    """The same, each at once: somebody watches, or it is paced."""

    async def take(self, entry: Entry) -> None:
        await super().take(entry)
        await self.settle()


async def lines(run: ReplayRun) -> int:
    """Print the entries as JSON lines, from which they can be replayed again."""
    with stop_on_signal() as stop, ProgressBar("events", await total(run), hidden=sys.stdout.isatty()) as bar:
        paced = run.speed or sys.stdout.isatty()
        try:
            done = await run.replay(stop, bar).into(_PromptLines() if paced else _Lines())
        except BrokenPipeError:  # whoever reads has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
    return finished(run, done)


async def total(run: ReplayRun) -> int | None:
    """How many there are, where counting costs little beside the replay itself."""
    worth = run.speed or run.selection.calls
    return await count(run.settings, run.selection, run.source) if worth and sys.stderr.isatty() else None


def finished(run: ReplayRun, done: ReplayResult) -> int:
    """Say how it ended, where that is not plain to see; the exit code."""
    if not done.entries and not run.token:
        raise nothing_found()
    if done.stopped:
        run.stopped(done.token or run.token)
        return 130
    run.position.forget()
    return 0


# -- the conversation


async def conversation(run: ReplayRun) -> int:
    """Tell the calls, one after another in the order in which they began."""
    resumed, after_s = parse_call_position(run.token) if run.token else ("", 0.0)
    calls = await recorded_calls(run.settings, run.selection, run.source, on_warning=complain) or await _all_calls(run)
    if not calls:
        raise nothing_found()
    if resumed and resumed not in calls:
        msg = f"the call {resumed} is not among those that are chosen"
        raise UsageError(msg)
    calls = calls[calls.index(resumed) :] if resumed else calls
    console = terminal()
    with stop_on_signal() as stop:
        for number, call in enumerate(calls):
            if number:
                console.print()
            last_s = await _tell(run, call, console, stop, after_s if call == resumed else None)
            if stop.is_set():
                run.stopped(f"{call}@{last_s:.3f}")
                return 130
    run.position.forget()
    return 0


async def _all_calls(run: ReplayRun) -> list[str]:
    """Calls without a beginning, where none with one is chosen."""
    found = entries(run.settings, run.selection, run.source, on_warning=lambda _: None)
    return list(dict.fromkeys([entry.call async for entry in found]))


async def _tell(run: ReplayRun, call: str, console: Console, stop: asyncio.Event, after_s: float | None) -> float:
    """Print one call line by line, each when it is due; returns the second of the last one."""
    shown = await _lines_of(run, call)
    before, last_s = ("", ""), after_s or 0.0
    with _Clock(console, shown[-1].at_s if shown else 0.0) as clock:
        pace = run.pace(stop, 1.0 if console.is_terminal else None, clock.on)
        for line in shown:
            if after_s is not None and line.at_s <= after_s:
                continue
            await pace.wait(line.at_s)
            if stop.is_set():
                break
            clock.at(line.at_s)
            when = f"{line.at_s:.1f} s"
            row(
                console,
                "" if when == before[0] else when,
                "" if line.who == before[1] else line.who,
                line.what,
                line.style,
                who_style=line.who_style,
            )
            before, last_s = (when, line.who), line.at_s
    return last_s


async def _lines_of(run: ReplayRun, call: str) -> list[Line]:
    holes, missing, found = Holes(cut=run.selection.since is not None), list[tuple[float, str]](), list[Entry]()
    chosen = Selection(calls=(call,), since=run.selection.since, until=run.selection.until, types=run.selection.types)
    async for entry in entries(run.settings, chosen, run.source, on_warning=complain):
        at = StreamId.parse(entry.stream_id).seconds
        if not run.selection.types:
            missing += [(at, text.removeprefix(call + ": ")) for text in holes.before(entry)]
        found.append(entry)
    events = list(decoded(found, complain))
    unknown = sorted({entry.type for entry in found} - {_tag(event) for event in events})
    shown = told(events, missing)
    if unknown:
        shown.append(Line(shown[-1].at_s if shown else 0.0, "", f"not known here: {', '.join(unknown)}", WARNING))
    if holes.open_calls():
        shown.append(Line(shown[-1].at_s if shown else 0.0, "", "still running, or its end is missing", WARNING))
    return shown


def _tag(event: object) -> str:
    return str(event.__struct_config__.tag)  # type: ignore[attr-defined]


class _Clock:
    """How far the call has come, under the conversation, where that is a terminal."""

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
        """The call has come so far."""
        self._second = second
        self._progress.update(self._task, completed=second, clock=f"{_minutes(second)} / {self._until}")

    def on(self, seconds: float) -> None:
        """It goes on by so many seconds."""
        self.at(self._second + seconds)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
