"""Which versions run: by what edges and workers say of themselves."""

from collections.abc import Iterable

import msgspec

from orchestra.bus.worker.presence import Presence
from orchestra.errors import UsageError
from orchestra.lines import version_name
from orchestra.versions.changes import Changes, current

_SHORTEST = 4


class RunningVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that may answer a line.

    Attributes:
        name: its app and hash, ``bank+3f2a9c1d7b20``.
        version: as events have it, with that of the platform; empty if no process runs it.
        share: percent of the line's calls.
        share_in_code: percent by the app's code; None if no edge has it there.
        missing_on: processes that answer this line's calls and do not run it.

    """

    name: str
    version: str = ""
    share: float = 0.0
    share_in_code: float | None = None
    missing_on: tuple[str, ...] = ()


class LineVersions(msgspec.Struct, frozen=True, kw_only=True):
    """A line, its versions, and the changes of their shares, the latest first.

    ``in_force`` is false where a split names none of the versions that edges run: the shares in the code hold.
    """

    line: str
    versions: tuple[RunningVersion, ...]
    changes: Changes = ()
    in_force: bool = True

    def find(self, written: str) -> RunningVersion:
        """The version that somebody means: by its name, its app, its hash, or the first four digits or more of that.

        Raises:
            UsageError: there is none, or several, or a process does not run it; the message says what there is.

        """
        running = [each for each in self.versions if each.version]
        exact = [each for each in running if written in (each.name, each.version)]
        found = exact or [each for each in running if _means(written, each.name)]
        if len(found) == 1:
            (chosen,) = found
            if chosen.missing_on:
                msg = f"{chosen.name} does not run everywhere: {', '.join(chosen.missing_on)} have other versions yet"
                raise UsageError(msg)
            return chosen
        there = ", ".join(each.name for each in running) or "none"
        what = f"{written!r} may be several versions" if found else f"no version {written!r} runs"
        msg = f"line {self.line}: {what}. There is {there}"
        raise UsageError(msg)


def _means(written: str, name: str) -> bool:
    app, _, digits = name.rpartition("+")
    return written == app or (len(written) >= _SHORTEST and digits.startswith(written))


def running_lines(processes: Iterable[Presence], changes: dict[str, Changes]) -> tuple[LineVersions, ...]:
    """Every line that an edge answers, by name."""
    found = list(processes)
    edges = [each for each in found if each.lines]
    workers = [each for each in found if each.apps and not each.lines]
    lines = sorted({line for edge in edges for line in edge.lines})
    return tuple(_line(line, edges, workers, changes.get(line, ())) for line in lines)


def _line(line: str, edges: list[Presence], workers: list[Presence], changes: Changes) -> LineVersions:
    answering = [edge for edge in edges if line in edge.lines]
    split = current(changes)
    known = dict.fromkeys((name for edge in answering for name in edge.lines[line]), 0.0)
    for edge in answering:  # each takes as many calls as the others
        shares = edge.lines[line]
        for name, share in shares.items():
            known[name] += 100.0 * share / (sum(shares.values()) * len(answering))
    in_force = not split or any(split.get(name) for name in known)
    held = {name: split.get(name, 0.0) for name in known} if split and in_force else known
    versions = {version_name(app): app[1] for each in (*workers, *answering) for app in each.apps}

    def lacks(process: Presence, name: str) -> bool:
        have = process.lines[line] if process.lines else {version_name(app): 1.0 for app in process.apps}
        return name not in have

    return LineVersions(
        line=line,
        versions=tuple(
            RunningVersion(
                name=name,
                version=versions.get(name, ""),
                share=round(100.0 * held[name] / sum(held.values()), 3),
                share_in_code=round(known[name], 3),
                missing_on=tuple(each.name for each in (*answering, *workers) if lacks(each, name)),
            )
            for name in known
        )
        + tuple(RunningVersion(name=name) for name in split if name not in known),
        changes=tuple(reversed(changes)),
        in_force=in_force,
    )
