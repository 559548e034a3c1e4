"""Calls by what they were: the newest first, page by page."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestra.analysis.conditions import moment, of_app, of_line
from orchestra.analysis.find_words import calls_with
from orchestra.analysis.query import CallDatabase
from orchestra.analysis.words import WantedWords
from orchestra.archive.derived.facts import quoted
from orchestra.errors import UsageError

_AFTER = re.compile(r"(\d{1,18})_(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls are wanted: those that meet every condition that is given.

    Attributes:
        number: digits that the caller's or the called number has.
        since: calls that began at this time or later, epoch seconds.
        until: calls that began before this time.
        outcome: why it ended (`the view calls`), or ``running``.
        app: the app that answered it or took it over.
        version: the version that answered last, or its beginning.
        line: the line that decided the app, or what was dialled.
        agent: an agent that had a turn.
        tool: a tool that was called.
        failed_tool: the tool failed; without ``tool``: any did.
        words: words that somebody said in one sentence, in any inflection; see `orchestra.analysis.words`.
        wait_ms: for one reply at least the caller waited so long.
        interrupted: the caller interrupted a reply.
        transferred: an agent asked for a transfer to a person.
        calls: only calls with these ids.

    """

    number: str = ""
    since: float | None = None
    until: float | None = None
    outcome: str = ""
    app: str = ""
    version: str = ""
    line: str = ""
    agent: str = ""
    tool: str = ""
    failed_tool: bool = False
    words: str = ""
    wait_ms: float | None = None
    interrupted: bool = False
    transferred: bool = False
    calls: Collection[str] | None = None

    def condition(self) -> str:
        """The SQL condition on the view ``calls``, without the words."""
        tests = [*self._of_time(), *self._of_call(), *self._of_turns()]
        return " AND ".join(f"({test})" for test in tests) or "true"

    def _of_time(self) -> Iterator[str]:
        if self.since is not None:
            yield f"time >= {moment(self.since)}"
        if self.until is not None:
            yield f"time < {moment(self.until)}"

    def _of_call(self) -> Iterator[str]:
        digits = quoted(re.sub(r"[^\d+]", "", self.number) or self.number)
        tests = {
            f"contains(from_number, {digits}) OR contains(to_number, {digits})": self.number,
            f"coalesce(outcome, status) = {quoted(self.outcome)}": self.outcome,
            of_app(self.app): self.app,
            f"starts_with(version, {quoted(self.version)})": self.version,
            of_line(self.line): self.line,
            "interruptions > 0": self.interrupted,
            "handovers > 0": self.transferred,
            "failed_tools > 0": self.failed_tool and not self.tool,
        }
        yield from (test for test, wanted in tests.items() if wanted)
        if self.calls is not None:
            yield f"call IN ({', '.join(map(quoted, self.calls))})" if self.calls else "false"

    def _of_turns(self) -> Iterator[str]:
        if self.agent:
            yield f"call IN (SELECT call FROM turns WHERE agent = {quoted(self.agent)})"
        if self.tool:
            failed = " AND failed" if self.failed_tool else ""
            yield f"call IN (SELECT call FROM tools WHERE name = {quoted(self.tool)}{failed})"
        if self.wait_ms is not None:
            yield f"call IN (SELECT call FROM turns WHERE total_ms >= {float(self.wait_ms)!r})"


@dataclass(frozen=True, slots=True)
class CallPage:
    """Some calls, and where the next page begins: empty if there is none."""

    rows: list[dict[str, Any]]
    next: str = ""


def find_calls(records: CallDatabase, wanted: CallFilter, *, limit: int = 50, after: str = "") -> CallPage:
    """The next calls that meet a filter, newest first, after those of the page that named ``after``. Blocks.

    A row has the columns of the view ``calls``, and ``wait_ms``: how long the caller waited at most for a reply. A call
    that comes meanwhile moves no other to another page.

    Raises:
        UsageError: ``after`` is not of a page, or ``words`` has no word.

    """
    condition = wanted.condition()
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
