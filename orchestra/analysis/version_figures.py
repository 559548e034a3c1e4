"""What the calls of each version sum up to, with confidence intervals: whether one is better than another, or lucky."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from orchestra.analysis.conditions import chosen, of_totals
from orchestra.analysis.query import CallDatabase
from orchestra.analysis.totals import total
from orchestra.intervals import Interval, difference, quantile, share

#: rows of the table ``totals`` that are read
KINDS = ("calls", "turns", "waits", "tools")


class Share(msgspec.Struct, frozen=True):
    """``count`` of ``of``, as a share from 0 to 1 with its interval; None where there is nothing to count.

    ``difference`` is how much higher it is than that of the version with most calls, with its interval; None for that
    version itself. ``differs``: that is more than chance.
    """

    count: int
    of: int
    interval: Interval | None = None
    difference: Interval | None = None
    differs: bool = False


class VersionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The calls that one version answered last, and its turns.

    Attributes:
        version: the package's and that of the app; empty: calls of which no event says it.
        calls: that began; ``turns`` of callers.
        success: calls that their app decided to be a success, of those of which it decided.
        transferred: ended calls that a person got; ``failed``: those that ended because of a fault.
        interrupted: turns whose reply the caller spoke over.
        failed_tools: tool calls that failed.
        wait_p50_ms: from the end of the caller's speech to the first sound of the reply, the median; None: no turn was
            measured. ``wait_p95_ms`` likewise. Durations of the archive are within one percent.

    """

    version: str
    calls: int
    turns: int
    success: Share
    transferred: Share
    failed: Share
    interrupted: Share
    failed_tools: Share
    wait_p50_ms: Interval | None = None
    wait_p95_ms: Interval | None = None


def version_figures(
    records: CallDatabase, *, since: float | None = None, until: float | None = None, app: str = "", line: str = ""
) -> list[VersionFigures]:
    """The figures of every version of what began between two times (epoch seconds), most calls first. Blocks.

    ``app`` and ``line`` limit them to the calls of one.
    """
    records.totals(KINDS, since, until)
    return of_totals_table(records, since=since, until=until, app=app, line=line)


def of_totals_table(
    records: CallDatabase, *, since: float | None = None, until: float | None = None, app: str = "", line: str = ""
) -> list[VersionFigures]:
    """The same, where the table ``totals`` of `KINDS` is there already."""

    def sums(kind: str, *columns: str) -> dict[str, dict[str, Any]]:
        rows = f"FROM totals WHERE kind = '{kind}' AND {of_totals(app, line)} GROUP BY ALL"
        found = records.rows(f"SELECT coalesce(version, '') AS version, {', '.join(columns)} {rows}")
        return {row["version"]: row for row in found}

    calls = sums(
        "calls",
        total("number", "calls"),
        "CAST(sum(number) - sum(running) AS BIGINT) AS ended",
        *(total("number", name, where=f"name = '{name}'") for name in ("transferred", "failed")),
    )
    turns = sums("turns", total("turns"), total("interruptions"))
    tools = sums("tools", total("number", "tools"), total("failed"))
    waits = _waits(records, of_totals(app, line))
    judged = {row["version"]: row for row in records.rows(_SUCCESS.format(which=chosen(since, until, app, line)))}

    def counts(version: str) -> dict[str, tuple[int, int]]:
        call, turn, tool = (found.get(version, {}) for found in (calls, turns, tools))
        success = judged.get(version, {})
        return {
            "success": (success.get("succeeded", 0), success.get("judged", 0)),
            "transferred": (call.get("transferred", 0), call.get("ended", 0)),
            "failed": (call.get("failed", 0), call.get("ended", 0)),
            "interrupted": (turn.get("interruptions", 0), turn.get("turns", 0)),
            "failed_tools": (tool.get("failed", 0), tool.get("tools", 0)),
        }

    def number(found: dict[str, dict[str, Any]], version: str, name: str) -> int:
        return int(found.get(version, {}).get(name, 0))

    versions = sorted({*calls, *turns}, key=lambda version: (-number(calls, version, "calls"), version))
    first = counts(versions[0]) if versions else {}
    return [
        VersionFigures(
            version=version,
            calls=number(calls, version, "calls"),
            turns=number(turns, version, "turns"),
            wait_p50_ms=quantile(waits.get(version, ()), 0.5),
            wait_p95_ms=quantile(waits.get(version, ()), 0.95),
            **{
                name: _share(found, None if version == versions[0] else first[name])
                for name, found in counts(version).items()
            },
        )
        for version in versions
    ]


def _share(found: tuple[int, int], first: tuple[int, int] | None) -> Share:
    more = None if first is None else difference(found, first)
    return Share(*found, share(*found), more, differs=more is not None and more.is_not_zero)


#: what apps decided of their calls, by the version that answered last
_SUCCESS = """
SELECT coalesce(version, '') AS version, count(*) FILTER (success) AS succeeded, count(*) AS judged
FROM (SELECT call, time, version FROM calls WHERE {which})
JOIN (
    SELECT call, arg_max(success, place) AS success FROM derived_analyses WHERE success IS NOT NULL GROUP BY call
) USING (call)
GROUP BY ALL
"""


def _waits(records: CallDatabase, which: str) -> dict[str, Iterable[tuple[float, int]]]:
    """By version, each wait with how often it was."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    rows = records.rows(
        "SELECT coalesce(version, '') AS version, value, CAST(sum(number) AS BIGINT) AS number FROM totals"
        f" WHERE kind = 'waits' AND name = 'total_ms' AND {which} GROUP BY ALL"
    )
    for row in rows:
        found[row["version"]].append((row["value"], row["number"]))
    return dict(found)
