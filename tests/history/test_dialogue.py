from orchestra.history.reduce import history_of
from orchestra.history.views.dialogue import dialogue
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnResumed,
)

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"


def test_a_call_is_told_turn_by_turn_with_the_times_of_its_recording() -> None:
    told = dialogue(
        history_of(
            [
                CallStarted(call=CALL, at=100.0),
                ReplySpoken(call=CALL, turn=0, text="Welcome.", at=101.5),
                UserSpeechStarted(call=CALL, at=103.0),
                TranscriptFinal(call=CALL, text="where is it", confidence=0.4, at=104.6),
                UserTurnEnded(call=CALL, turn=1, text="where is it", speech_ended_at=104.5, at=104.8),
                AgentChanged(call=CALL, turn=1, agent="tracking", at=104.8),
                ToolRequested(call=CALL, turn=1, agent="tracking", name="find", at=104.9),
                ToolCompleted(call=CALL, turn=1, request="r", name="find", failed=True, at=105.0),
                ReplyChunk(call=CALL, turn=1, agent="tracking", text="One moment.", filler=True, at=104.9),
                ReplyChunk(call=CALL, turn=1, agent="tracking", text="It is here.", at=105.0),
                TurnMeasured(call=CALL, turn=1, total_ms=700.0, at=105.2),
                ReplyInterrupted(call=CALL, turn=1, heard="One moment. It", at=106.0),
                CallEnded(call=CALL, turn=1, reason="caller_hung_up", at=107.0),
            ]
        )
    )
    greeting, turn = told.turns
    assert (greeting.number, greeting.reply_heard, greeting.heard_to_s) == (0, "Welcome.", 1.5)
    assert (turn.transcript, turn.said_from_s, turn.said_to_s, turn.confidence) == ("where is it", 3.0, 4.5, 0.4)
    assert (turn.reply_heard, turn.reply, turn.agent) == ("One moment. It", "It is here.", "tracking")
    assert (turn.heard_from_s, turn.heard_to_s, turn.interrupted) == (5.2, 6.0, True)
    assert (turn.tools, turn.failed_tools) == (("find",), 1)
    assert told.ended is not None


def test_a_journal_without_beginning_or_end_is_told_as_far_as_it_goes() -> None:
    told = dialogue(history_of([UserTurnEnded(call=CALL, turn=3, text="still there", at=500.0)]))
    assert (told.started, told.ended) == (None, None)
    assert [(turn.number, turn.transcript, turn.reply_heard, turn.heard_from_s) for turn in told.turns] == [
        (3, "still there", "", None)
    ]
    assert dialogue(history_of([])).turns == ()


def test_of_a_reply_that_was_cut_off_with_its_edge_the_sentences_that_were_heard_are_told() -> None:
    told = dialogue(
        history_of(
            [
                CallStarted(call=CALL, at=100.0),
                UserTurnEnded(call=CALL, turn=1, text="where is it", at=102.0),
                SentenceSpoken(call=CALL, turn=1, text="It is here.", at=104.0),
                SentenceSpoken(call=CALL, turn=1, text="Shall I send it?", at=105.0),
            ]
        )
    )
    (turn,) = told.turns
    assert (turn.reply_heard, turn.heard_from_s, turn.heard_to_s) == ("It is here. Shall I send it?", 2.0, 5.0)


def test_a_predicted_turn_that_went_on_is_no_part_of_it() -> None:
    told = dialogue(
        history_of(
            [
                ReplyChunk(call=CALL, turn=1, text="Which?"),
                UserTurnResumed(call=CALL, turn=1),
                ReplyChunk(call=CALL, turn=1, text="Tell me."),
                UserTurnEnded(call=CALL, turn=2, text="where is my parcel 4271"),
            ]
        )
    )
    assert [(turn.number, turn.transcript) for turn in told.turns] == [(2, "where is my parcel 4271")]
