"""Gaps in recorded journals: events that were trimmed, deleted by hand, or never archived. Pure.

They are found in stored entries, not in a history: unknown types and bodies that cannot be decoded count, too.
"""

import msgspec

from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.entry import UNREADABLE
from orchestra_schemas import (
    AlarmCleared,
    AlarmRaised,
    AppChanged,
    CallAnswered,
    CallEnded,
    CallStarted,
    OperatorHandedBack,
    OperatorLeft,
    OperatorPassedOn,
    OperatorTookOver,
    ReplyInterrupted,
    ReplySpoken,
    TransferFailed,
    UserTurnEnded,
    UserTurnResumed,
    tag_of,
)

_ENDINGS = {tag_of(CallEnded), tag_of(AlarmCleared)}
#: each takes a number: a turn that was only predicted has one, too
_TURNS = {tag_of(UserTurnEnded), tag_of(UserTurnResumed)}
_REPLIES = {tag_of(ReplySpoken), tag_of(ReplyInterrupted)}
#: after these the edge may say a sentence of its own, which takes a number, too, as the sentences of operators do: that
#: the agents are back, the greeting of another app, the briefing for a person who joins, or that nobody does
_EDGE_SPEAKS_AFTER = {
    tag_of(kind)
    for kind in (AppChanged, OperatorHandedBack, OperatorLeft, OperatorPassedOn, OperatorTookOver, TransferFailed)
}
#: an outbound call may be answered before its audio is connected, or end without either
_FIRST = {tag_of(CallStarted), tag_of(CallAnswered), tag_of(CallEnded), tag_of(AlarmRaised)}


class _Header(msgspec.Struct):
    cause: str = ""
    turn: int = 0
    operator: str = ""


_header = msgspec.json.Decoder(_Header).decode


class _CallState:
    """The journal of one call so far."""

    __slots__ = ("edge_may_speak", "ended", "ids", "missed", "turn")

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.missed: set[str] = set()
        self.turn = 0
        self.ended = self.edge_may_speak = False


class GapDetector:
    """Follows the journal entries of calls, in order, and reports gaps.

    A gap is visible in the remaining events: an event without its cause, the second event that a handler published
    without the first, a turn whose number skips one, a call that does not begin with its start.

    Args:
        cut: the recording was selected from some time on, so calls that were running then begin in the middle.

    """

    def __init__(self, *, cut: bool = False) -> None:
        self._cut = cut
        self._calls: dict[str, _CallState] = {}

    def missing_before(self, entry: Entry) -> list[str]:
        """The gaps directly before this entry, one sentence each."""
        if entry.stream != JOURNAL:
            return []
        try:
            header = _header(entry.body)
        except UNREADABLE:
            return [f"{entry.call}: the body of {entry.id or entry.stream_id} is not the JSON of an event"]
        missing: list[str] = []
        state = self._calls.get(entry.call)
        if state is None:
            state = self._calls[entry.call] = _CallState()
            if entry.type not in _FIRST and not self._cut:
                missing.append(f"{entry.call}: its beginning is missing; the first event that is left is {entry.type}")
                state.turn = max(header.turn - (entry.type in _TURNS), 0)
                state.missed.add(header.cause)
        if not self._cut:
            missing += self._causes(entry, header.cause, state)
            missing += self._turns(entry, header, state)
        state.ids.add(hash(entry.id))
        state.ended = state.ended or entry.type in _ENDINGS
        return missing

    def _causes(self, entry: Entry, cause: str, state: _CallState) -> list[str]:
        before, _, number = entry.id.rpartition(".")
        wanted = [cause] if cause else []
        if cause and before.startswith(f"{cause}.") and number.isdecimal() and int(number) > 1:
            wanted.append(f"{before}.{int(number) - 1}")
        lacking = [each for each in wanted if hash(each) not in state.ids and each not in state.missed]
        state.missed.update(lacking)
        return [f"{entry.call}: {_part(each, entry.call)} is missing before {entry.type}" for each in lacking]

    def _turns(self, entry: Entry, header: _Header, state: _CallState) -> list[str]:
        turn = header.turn
        state.edge_may_speak = state.edge_may_speak or entry.type in _EDGE_SPEAKS_AFTER
        if entry.type in _REPLIES and turn == state.turn + 1 and (header.operator or state.edge_may_speak):
            state.turn, state.edge_may_speak = turn, False
        if entry.type not in _TURNS:
            return []
        before, state.turn = state.turn, max(state.turn, turn)
        if turn <= before + 1:
            return []
        what = f"turn {turn - 1} is" if turn == before + 2 else f"turns {before + 1} to {turn - 1} are"
        return [f"{entry.call}: {what} missing before turn {turn}"]

    def open_calls(self) -> list[str]:
        """The calls without an end: they are still running, or it is missing."""
        return [call for call, state in self._calls.items() if not state.ended]


def _part(event_id: str, call: str) -> str:
    return f"event {event_id.removeprefix(call + ':')}"
