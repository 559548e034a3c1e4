"""The journal of one call as its page needs it: the raw entries, and what was folded from them on the way. Pure."""

from typing import Literal

import msgspec

from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.bus.stream.stream_id import StreamId
from orchestra.history.call import CallHistory
from orchestra.history.gaps import GapDetector
from orchestra.history.reduce import reduce
from orchestra.history.usage import Usage, add_usage
from orchestra.history.views.timeline import as_call, describe
from orchestra_schemas import (
    DecodeError,
    Event,
    PromptCompleted,
    SpeechMetered,
    ToolCompleted,
    ToolRequested,
    UserTurnPredicted,
    UserTurnResumed,
)

#: why a place in the journal is remarkable beyond what an event says
RemarkKind = Literal["gap", "unknown", "damaged"]


class Remark(msgspec.Struct, frozen=True):
    """A place where something is missing or cannot be understood; ``number`` is that of the entry there."""

    number: int
    at: float
    kind: RemarkKind
    text: str


class Happening(msgspec.Struct, frozen=True):
    """An event that says something to a person, in words; ``serious`` if it is no ordinary course of things."""

    number: int
    event: Event
    text: str
    serious: bool


class _Header(msgspec.Struct):
    turn: int = 0
    at: float = 0.0


_header = msgspec.json.Decoder(_Header).decode


class CallJournal:
    """A call's entries in their order, numbered from 0, and their fold. It can grow while the call runs.

    Attributes:
        call: its id.
        entries: as they are stored.
        turns: the number of the turn of each entry.
        history: what the reducer made of the events.
        numbers: the entry of each event that could be decoded: the history counts only those.
        happened: events in words.
        remarks: gaps, unknown types and damaged bodies.
        predicted: by turn, when it was predicted to be over.
        resumed: by turn, the event that took the prediction back.
        unanswered: tool calls without a result so far, by the id of their request: the entry and the call as text.
        usage: by turn, what its models and speech engines used.
        size: of all entries, in bytes.

    """

    def __init__(self, call: str) -> None:
        self.call = call
        self.entries: list[Entry] = []
        self.turns: list[int] = []
        self.history = CallHistory()
        self.numbers: list[int] = []
        self.happened: list[Happening] = []
        self.remarks: list[Remark] = []
        self.predicted: dict[int, UserTurnPredicted] = {}
        self.resumed: dict[int, UserTurnResumed] = {}
        self.unanswered: dict[str, tuple[int, ToolRequested]] = {}
        self.usage: dict[int, Usage] = {}
        self.size = 0
        self._gaps = GapDetector()
        self._tool_calls: dict[str, str] = {}

    @property
    def ended(self) -> bool:
        """Whether the journal has the call's end."""
        return self.history.ended is not None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing from the call's beginning to the last entry, as far as can be seen."""
        return bool(self.entries) and not any(remark.kind == "gap" for remark in self.remarks)

    def add(self, entry: Entry) -> None:
        """Add the next entry; those of media streams and of other calls are not taken."""
        if entry.stream != JOURNAL or entry.call != self.call:
            return
        number, header = len(self.entries), _header_of(entry)
        at = header.at or StreamId.parse(entry.stream_id).seconds
        for text in self._gaps.missing_before(entry):
            if not text.endswith("is not the JSON of an event"):  # told below, once
                self.remarks.append(Remark(number, at, "gap", text.removeprefix(f"{self.call}: ")))
        self.entries.append(entry)
        self.turns.append(header.turn)
        self.size += len(entry.body)
        try:
            event = entry.event()
        except DecodeError as error:
            self.remarks.append(Remark(number, at, "damaged", str(error)))
            return
        if event is None:
            self.remarks.append(Remark(number, at, "unknown", entry.type))
            return
        self.numbers.append(number)
        self.history = reduce(self.history, event)
        self._note(number, event)

    def event(self, number: int) -> Event | None:
        """The event of an entry, decoded again; None if this version cannot decode it."""
        try:
            return self.entries[number].event()
        except DecodeError:
            return None

    def of_turn(self, turn: int) -> list[tuple[int, Event]]:
        """The events of a turn, each with the number of its entry."""
        found = ((number, self.event(number)) for number, each in enumerate(self.turns) if each == turn)
        return [(number, event) for number, event in found if event is not None]

    def _note(self, number: int, event: Event) -> None:
        match event:
            case UserTurnPredicted(turn=turn):
                self.predicted[turn] = event
            case UserTurnResumed(turn=turn):
                self.resumed[turn] = event
            case ToolRequested(id=request):
                self._tool_calls[request] = as_call(event)
                self.unanswered[request] = number, event
            case ToolCompleted(request=request):
                self.unanswered.pop(request, None)
            case PromptCompleted(turn=turn) | SpeechMetered(turn=turn):
                self.usage[turn] = add_usage(self.usage.get(turn, Usage()), event, 0.0)
            case _:
                pass
        if (described := describe(event, self._tool_calls)) is not None:
            text, kind = described
            self.happened.append(Happening(number, event, text, kind == "warning"))


def _header_of(entry: Entry) -> _Header:
    try:
        return _header(entry.body)
    except UNREADABLE:
        return _Header()
