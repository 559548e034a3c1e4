"""One run of `orchestra replay`: its pace, its progress bar, Ctrl-C, and how it can be resumed."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from orchestra.bus import Entry
from orchestra.bus.stream.stream_id import StreamId
from orchestra.cli.ui.console import QUIET, WARNING
from orchestra.cli.ui.parse_time import shown
from orchestra.cli.ui.terminal import Terminal
from orchestra.errors import UsageError
from orchestra.hide_secrets import without_secrets
from orchestra.replay.checkpoint import Checkpoint, parse_position
from orchestra.replay.pace import Pace
from orchestra.replay.replay import Replay, count
from orchestra.replay.selection import Selection
from orchestra.replay.targets.port import ReplayResult
from orchestra.settings import Settings

if TYPE_CHECKING:
    from rich.progress import TaskID

#: how often the clock under a conversation goes on, in seconds
_TICK_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRun:
    """A replay as the user asked for it.

    Attributes:
        settings: of this installation.
        selection: what is replayed.
        source: where it is read.
        speed: times as fast as recorded; None for as fast as possible, 0 if the user did not choose.
        token: the position after which to continue; empty at the beginning.
        checkpoint: keeps that position while the replay is stopped.

    """

    settings: Settings
    selection: Selection
    source: str
    speed: float | None
    token: str
    checkpoint: Checkpoint

    def pace(
        self, stop: asyncio.Event, default: float | None, waited: Callable[[float], None] = lambda _: None
    ) -> Pace:
        """The pace that the user chose, or the default; ``waited`` is called with the seconds as they pass."""
        speed = default if self.speed == 0 else self.speed

        async def sleep(seconds: float) -> None:
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0 and not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), min(left, _TICK_S))
                waited(min(left, _TICK_S) * (speed or 1.0))

        return Pace(speed, sleep=sleep)

    def replay(self, stop: asyncio.Event, progress: Callable[[Entry], None], *, keep: bool = True) -> Replay:
        """The run as a replay in the order of the streams; ``keep`` its position while it runs, too."""
        return Replay(
            settings=self.settings,
            selection=self.selection,
            source=self.source,
            after=parse_position(self.token) if self.token else None,
            pace=self.pace(stop, None),
            stop=stop,
            on_warning=warn,
            progress=progress,
            keep=self.checkpoint.write if keep else None,
        )

    def select(self, selection: Selection) -> "ReplayRun":
        """The same run of another selection."""
        return replace(self, selection=selection)

    @property
    def growing(self) -> bool:
        """Whether the source may receive entries while it is read."""
        return self.source in {"auto", "journal"} or "://" in self.source

    def stopped(self, token: str) -> None:
        """Keep the position, and print how to continue."""
        self.checkpoint.write(token)
        note(f"stopped; continue with --resume, or --from {token}")


def note(text: str, style: str = QUIET) -> None:
    """Print a note on standard error."""
    Terminal(stderr=True).print(Text(without_secrets(text), style), soft_wrap=True)


def warn(text: str) -> None:
    """Print what is missing or damaged."""
    note(text, WARNING)


@contextlib.contextmanager
def stop_on_signal() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set; the second one ends the process as usual."""
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
    """The progress bar, if standard error is a terminal: how many events, and the time of the last one."""

    def __init__(self, what: str, total: int | None, *, hidden: bool = False) -> None:
        console = Terminal(stderr=True)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),  # as wide as the line allows: a line that wraps would be repeated
            MofNCompleteColumn(),
            TextColumn("{task.fields[moment]}", style=QUIET),
            TimeElapsedColumn(),
            console=console,
            disable=hidden or not console.is_terminal,
            transient=True,
        )
        self._task: TaskID = self.progress.add_task(what, total=total, moment="")

    def __call__(self, entry: Entry) -> None:
        """Count an entry."""
        if self.progress.disable:
            return
        self.progress.update(self._task, advance=1, moment=shown(StreamId.parse(entry.stream_id).seconds))

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


def nothing_selected() -> UsageError:
    """The error for a selection without events."""
    return UsageError("no recorded event is selected: `orchestra calls list` shows what there is")


async def total(run: ReplayRun) -> int | None:
    """How many entries there are, if counting them is cheap compared with the replay."""
    worth_it = run.speed or run.selection.calls
    return await count(run.settings, run.selection, run.source) if worth_it and sys.stderr.isatty() else None


def finished(run: ReplayRun, result: ReplayResult) -> int:
    """Keep or forget the position; the exit code."""
    if not result.entries and not run.token:
        raise nothing_selected()
    if result.stopped:
        run.stopped(result.token or run.token)
        return 130
    run.checkpoint.forget()
    return 0
