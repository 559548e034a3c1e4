from orchestra.history.call_record import CallRecord, reduce_record
from orchestra.history.reduce import history_of
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    RecordingSaved,
    ReplyChunk,
    ReplyInterrupted,
    ToolCompleted,
    TurnMeasured,
    UserTurnEnded,
)

CALL = "07-0199a0b4c0de7000800000000000aaaa"


def record_of(*events: Event) -> CallRecord:
    return history_of(events).record


def test_a_call_that_runs_shows_who_speaks_with_whom() -> None:
    record = record_of(
        CallStarted(call=CALL, at=100.0, source="edge-1", from_number="+15550001", app="parcels"),
        AgentChanged(call=CALL, agent="tracking"),
        UserTurnEnded(call=CALL, turn=1, text="hello"),
        UserTurnEnded(call=CALL, turn=3, text="hello"),
    )
    assert record.status == "running"
    assert record.from_number == "+15550001"
    assert record.edge == "edge-1"
    assert record.agent == "tracking"
    assert record.turns == 2


def test_interruptions_and_failed_tools_are_counted_and_the_slowest_turn_kept() -> None:
    record = record_of(
        ReplyInterrupted(call=CALL),
        ReplyInterrupted(call=CALL),
        ToolCompleted(call=CALL, request="r", name="find", failed=True),
        ToolCompleted(call=CALL, request="s", name="find"),
        TurnMeasured(call=CALL, total_ms=900.0),
        TurnMeasured(call=CALL, total_ms=700.0),
    )
    assert (record.interruptions, record.failed_tools, record.slowest_ms) == (2, 1, 900.0)


def test_an_ended_call_says_how_and_where_its_recording_is() -> None:
    record = record_of(
        CallEnded(call=CALL, at=160.0, reason="agent_hung_up", duration_s=60.0),
        RecordingSaved(call=CALL, url="file:///r.wav"),
    )
    assert record.status == "ended"
    assert record.end_reason == "agent_hung_up"
    assert record.recording == "file:///r.wav"


def test_an_event_that_does_not_concern_the_record_changes_nothing() -> None:
    assert reduce_record(CallRecord(), ReplyChunk(call=CALL, text="hi")) == CallRecord()
