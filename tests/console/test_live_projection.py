"""What the live page shows of a call, from its entries."""

from itertools import count
from pathlib import Path

import msgspec
import pytest

from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL, MEDIA
from orchestra.console.live.projection import (
    ENDED_STAYS_S,
    MOST_CALLS,
    SILENT_STAYS_S,
    TRANSFERRED_STAYS_S,
    LiveCall,
    Projection,
)
from orchestra.console.live.transcript import LONGEST_TEXT, MOST_LINES, Line
from orchestra.history.call_record import CallRecord
from orchestra.history.reduce import history_of
from orchestra.history.views.call_record import call_record
from orchestra.prices import ModelPrice, Prices
from orchestra_schemas import (
    AgentChanged,
    BackchannelHeard,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    Event,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorTookOver,
    RecordingSaved,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TranscriptPartial,
    TransferAccepted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
    encode,
)
from tests.history.journals import CALL, GOLDEN, read_journal

PRICES = Prices(models={"offline": ModelPrice(prompt_per_million=3, completion_per_million=9)}, call_per_minute=0.01)
BEGAN = 1_763_830_000.0
_numbers = count(1)


def entry(event: Event, at: float = BEGAN) -> Entry:
    """The event as it is read; it has an id and a time of its own, or gets them."""
    number = next(_numbers)
    if not event.id:
        event = msgspec.structs.replace(event, at=event.at or at, id=f"{event.call}:{number}")
    fields = encode(event)
    stream_id = f"{int(event.at * 1000)}-{number}"
    return Entry(stream_id, 7, event.stream, fields[b"type"].decode(), event.call, event.id, fields[b"body"])


def odd(type_: str, body: bytes = b"{}") -> Entry:
    """An entry that nobody here wrote."""
    return Entry(f"{int(BEGAN * 1000)}-{next(_numbers)}", 7, JOURNAL, type_, CALL, f"{CALL}:odd{next(_numbers)}", body)


def live(*events: Event) -> LiveCall:
    """A call after these events."""
    call = LiveCall(CALL)
    for event in (CallStarted(call=CALL), *events):
        call.apply(entry(event), PRICES)
    return call


def lines(call: LiveCall) -> list[Line]:
    """Its lines, without the first one, which says that it began."""
    return list(call.transcript.lines.values())[1:]


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_a_golden_call_ends_with_the_agent_cost_and_waits_of_its_history(path: Path) -> None:
    events = read_journal(path)
    projection = Projection(PRICES)
    for event in events:
        projection.apply(entry(event))
    history = history_of(events)
    call = projection.calls[history.call]
    expected = call_record(history, PRICES)
    assert msgspec.structs.replace(call.record, cost=None) == msgspec.structs.replace(expected, cost=None)
    assert call.record.cost == expected.cost
    waits = [turn.latency.total_ms for turn in history.turns if turn.latency is not None]
    assert call.row().wait_ms == (waits[-1] if waits else None)
    assert call.row().agent == history.agent
    said = [line.text for line in call.transcript.lines.values() if line.kind == "caller"]
    assert said == [turn.transcript for turn in history.turns if turn.ended is not None]


def test_the_state_follows_a_turn_with_a_tool() -> None:
    call = LiveCall(CALL)
    steps: list[tuple[Event, str]] = [
        (CallStarted(call=CALL, greeting="Hello."), "speaking"),
        (ReplySpoken(call=CALL, text="Hello."), "listening"),
        (UserSpeechStarted(call=CALL), "listening"),
        (TranscriptFinal(call=CALL, turn=1, text="Where is it?"), "listening"),
        (UserTurnEnded(call=CALL, turn=1, text="Where is it?"), "thinking"),
        (ToolRequested(call=CALL, turn=1, id="t", agent="desk", name="find_parcel"), "tool"),
        (ReplyChunk(call=CALL, turn=1, text="One moment.", filler=True), "tool"),
        (ToolCompleted(call=CALL, turn=1, request="t", name="find_parcel"), "thinking"),
        (ReplyChunk(call=CALL, turn=1, text="It is here."), "speaking"),
        (ReplyInterrupted(call=CALL, turn=1, heard="It"), "listening"),
        (CallTransferRequested(call=CALL, turn=1, target="+1555"), "transferring"),
        (TransferAccepted(call=CALL, target="+1555"), "transferred"),
        (CallEnded(call=CALL, reason="transferred"), "ended"),
    ]
    for at, (event, state) in enumerate(steps):
        call.apply(entry(event, BEGAN + at), PRICES)
        assert call.row().state == state, event
        if event is steps[5][0]:
            assert call.row().tool == "find_parcel"


def test_work_for_a_predicted_turn_is_not_shown_before_the_turn_has_ended() -> None:
    predicted = (
        UserTurnPredicted(call=CALL, turn=1, text="Where is it"),
        ToolRequested(call=CALL, turn=1, id="t", agent="desk", name="find_parcel", predicted=True),
        ReplyChunk(call=CALL, turn=1, text="It is here.", agent="desk"),
    )
    call = live(TranscriptFinal(call=CALL, turn=1, text="Where is it"), *predicted)
    assert (call.row().state, [line.kind for line in lines(call)]) == ("listening", ["caller"])
    ended = live(TranscriptFinal(call=CALL, turn=1, text="x"), *predicted, UserTurnEnded(call=CALL, turn=1, text="x"))
    assert (ended.row().state, [line.kind for line in lines(ended)]) == ("tool", ["caller", "tool", "agent"])
    void = live(*predicted, UserTurnResumed(call=CALL, turn=1), UserTurnEnded(call=CALL, turn=2, text="No."))
    assert (void.row().state, [line.kind for line in lines(void)]) == ("thinking", ["caller"])


def test_interim_words_stand_behind_the_final_ones_until_those_replace_them() -> None:
    call = live(TranscriptPartial(call=CALL, turn=1, text="where is", at=BEGAN + 1))
    assert (lines(call)[0].text, lines(call)[0].interim) == ("", "where is")
    call.apply(entry(TranscriptFinal(call=CALL, turn=1, text="Where is it?", at=BEGAN + 2)), PRICES)
    call.apply(entry(TranscriptPartial(call=CALL, turn=1, text="where is it", at=BEGAN + 1.5)), PRICES)  # late
    call.apply(entry(TranscriptPartial(call=CALL, turn=1, text="my", at=BEGAN + 3)), PRICES)
    assert (lines(call)[0].text, lines(call)[0].interim) == ("Where is it?", "my")
    call.apply(entry(UserTurnEnded(call=CALL, turn=1, text="Where is it? My parcel.", at=BEGAN + 4)), PRICES)
    assert (lines(call)[0].text, lines(call)[0].interim, lines(call)[0].open) == ("Where is it? My parcel.", "", False)
    assert len(lines(call)) == 1


def test_a_reply_shows_what_was_heard_of_it_and_where_the_caller_interrupted() -> None:
    call = live(
        UserTurnEnded(call=CALL, turn=1, text="Where is it?"),
        ReplyChunk(call=CALL, turn=1, text="It is in Hill Street.", agent="desk"),
        ReplyChunk(call=CALL, turn=1, text="It comes tomorrow.", agent="desk"),
        TurnMeasured(call=CALL, turn=1, total_ms=840.0),
        SentenceSpoken(call=CALL, turn=1, text="It is in Hill Street."),
    )
    reply = lines(call)[-1]
    assert (reply.text, reply.heard) == ("It is in Hill Street. It comes tomorrow.", "It is in Hill Street.")
    assert (reply.who, reply.wait_ms, call.row().wait_ms) == ("desk", 840.0, 840.0)
    call.apply(entry(ReplyInterrupted(call=CALL, turn=1, heard="It is in Hill Street. It comes")), PRICES)
    assert (reply.heard, reply.interrupted, reply.open) == ("It is in Hill Street. It comes", True, False)


def test_a_measurement_that_comes_after_the_reply_belongs_to_its_line() -> None:
    call = live(
        UserTurnEnded(call=CALL, turn=1, text="Where is it?"),
        ReplyChunk(call=CALL, turn=1, text="It is here.", agent="desk"),
        ReplySpoken(call=CALL, turn=1, text="It is here.", agent="desk"),
        TurnMeasured(call=CALL, turn=1, total_ms=840.0),
    )
    assert [(line.kind, line.wait_ms) for line in lines(call)] == [("caller", None), ("agent", 840.0)]


def test_a_call_shows_its_tools_handoffs_back_channels_and_edges() -> None:
    call = live(
        AgentChanged(call=CALL, agent="claims", previous="desk", reason="handoff"),
        ToolRequested(call=CALL, id="t", agent="claims", name="look_up", arguments='{"n": 1}'),
        ToolCompleted(call=CALL, request="t", name="look_up", result="no such claim", failed=True, duration_ms=12.0),
        TranscriptFinal(call=CALL, turn=1, text="mhm"),
        BackchannelHeard(call=CALL, text="mhm"),
        CallResumed(call=CALL, source="edge-2"),
    )
    found = [(line.kind, line.text) for line in lines(call)]
    assert found == [
        ("event", "desk → claims (handoff)"),
        ("tool", "look_up(n=1)"),
        ("backchannel", "mhm"),
        ("warning", "edge-2 resumes the call from its journal"),
    ]
    tool = lines(call)[1]
    assert (tool.result, tool.failed, tool.ms, tool.open) == ("no such claim", True, 12.0, False)


def test_an_operator_holds_the_call_until_they_hand_it_back_or_leave() -> None:
    call = live(
        OperatorJoined(call=CALL, operator="ann", listens=True),
        OperatorJoined(call=CALL, operator="ann"),
        OperatorTookOver(call=CALL, operator="ann"),
        OperatorTookOver(call=CALL, operator="bob"),
    )
    assert (call.row().state, call.row().holder, call.row().operators) == ("operator", "ann", ("ann",))
    call.apply(entry(OperatorLeft(call=CALL, operator="ann", listens=True)), PRICES)  # only stops listening
    assert call.row().state == "operator"
    call.apply(entry(OperatorHandedBack(call=CALL, operator="ann", note="a refund")), PRICES)
    assert (call.row().state, call.row().holder) == ("listening", "")
    assert lines(call)[-1].text == "ann hands the call back: “a refund”"


def test_an_operator_who_listens_at_two_consoles_is_in_the_call_until_they_have_left_both() -> None:
    joined = [OperatorJoined(call=CALL, operator="ann", console=name, listens=True) for name in ("east", "west")]
    left = [OperatorLeft(call=CALL, operator="ann", console=name, listens=True) for name in ("east", "west")]
    call = live(*joined, left[0], left[0])  # its edge has said so, too
    assert call.row().operators == ("ann",)
    call.apply(entry(left[1]), PRICES)
    assert call.row().operators == ()


def test_unknown_types_and_bodies_that_cannot_be_read_are_shown_at_their_place() -> None:
    call = live(UserTurnEnded(call=CALL, turn=1, text="one"))
    for each in (
        odd("booking.made"),
        odd("booking.made"),
        odd("reply.chunk", b"[1"),
        odd("call.ended", b'{"call": 3}'),
    ):
        call.apply(each, PRICES)
    unknown = [(line.text, line.times) for line in lines(call) if line.kind == "unknown"]
    assert unknown == [
        ("booking.made", 2),
        ("reply.chunk (its content cannot be read)", 1),
        ("call.ended (its content cannot be read)", 1),
    ]
    assert not call.over


def test_events_that_are_missing_are_shown_at_their_place() -> None:
    call = live(UserTurnEnded(call=CALL, turn=1, text="one"), UserTurnEnded(call=CALL, turn=4, text="four"))
    assert [line.kind for line in lines(call)] == ["caller", "gap", "caller"]
    assert "turns 2 to 3 are missing" in lines(call)[1].text
    assert call.row().gaps == 1


def test_long_texts_are_cut_and_the_oldest_lines_go_first() -> None:
    hostile = "<script>alert(1)</script>\u202e" * 2000
    call = live(UserTurnEnded(call=CALL, turn=1, text=hostile))
    for _ in range(3):
        call.apply(entry(ReplyChunk(call=CALL, turn=1, text=hostile)), PRICES)
    assert all(len(line.text) < LONGEST_TEXT + 40 for line in lines(call))
    for turn in range(2, MOST_LINES + 50):
        call.apply(entry(UserTurnEnded(call=CALL, turn=turn, text="more")), PRICES)
    assert len(call.transcript.lines) == MOST_LINES
    assert any(line.gone for line in call.transcript.take_changed())


def test_an_ended_call_leaves_the_list_after_a_while_and_a_late_event_does_not_bring_it_back() -> None:
    projection = Projection(PRICES)
    projection.apply(entry(CallStarted(call=CALL)))
    projection.apply(entry(CallEnded(call=CALL, reason="caller_hung_up", at=BEGAN + 9)))
    projection.expire(BEGAN + 9 + ENDED_STAYS_S - 1)
    assert CALL in projection.calls
    projection.expire(BEGAN + 9 + ENDED_STAYS_S + 1)
    assert projection.take_changed() == ([], [CALL])
    late = entry(RecordingSaved(call=CALL, url="file:///x.wav", duration_s=9.0))
    assert projection.unlisted([late]) == []
    projection.apply(late)
    assert not projection.calls


def test_calls_whose_end_was_lost_are_forgotten_and_never_fill_the_memory() -> None:
    projection = Projection(PRICES)
    projection.apply(entry(CallStarted(call=CALL)))
    projection.expire(BEGAN + SILENT_STAYS_S + 1)
    assert not projection.calls
    projection.apply(entry(CallStarted(call=CALL)))
    projection.apply(entry(TransferAccepted(call=CALL, target="+1555")))
    projection.expire(BEGAN + SILENT_STAYS_S + 1)
    assert CALL in projection.calls  # caller and person talk, and nothing of that is on the journal
    projection.expire(BEGAN + TRANSFERRED_STAYS_S + 1)
    assert not projection.calls
    for number in range(MOST_CALLS + 5):
        projection.apply(entry(CallStarted(call=f"07-{number}", at=BEGAN + number / 1000)))
    projection.expire(BEGAN + 10)
    assert len(projection.calls) == MOST_CALLS
    assert "07-0" not in projection.calls


def test_what_a_stored_record_has_is_not_counted_twice() -> None:
    projection = Projection(PRICES)
    record = CallRecord(call=CALL, agent="desk", turns=3, started_at=BEGAN)
    old = entry(UserTurnEnded(call=CALL, turn=3, text="three", at=BEGAN + 1))
    new = entry(UserTurnEnded(call=CALL, turn=4, text="four", at=BEGAN + 3))
    assert projection.unlisted([old, new]) == [CALL]
    projection.adopt(CALL, record, int((BEGAN + 2) * 1000))
    for each in (old, new):
        projection.apply(each)
    row = projection.calls[CALL].row()
    assert (row.turns, row.agent, row.state, row.whole) == (4, "desk", "thinking", False)
    ended = Projection(PRICES)
    ended.adopt(CALL, msgspec.structs.replace(record, status="ended"), 0)
    ended.apply(old)
    assert not ended.calls


def test_words_that_may_change_never_make_a_call() -> None:
    projection = Projection(PRICES)
    partial = entry(TranscriptPartial(call=CALL, turn=1, text="hello"))
    assert partial.stream == MEDIA
    assert projection.unlisted([partial]) == []
    projection.apply(partial)
    assert not projection.calls
