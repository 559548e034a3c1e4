"""Where a recording lacks events: trimmed from the journal, deleted by hand, or never archived. Pure."""

import msgspec

from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.entry import UNREADABLE
from orchestra_schemas import CallAnswered, CallEnded, CallStarted, UserTurnEnded, tag_of

_ENDED, _TURN = tag_of(CallEnded), tag_of(UserTurnEnded)
#: a call that is dialled may be answered before its audio is connected, or end without either
_FIRST = {tag_of(CallStarted), tag_of(CallAnswered), _ENDED}


class _Header(msgspec.Struct):
    cause: str = ""
    turn: int = 0


_header = msgspec.json.Decoder(_Header).decode


class _Seen:
    """What was there of one call."""

    __slots__ = ("ended", "ids", "missed", "turn")

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.missed: set[str] = set()
        self.turn = 0
        self.ended = False


class Holes:
    """Follows the journal entries of calls, in order, and says where some are missing.

    That shows at what is left: an event whose cause is not there, the second thing that a handler published without
    the first, a turn whose number leaves one out, a call that does not begin with its start.

    Args:
        cut: the recording was asked for from a moment on, so that calls which ran then begin in their middle.

    """

    def __init__(self, *, cut: bool = False) -> None:
        self._cut = cut
        self._calls: dict[str, _Seen] = {}

    def before(self, entry: Entry) -> list[str]:
        """What is missing directly before this entry, a sentence each."""
        if entry.stream != JOURNAL:
            return []
        try:
            header = _header(entry.body)
        except UNREADABLE:
            return [f"{entry.call}: the body of {entry.id or entry.stream_id} is no JSON of an event"]
        missing: list[str] = []
        seen = self._calls.get(entry.call)
        if seen is None:
            seen = self._calls[entry.call] = _Seen()
            if entry.type not in _FIRST and not self._cut:
                missing.append(f"{entry.call}: its beginning is missing; the first event that is left is {entry.type}")
                seen.turn = max(header.turn - (entry.type == _TURN), 0)
                seen.missed.add(header.cause)
        if not self._cut:
            missing += self._causes(entry, header.cause, seen)
            missing += self._turns(entry, header.turn, seen)
        seen.ids.add(hash(entry.id))
        seen.ended = seen.ended or entry.type == _ENDED
        return missing

    def _causes(self, entry: Entry, cause: str, seen: _Seen) -> list[str]:
        before, _, number = entry.id.rpartition(".")
        wanted = [cause] if cause else []
        if cause and before.startswith(f"{cause}.") and number.isdecimal() and int(number) > 1:
            wanted.append(f"{before}.{int(number) - 1}")
        lacking = [each for each in wanted if hash(each) not in seen.ids and each not in seen.missed]
        seen.missed.update(lacking)
        return [f"{entry.call}: {_part(each, entry.call)} is missing before {entry.type}" for each in lacking]

    def _turns(self, entry: Entry, turn: int, seen: _Seen) -> list[str]:
        if entry.type != _TURN:
            return []
        before, seen.turn = seen.turn, max(seen.turn, turn)
        if turn <= before + 1:
            return []
        what = f"turn {turn - 1} is" if turn == before + 2 else f"turns {before + 1} to {turn - 1} are"
        return [f"{entry.call}: {what} missing before turn {turn}"]

    def open_calls(self) -> list[str]:
        """The calls whose end did not come: they still run, or it is missing."""
        return [call for call, seen in self._calls.items() if not seen.ended]


def _part(event_id: str, call: str) -> str:
    return f"event {event_id.removeprefix(call + ':')}"
