"""Which calls are wanted, as fields of an address or of Python, and as an SQL condition. Needs no extra."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from orchestra.analysis.conditions import moment, of_app, of_line
from orchestra.archive.derived.facts import END_OF_TIME, quoted

_Text = Annotated[str, Field(max_length=500)]
#: epoch seconds of the years that a date may have
_Moment = Annotated[float, Field(ge=0, lt=END_OF_TIME)]


class CallFilter(BaseModel):
    """Which calls are wanted: those that meet every condition that is given.

    Attributes:
        number: digits that the caller's or the called number has.
        since: calls that began at this time or later, epoch seconds.
        until: calls that began before this time.
        outcome: why it ended (the column of the view ``calls``), or ``running``.
        recording_mode: whether its audio was kept (the column of the view ``calls``).
        app: the app that answered it or took it over.
        version: the version of package and app that answered last, or its beginning.
        line: the line that decided the app, or what was dialled.
        agent: an agent that had a turn.
        tool: a tool that was called.
        failed_tool: the tool failed; without ``tool``: any did.
        words: words that somebody said in one sentence, in any inflection; see `orchestra.analysis.words`.
        wait_ms: for one reply at least the caller waited so long.
        interrupted: the caller interrupted a reply.
        transferred: an agent asked for a transfer to a person.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: _Text = ""
    since: _Moment | None = None
    until: _Moment | None = None
    outcome: _Text = ""
    recording_mode: _Text = ""
    app: _Text = ""
    version: _Text = ""
    line: _Text = ""
    agent: _Text = ""
    words: _Text = ""
    wait_ms: Annotated[float, Field(ge=0, le=1e9)] | None = None
    tool: _Text = ""
    failed_tool: bool = False
    interrupted: bool = False
    transferred: bool = False

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
            f"recording_mode = {quoted(self.recording_mode)}": self.recording_mode,
            of_app(self.app): self.app,
            f"starts_with(version, {quoted(self.version)})": self.version,
            of_line(self.line): self.line,
            "interruptions > 0": self.interrupted,
            "handovers > 0": self.transferred,
            "failed_tools > 0": self.failed_tool and not self.tool,
        }
        yield from (test for test, wanted in tests.items() if wanted)

    def _of_turns(self) -> Iterator[str]:
        if self.agent:
            yield f"call IN (SELECT call FROM turns WHERE agent = {quoted(self.agent)})"
        if self.tool:
            failed = " AND failed" if self.failed_tool else ""
            yield f"call IN (SELECT call FROM tools WHERE name = {quoted(self.tool)}{failed})"
        if self.wait_ms is not None:
            yield f"call IN (SELECT call FROM turns WHERE total_ms >= {float(self.wait_ms)!r})"
