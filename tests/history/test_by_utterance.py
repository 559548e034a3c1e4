import pytest

from orchestra.history.reduce import history_of
from orchestra.history.reply_in_progress import ReplyInProgress
from orchestra.history.views.by_utterance import by_utterance
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)

CALL = "07-x"

JOURNAL: list[Event] = [
    CallStarted(call=CALL, at=100.0),
    ReplySpoken(call=CALL, turn=0, at=103.0, text="Welcome."),
    UserTurnEnded(call=CALL, turn=1, at=106.5, speech_ended_at=106.0, text="where is my parcel"),
    ReplyChunk(call=CALL, turn=1, at=106.6, text="One moment.", agent="tracking", filler=True),
    ToolRequested(call=CALL, turn=1, at=106.6, agent="tracking", name="find_parcel"),
    ReplyChunk(call=CALL, turn=1, at=106.7, text="It is on its way.", agent="tracking"),
    ReplyChunk(call=CALL, turn=1, at=106.8, text="It comes today.", agent="tracking", index=1),
    TurnMeasured(call=CALL, turn=1, at=107.0, total_ms=900),
    UserTurnEnded(call=CALL, turn=2, at=110.2, speech_ended_at=110.0, text="excuse me"),
    ReplyInterrupted(call=CALL, turn=1, at=109.1, heard="One moment. It is on"),
    UserTurnEnded(call=CALL, turn=3, at=112.2, text="stop"),
    ReplySpoken(call=CALL, turn=3, at=114.0, text="Good bye."),
    TurnCompleted(call=CALL, turn=3, at=113.0, agent="reception", failed=True),
]


def test_what_the_journal_says_is_told_by_the_callers_turns() -> None:
    greeting, first, second = by_utterance(history_of(JOURNAL), [104.0, 109.0])
    assert (greeting.reply_heard, greeting.transcript) == ("Welcome.", "")
    assert (first.transcript, first.agent, [step.name for step in first.tools]) == (
        "where is my parcel",
        "tracking",
        ["find_parcel"],
    )
    assert (first.reply, first.reply_heard) == ("It is on its way. It comes today.", "One moment. It is on")
    assert (first.interrupted, first.failed) == (True, False)
    assert first.latency is not None
    assert (second.transcript, second.reply_heard, second.failed) == ("excuse me stop", "Good bye.", True)


def test_an_utterance_that_the_edge_did_not_notice_has_an_empty_turn() -> None:
    assert by_utterance(history_of(JOURNAL[:2]), [104.0])[1].transcript == ""


@pytest.mark.parametrize(
    "end",
    [
        ReplySpoken(call=CALL, turn=1, text="Yes."),
        ReplyInterrupted(call=CALL, turn=1),
        TurnCancelled(call=CALL, turn=1),
        TurnCompleted(call=CALL, turn=1, agent="a"),
        CallEnded(call=CALL, reason="failed"),
    ],
)
def test_a_reply_is_waited_for_from_the_end_of_the_callers_turn_until_it_was_played(end: Event) -> None:
    replying = ReplyInProgress()
    assert not replying()
    for event in (
        UserTurnEnded(call=CALL, turn=1, text="hello"),
        ReplyChunk(call=CALL, turn=1, text="Yes.", agent="a"),
        TurnCompleted(call=CALL, turn=1, agent="a", text="Yes."),
    ):
        replying.follow(event)
        assert replying()
    replying.follow(end)
    assert not replying()
