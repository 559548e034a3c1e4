"""What a target of a replay is. A file of this package is one target: it has a ``TARGET``."""

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from orchestra.bus import Entry
from orchestra.replay.registry import Form, Registry
from orchestra.replay.selection import Selection
from orchestra.settings import Settings

#: ``now``: the times in a call's events are moved so that it happens now; ``then``: they stay as recorded
Clock = Literal["now", "then"]


@dataclass(slots=True)
class ReplayResult:
    """How much was replayed; ``token`` is the position of the last entry, ``stopped`` whether more would follow."""

    entries: int = 0
    calls: int = 0
    gaps: int = 0
    token: str = ""
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a target reports at the end.

    Attributes:
        notes: sentences for the user.
        exit_code: of the command, if the replay was not stopped.
        details: printed to standard output, as JSON if that was asked for.

    """

    notes: tuple[str, ...] = ()
    exit_code: int = 0
    details: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """What the user asked for, as far as a target may have to know it.

    Attributes:
        settings: of this installation.
        into: what the user wrote for the target.
        folder: the target's own, kept until the replay is finished; it may not be there yet.
        resumed: an earlier run of the same replay was stopped, and this one continues it.
        growing: the source may receive entries while it is read.
        paced: entries come at the pace of the recording, and somebody may be watching.
        types: tags of the event types that were asked for; empty for all.
        rename: the word from which new call ids follow; empty to keep the ids.
        clock: None if the user did not choose.
        ignored: fields that are not compared, beside those that always differ.
        patience_s: how long to wait for something to happen.
        note: shows a sentence to the user.

    """

    settings: Settings
    into: str
    folder: Path
    resumed: bool = False
    growing: bool = False
    paced: bool = False
    types: Collection[str] = ()
    rename: str = ""
    clock: Clock | None = None
    ignored: Collection[str] = ()
    patience_s: float = 5.0
    note: Callable[[str], None] = lambda _: None


class Target(Protocol):
    """An open target."""

    def narrow(self, selection: Selection) -> Selection:
        """What to read for this target if the user selected this."""

    async def already_taken(self, entry: Entry) -> None:
        """An earlier run of this replay, which was stopped later, took the entry."""

    async def take(self, entry: Entry) -> None:
        """Take one entry; it may be buffered until `flush`."""

    async def flush(self) -> None:
        """Return when everything that was taken is where it belongs."""

    async def report(self, result: ReplayResult) -> Report:
        """Report after the last `flush`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetType:
    """A kind of target.

    Attributes:
        form: what a user writes for it.
        open: opens it.
        durable: what was flushed outlives this process, so that a killed replay can be resumed.
        prints: it writes to standard output, where a progress bar would be in the way.

    """

    form: Form
    open: Callable[[TargetOptions], AbstractAsyncContextManager[Target]]
    durable: bool = True
    prints: bool = False


TARGETS: Registry[TargetType] = Registry("orchestra.replay.targets", "TARGET")
