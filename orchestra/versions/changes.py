"""What becomes of a line's shares when somebody splits, promotes or rolls back. Pure: no clock, no server."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from orchestra.errors import UsageError
from orchestra.lines import Shares

Action = Literal["split", "promote", "rollback"]

#: changes that are kept of a line, with who made them; a rollback reaches as far
KEPT = 50
WHOLE = 100.0
_ROUNDED = 1e-6


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a line's shares.

    Attributes:
        number: counts the changes of the line, from 1.
        action: what was done.
        shares: percent of the calls by `orchestra.lines.version_name`; empty: as the app's code says.
        before: the number of the change to which a rollback leads; 0: to the shares in the code.
        by: who made it.
        at: when, epoch seconds.

    """

    number: int
    action: Action
    shares: dict[str, float] = {}
    before: int = 0
    by: str = ""
    at: float = 0.0


#: the changes of a line, the oldest first
Changes = tuple[Change, ...]


def current(changes: Changes) -> Shares:
    """The shares that hold; empty: those of the code."""
    return changes[-1].shares if changes else {}


def with_split(changes: Changes, action: Action, shares: Mapping[str, float], *, by: str, at: float) -> Changes:
    """The changes with other shares.

    Raises:
        UsageError: they do not sum up to 100, or hold already.

    """
    given = {name: float(share) for name, share in shares.items() if share}
    total = sum(given.values())
    if not all(0 < share <= WHOLE for share in given.values()) or abs(total - WHOLE) > _ROUNDED:
        msg = f"the shares are {in_words(given)}, {total:g} in all: give percents above 0 that sum up to 100"
        raise UsageError(msg)
    if given == current(changes):
        msg = f"the shares are {in_words(given)} already"
        raise UsageError(msg)
    before = changes[-1].number if changes else 0
    return _appended(changes, Change(number=before + 1, action=action, shares=given, before=before, by=by, at=at))


def rolled_back(changes: Changes, *, by: str, at: float) -> Changes:
    """The changes with the shares that held before the last change that was not taken back.

    Raises:
        UsageError: there was none.

    """
    last = changes[-1] if changes else None
    if last is None or not (last.shares or last.before):
        msg = "nothing was changed that could be rolled back: the shares are those of the app's code"
        raise UsageError(msg)
    target = next((each for each in changes if each.number == last.before), None)
    if last.before and target is None:
        msg = f"what held before is no longer known: the last {KEPT} changes are kept. Split anew"
        raise UsageError(msg)
    shares, before = ({}, 0) if target is None else (target.shares, target.before)
    back = Change(number=last.number + 1, action="rollback", shares=shares, before=before, by=by, at=at)
    return _appended(changes, back)


def _appended(changes: Changes, change: Change) -> Changes:
    return (*changes, change)[-KEPT:]


def in_words(shares: Shares) -> str:
    """Shares for people: ``bank+3f2a9c1d7b20 90 %, bank+b7710c2e95aa 10 %``."""
    return ", ".join(f"{name} {share:g} %" for name, share in shares.items()) or "as in the app's code"
