"""Calls by what they were: the newest first, page by page."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestra.analysis.call_filter import CallFilter
from orchestra.analysis.conditions import moment
from orchestra.analysis.find_words import calls_with
from orchestra.analysis.query import CallDatabase
from orchestra.analysis.words import WantedWords
from orchestra.archive.derived.facts import quoted
from orchestra.errors import UsageError

_AFTER = re.compile(r"(\d{1,18})_(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CallPage:
    """Some calls, and where the next page begins: empty if there is none."""

    rows: list[dict[str, Any]]
    next: str = ""


def find_calls(
    records: CallDatabase,
    wanted: CallFilter,
    *,
    calls: Collection[str] | None = None,
    limit: int = 50,
    after: str = "",
) -> CallPage:
    """The next calls that meet a filter, newest first, after those of the page that named ``after``. Blocks.

    With ``calls`` only calls with these ids.

    A row has the columns of the view ``calls``, and ``wait_ms``: how long the caller waited at most for a reply. A call
    that comes meanwhile moves no other to another page.

    Raises:
        UsageError: ``after`` is not of a page, or ``words`` has no word.

    """
    condition = wanted.condition()
    if calls is not None:
        condition += f" AND call IN ({', '.join(map(quoted, calls))})" if calls else " AND false"
    if after:
        condition += f" AND {_beyond(after)}"
    if wanted.words:
        words = WantedWords(wanted.words)
        if not words:
            msg = f"there is no word in {wanted.words!r}"
            raise UsageError(msg)
        found = calls_with(records, words, f"SELECT call, time FROM calls WHERE {condition}", limit + 1)
    else:
        newest = f"SELECT call, time FROM calls WHERE {condition} ORDER BY time DESC, call DESC LIMIT {limit + 1}"
        found = records.rows(newest)
    if not found:
        return CallPage([])
    names = ", ".join(quoted(row["call"]) for row in found[:limit])
    # of files that end before these calls nothing is read
    chosen = f"call IN ({names}) AND time >= TIMESTAMP {quoted(str(found[:limit][-1]['time']))}"
    rows = records.rows(
        f"SELECT c.*, w.wait_ms FROM (SELECT * FROM calls WHERE {chosen}) c LEFT JOIN"
        f" (SELECT call, max(total_ms) AS wait_ms FROM turns WHERE {chosen} GROUP BY call) w ON w.call = c.call"
        " ORDER BY c.time DESC, c.call DESC"
    )
    return CallPage(rows, _place(rows[-1]) if len(found) > limit else "")


def calls_with_events(records: CallDatabase, calls: Collection[str], since: float) -> set[str]:
    """Those of these calls, one at least, that have an event of this time (epoch seconds) or later. Blocks."""
    condition = f"call IN ({', '.join(map(quoted, calls))}) AND time >= {moment(since)}"
    return {row["call"] for row in records.rows(f"SELECT DISTINCT call FROM events WHERE {condition}")}


def _place(row: dict[str, Any]) -> str:
    microseconds = round((row["time"].replace(tzinfo=UTC) - datetime.fromtimestamp(0, UTC)).total_seconds() * 1e6)
    return f"{microseconds}_{row['call']}"


def _beyond(after: str) -> str:
    """The condition on calls that come after a place."""
    found = _AFTER.fullmatch(after)
    if found is None:
        msg = f"{after!r} is no place in a list of calls: begin with its first page"
        raise UsageError(msg)
    time = f"make_timestamp({found[1]})"
    return f"(time < {time} OR time = {time} AND call < {quoted(found[2])})"
