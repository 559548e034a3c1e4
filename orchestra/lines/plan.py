"""Which app answers which line, and how: what `orchestra.Lines` says, without the apps themselves."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from orchestra.lines.dialled import ANY, MELODY, names_of
from orchestra.lines.hours import Hours

#: name and version of an app
AppId = tuple[str, str]
#: of the calls of a line, by `version_name`
Shares = Mapping[str, float]
NO_SHARES: Shares = MappingProxyType({})


def version_name(app: AppId) -> str:
    """How a version is named where shares are changed, ``bank+3f2a9c1d7b20``: releases of the platform keep it."""
    name, version = app
    return f"{name}+{version.rpartition('+')[2]}"


def absolute_sound(name: str) -> str:
    """A sound's file as an edge finds it, which may run elsewhere; `MELODY` and an empty name stay."""
    return str(Path(name).expanduser().absolute()) if name and name != MELODY else name


class LineRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one line is answered; the options are those of `orchestra.Line`.

    Attributes:
        versions: the apps that share its calls, each with its share; any sum, and at least one above 0.
        by_caller: a caller always reaches the same of them; otherwise each call is decided for itself.
        closed: outside the hours: a phrase, a person's number, or an app; None: the platform's phrase.
        hold_music: the absolute name of a file, `MELODY`, or empty; None: that of the settings.

    """

    versions: tuple[tuple[AppId, float], ...]
    by_caller: bool = False
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

    def version_for(self, line: str, call: str, caller: str = "", shares: Shares = NO_SHARES) -> AppId:
        """The app that answers a call: the same one, on whichever worker or edge this is asked.

        Args:
            line: the name of this line.
            call: the call's id.
            caller: the number of the other party; empty if the carrier sent none.
            shares: by `version_name`, in place of those of the line, if any of its versions has one.

        """
        sharing = [(app, share) for app, _ in self.versions if (share := shares.get(version_name(app), 0.0)) > 0]
        sharing = sharing or [(app, share) for app, share in self.versions if share > 0]
        key = caller if self.by_caller and caller else call
        hashed = hashlib.sha256(f"{line}\n{key}".encode()).digest()
        rest = int.from_bytes(hashed[:8]) / 2**64 * sum(share for _, share in sharing)
        for app, share in sharing:
            rest -= share
            if rest < 0:
                return app
        return sharing[-1][0]

    def is_open(self, at: float) -> bool:
        """Whether the line is open at this moment, epoch seconds."""
        return self.hours is None or self.hours.is_open(at)


class LinePlan(msgspec.Struct, frozen=True, kw_only=True):
    """All lines by name.

    Attributes:
        rules: how each is answered.
        unknown: said to who has dialled none of them, before the call ends; None: the platform's phrase; empty: they
            are refused as busy.

    """

    rules: dict[str, LineRule]
    unknown: str | Mapping[str, str] | None = ""

    def find(self, dialled: str) -> str:
        """The name of the line that was dialled; "" if there is none."""
        return next((name for name in (*names_of(dialled), ANY) if name in self.rules), "")
