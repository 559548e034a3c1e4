"""Changing the shares of versions on a running system, checked against what runs; a change holds for the next call."""

from collections.abc import Callable, Mapping

from orchestra.bus import Bus
from orchestra.bus.worker.presence import present
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import UsageError
from orchestra.versions.changes import Action, Change, Changes, current, rolled_back, with_split
from orchestra.versions.running import LineVersions, running_lines
from orchestra.versions.store import change, changes_by_line


async def lines_with_versions(bus: Bus) -> tuple[LineVersions, ...]:
    """Every line that an edge answers, with its versions and their shares.

    Raises:
        RedisError: the server does not answer.

    """
    return running_lines(await present(bus), await changes_by_line(bus))


async def split(
    bus: Bus, line: str, shares: Mapping[str, float], *, by: str, action: Action = "split"
) -> dict[str, Change]:
    """Give versions these percents of the calls of a line that begin from now on, and the others nothing.

    Args:
        bus: its server has the shares.
        line: a name; empty: every line that has several versions, if these are the same ones.
        shares: percents by what `LineVersions.find` understands.
        by: who does it.
        action: how it is called in the history.

    Returns:
        The change of each line. A line that has these shares already is left out.

    Raises:
        UsageError: there is no such line or version, or the shares do not sum up to 100; the message says what
            there is.
        RedisError: the server does not answer.

    """
    lines = _lines(await lines_with_versions(bus), line)
    meant: dict[str, float] = {}
    for written, share in shares.items():
        name = next(each.find(written).name for each in lines)
        if name in meant:
            msg = f"{name} is named twice: give each version one share"
            raise UsageError(msg)
        meant[name] = share

    def with_shares(changes: Changes) -> Changes:
        return with_split(changes, action, meant, by=by, at=SYSTEM_CLOCK.time())

    return await _change(bus, lines, with_shares)


async def promote(bus: Bus, line: str, version: str, *, by: str) -> dict[str, Change]:
    """Give one version all calls; the arguments, results and errors are those of `split`."""
    return await split(bus, line, {version: 100.0}, by=by, action="promote")


async def roll_back(bus: Bus, line: str, *, by: str) -> dict[str, Change]:
    """Take the last change of a line back that was not taken back yet; see `split`.

    Raises:
        UsageError: there is none, or a version that had a share then does not run any more.
        RedisError: the server does not answer.

    """
    lines = _lines(await lines_with_versions(bus), line)

    def back(changes: Changes) -> Changes:
        after = rolled_back(changes, by=by, at=SYSTEM_CLOCK.time())
        for name in current(after):
            lines[0].find(name)
        return after

    return await _change(bus, lines, back)


def _lines(lines: tuple[LineVersions, ...], name: str) -> tuple[LineVersions, ...]:
    """The line of this name; without one, those that the same several versions share."""
    if not lines:
        msg = "no edge runs, so there are no versions whose shares could be changed: start one, as `orchestra up` does"
        raise UsageError(msg)
    if name and not (chosen := tuple(each for each in lines if each.line == name)):
        msg = f"no line {name!r}: there is {', '.join(each.line for each in lines)}"
        raise UsageError(msg)
    if name:
        return chosen
    chosen = tuple(each for each in lines if len(each.versions) > 1)
    if not chosen:
        msg = "no line has several versions: write Line(versions={old: 100, new: 0}) in the app's code"
        raise UsageError(msg)
    if len({frozenset(version.name for version in each.versions if version.version) for each in chosen}) > 1:
        msg = f"several lines have versions, and not the same ones: name one of {', '.join(e.line for e in chosen)}"
        raise UsageError(msg)
    return chosen


async def _change(
    bus: Bus, lines: tuple[LineVersions, ...], next_changes: Callable[[Changes], Changes]
) -> dict[str, Change]:
    refusals: list[UsageError] = []
    made: dict[str, Change] = {}
    for each in lines:
        try:
            made[each.line] = (await change(bus, each.line, next_changes))[-1]
        except UsageError as error:
            refusals.append(error)
    if not made:
        raise refusals[0]
    return made
