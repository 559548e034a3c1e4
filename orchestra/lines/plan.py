"""Which app answers which line, and how: what `orchestra.Lines` says, without the apps themselves."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from orchestra.lines.dialled import ANY, MELODY, names_of
from orchestra.lines.hours import Hours

#: name and version of an app
AppId = tuple[str, str]


def absolute_sound(name: str) -> str:
    """A sound's file as an edge finds it, which may run elsewhere; `MELODY` and an empty name stay."""
    return str(Path(name).expanduser().absolute()) if name and name != MELODY else name


class LineRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one line is answered; the options are those of `orchestra.Line`.

    Attributes:
        versions: the apps that share its calls, each with its share; any sum.
        closed: outside the hours: a phrase, a person's number, or an app; None: the platform's phrase.
        hold_music: the absolute name of a file, `MELODY`, or empty; None: that of the settings.

    """

    versions: tuple[tuple[AppId, float], ...]
    language: str = ""
    greeting: str | Mapping[str, str] | None = None
    hours: Hours | None = None
    closed: str | Mapping[str, str] | AppId | None = None
    consent: str | Mapping[str, str] | None = None
    introduction: str | Mapping[str, str] | None = None
    hold_music: str | None = None
    recording: bool = True
    max_calls: int = 0
    calls_per_minute: int = 0

    def version_for(self, line: str, caller: str) -> AppId:
        """The app of this caller, the same for each of their calls, on whichever worker or edge."""
        hashed = hashlib.sha256(f"{line}\n{caller}".encode()).digest()
        rest = int.from_bytes(hashed[:8]) / 2**64 * sum(share for _, share in self.versions)
        for app, share in self.versions:
            rest -= share
            if rest < 0:
                return app
        return self.versions[-1][0]

    def is_open(self, at: float) -> bool:
        """Whether the line is open at this moment, epoch seconds."""
        return self.hours is None or self.hours.is_open(at)


class LinePlan(msgspec.Struct, frozen=True, kw_only=True):
    """All lines by name.

    Attributes:
        rules: how each is answered.
        unknown: said to who has dialled none of them, before the call ends; empty: they are refused as busy.

    """

    rules: dict[str, LineRule]
    unknown: str = ""

    def find(self, dialled: str) -> str:
        """The name of the line that was dialled; "" if there is none."""
        return next((name for name in (*names_of(dialled), ANY) if name in self.rules), "")
