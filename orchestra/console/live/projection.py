"""The calls that run, as far as their events have been read. Pure: one entry of a stream after the other."""

import msgspec

from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.bus.stream.stream_id import StreamId
from orchestra.console.live.activity import Activity, reduce_activity
from orchestra.console.live.transcript import LiveTranscript
from orchestra.history.call_record import USAGE_EVENTS, CallRecord, priced, reduce_record
from orchestra.history.gaps import GapDetector
from orchestra.prices import Prices
from orchestra_schemas import CallAnswered, CallEnded, CallStarted, DecodeError, Event, PromptRequested, tag_of

_PROMPT = tag_of(PromptRequested)
#: with these a journal begins
_BEGINNINGS = frozenset(tag_of(each) for each in (CallStarted, CallAnswered))
_ENDED = tag_of(CallEnded)

#: most calls that are kept; beyond, those that have been silent longest are forgotten
MOST_CALLS = 5000
#: how long calls stay in the list, in s: one that has ended; one of which nothing is heard, whose end may be lost; one
#: that was transferred, since a caller who talks with a person is silent here
ENDED_STAYS_S, SILENT_STAYS_S, TRANSFERRED_STAYS_S = 30.0, 1800.0, 6 * 3600.0


class _Prompt(msgspec.Struct):
    """What the list needs of a prompt: its messages may be long, and are not decoded."""

    call: str
    agent: str
    id: str = ""
    turn: int = 0
    at: float = 0.0
    cause: str = ""
    app: str = ""


_prompt = msgspec.json.Decoder(_Prompt).decode


def read_event(entry: Entry) -> Event | None:
    """The event of an entry, a prompt without its messages; None if its type is unknown.

    Raises:
        DecodeError: its body cannot be read.

    """
    if entry.type != _PROMPT:
        return entry.event()
    try:
        found = _prompt(entry.body)
    except UNREADABLE as error:
        raise DecodeError(str(error)) from error
    return PromptRequested(call=found.call, agent=found.agent, id=found.id, turn=found.turn, at=found.at, app=found.app)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A call in the list. Times are epoch seconds.

    Attributes:
        caller: the number of the person on the line; ``line`` is what was dialled.
        version: package and app that answered last; ``edge`` has the call's audio.
        state: see `Activity`; ``since`` when it began; ``tool`` is the one that runs.
        caller_speaks: the caller is speaking.
        wait_ms: how long the caller waited for the last reply.
        cost: so far; None if no price is set, or nothing was used yet.
        operators: who is in the call; ``holder`` has taken it over.
        target: to whom it is being transferred.
        gaps: how often events were missing in its journal; ``whole``: its journal was read from the beginning.

    """

    call: str
    app: str
    version: str
    line: str
    caller: str
    direction: str
    agent: str
    edge: str
    state: str
    since: float
    tool: str
    caller_speaks: bool
    wait_ms: float | None
    turns: int
    interruptions: int
    tools: int
    failed_tools: int
    cost: float | None
    currency: str
    started_at: float
    ended_at: float
    end_reason: str
    operators: tuple[str, ...]
    holder: str
    target: str
    gaps: int
    whole: bool


class LiveCall:
    """One call: its record, what is going on in it, and its words.

    Args:
        call: its id.
        record: the stored record, if the journal is read from somewhere in the middle.
        counted_to_ms: the server's time (epoch ms) at which that record was read: it has the events before.

    """

    def __init__(self, call: str, record: CallRecord | None = None, counted_to_ms: int = -1) -> None:
        self.record = record or CallRecord(call=call)
        self.activity = Activity()
        self.transcript = LiveTranscript()
        self.gaps = 0
        self.whole = record is None
        self.last_at = 0.0
        self._counted_to_ms = counted_to_ms
        self._detector = GapDetector(cut=not self.whole)
        if record is not None:
            self.last_at = counted_to_ms / 1000
            self.activity = Activity(agents="listening", turn=record.turns, since=record.started_at)

    def apply(self, entry: Entry, prices: Prices) -> None:
        """One more entry of the call's journal or media stream."""
        at = StreamId.parse(entry.stream_id).seconds
        self.last_at = max(self.last_at, at)
        for missing in self._detector.missing_before(entry):
            self.gaps += 1
            self.transcript.add_gap(at, missing.removeprefix(f"{entry.call}: "))
        try:
            event = read_event(entry)
        except DecodeError:
            self.transcript.add_unknown(at, f"{entry.type} (its content cannot be read)")
            return
        if event is None:
            self.transcript.add_unknown(at, entry.type)
            return
        self.transcript.apply(event)
        if entry.stream == JOURNAL:
            self.activity = reduce_activity(self.activity, event)
            if StreamId.parse(entry.stream_id).ms > self._counted_to_ms:
                record = reduce_record(self.record, event)
                self.record = priced(record, prices) if isinstance(event, USAGE_EVENTS) else record

    @property
    def over(self) -> bool:
        """The call has ended."""
        return self.activity.ended

    @property
    def stays_s(self) -> float:
        """How long it stays in the list after its last event, in seconds."""
        if self.over:
            return ENDED_STAYS_S
        return TRANSFERRED_STAYS_S if self.activity.transfer else SILENT_STAYS_S

    def row(self) -> Row:
        """The call as the list shows it."""
        record, activity = self.record, self.activity
        outbound, cost = record.direction == "outbound", record.cost
        return Row(
            call=record.call,
            app=record.passed_to or record.app,
            version=record.version,
            line=record.line or (record.from_number if outbound else record.to_number),
            caller=record.to_number if outbound else record.from_number,
            direction=record.direction,
            agent=record.agent,
            edge=record.edge,
            state=activity.state,
            since=activity.since,
            tool=activity.tool,
            caller_speaks=activity.caller_speaks,
            wait_ms=activity.wait_ms,
            turns=record.turns,
            interruptions=record.interruptions,
            tools=record.tools,
            failed_tools=record.failed_tools,
            cost=cost.total if cost is not None else None,
            currency=cost.currency if cost is not None else "",
            started_at=record.started_at,
            ended_at=record.ended_at,
            end_reason=record.end_reason,
            operators=tuple(dict.fromkeys(name for name, _, _ in activity.present)),
            holder=activity.holder,
            target=activity.target,
            gaps=self.gaps,
            whole=self.whole,
        )


class Projection:
    """Every call that runs, and what has changed since it was last asked. Entries of other calls are passed over.

    ``unlisted`` is of a batch of entries the calls of which nothing is known: their records have to be `adopt`-ed (or
    not) before the batch is applied.
    """

    def __init__(self, prices: Prices) -> None:
        self.calls: dict[str, LiveCall] = {}
        self._prices = prices
        #: calls that are over, or never began: late events of theirs make no call
        self._passed: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        self._gone: list[str] = []

    def knows(self, call: str) -> bool:
        """The call is in the list, or does not belong there."""
        return call in self.calls or call in self._passed

    def unlisted(self, entries: list[Entry]) -> list[str]:
        """The calls of these entries that are not known and do not begin here."""
        begun: set[str] = set()
        found: dict[str, None] = {}
        for entry in entries:
            if entry.type in _BEGINNINGS:
                begun.add(entry.call)
            elif entry.stream == JOURNAL and not self.knows(entry.call):
                found[entry.call] = None
        return [call for call in found if call not in begun and call]

    def adopt(self, call: str, record: CallRecord | None, read_at_ms: int) -> None:
        """A call that is read from the middle, with its stored record. What nobody stores a record of runs as well."""
        if record is not None and record.status != "running":
            self._pass(call)
        elif call not in self.calls:
            self.calls[call] = LiveCall(call, record or CallRecord(call=call), read_at_ms)
            self._changed[call] = None

    def _pass(self, call: str) -> None:
        self._passed[call] = None
        if len(self._passed) > MOST_CALLS:
            del self._passed[next(iter(self._passed))]

    def apply(self, entry: Entry) -> None:
        """One more entry, in the order of its stream."""
        call = self.calls.get(entry.call)
        if call is None:
            if entry.stream != JOURNAL or entry.call in self._passed or entry.type == _ENDED:
                return
            call = self.calls[entry.call] = LiveCall(entry.call)
        call.apply(entry, self._prices)
        self._changed[entry.call] = None

    def expire(self, now: float) -> None:
        """Forget calls that ended a while ago, that nothing is heard of, and those beyond `MOST_CALLS`."""
        for name, call in list(self.calls.items()):
            if now - call.last_at > call.stays_s:
                self._forget(name)
        surplus = len(self.calls) - MOST_CALLS
        if surplus > 0:
            for name in sorted(self.calls, key=lambda name: self.calls[name].last_at)[:surplus]:
                self._forget(name)

    def _forget(self, call: str) -> None:
        if self.calls.pop(call).over:
            self._pass(call)
        self._changed.pop(call, None)
        self._gone.append(call)

    def take_changed(self) -> tuple[list[LiveCall], list[str]]:
        """The calls that have changed, and the ids of those that are gone, since the last time this was asked."""
        changed = [self.calls[name] for name in self._changed]
        gone, self._gone = self._gone, []
        self._changed = {}
        return changed, gone
