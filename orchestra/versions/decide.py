"""Changing the shares of versions on a running system, checked against what runs; a change holds for the next call."""

from collections.abc import Callable, Mapping

import structlog

from orchestra.bus import Bus
from orchestra.bus.worker.presence import present
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import UsageError
from orchestra.versions.changes import Action, Change, Changes, current, in_words, rolled_back, with_split
from orchestra.versions.running import LineVersions, running_lines
from orchestra.versions.store import change, changes_by_line

_LOG = structlog.get_logger("orchestra.versions")


async def lines_with_versions(bus: Bus) -> tuple[LineVersions, ...]:
    """Every line that an edge answers, with its versions and their shares.

    Raises:
        RedisError: the server does not answer.

    """
    return running_lines(await present(bus), await changes_by_line(bus))


async def split(
    bus: Bus, line: str, shares: Mapping[str, float], *, by: str, action: Action = "split"
) -> tuple[str, Change]:
    """Give versions these percents of the calls of a line that begin from now on, and the others nothing.

    Args:
        bus: its server has the shares.
        line: a name; empty: the one that has several versions.
        shares: percents by what `LineVersions.find` understands.
        by: who does it.
        action: how it is called in the history.

    Returns:
        The line's name, and the change.

    Raises:
        UsageError: there is no such line or version, or the shares do not sum up to 100; the message says what
            there is.
        RedisError: the server does not answer.

    """
    found = _line(await lines_with_versions(bus), line)
    meant: dict[str, float] = {}
    for written, share in shares.items():
        name = found.find(written).name
        if name in meant:
            msg = f"{name} is named twice: give each version one share"
            raise UsageError(msg)
        meant[name] = share
    return await _change(
        bus, found.line, lambda changes: with_split(changes, action, meant, by=by, at=SYSTEM_CLOCK.time())
    )


async def promote(bus: Bus, line: str, version: str, *, by: str) -> tuple[str, Change]:
    """Give one version all calls; the arguments, results and errors are those of `split`."""
    return await split(bus, line, {version: 100.0}, by=by, action="promote")


async def roll_back(bus: Bus, line: str, *, by: str) -> tuple[str, Change]:
    """Take the last change of a line back that was not taken back yet; see `split`.

    Raises:
        UsageError: there is none, or a version that had a share then does not run any more.
        RedisError: the server does not answer.

    """
    found = _line(await lines_with_versions(bus), line)

    def back(changes: Changes) -> Changes:
        after = rolled_back(changes, by=by, at=SYSTEM_CLOCK.time())
        for name in current(after):
            found.find(name)
        return after

    return await _change(bus, found.line, back)


def _line(lines: tuple[LineVersions, ...], name: str) -> LineVersions:
    if not lines:
        msg = "no edge runs, so there are no versions whose shares could be changed: start one, as `orchestra up` does"
        raise UsageError(msg)
    chosen = [each for each in lines if (each.line == name if name else len(each.versions) > 1)]
    if len(chosen) == 1:
        return chosen[0]
    there = ", ".join(each.line for each in (chosen or lines))
    if not name and not chosen:
        msg = "no line has several versions: write Line(versions={old: 100, new: 0}) in the app's code"
        raise UsageError(msg)
    msg = f"several lines have versions, name one of {there}" if not name else f"no line {name!r}: there is {there}"
    raise UsageError(msg)


async def _change(bus: Bus, line: str, next_changes: Callable[[Changes], Changes]) -> tuple[str, Change]:
    last = (await change(bus, line, next_changes))[-1]
    _LOG.info("versions.changed", line=line, action=last.action, shares=in_words(last.shares), by=last.by)
    return line, last
