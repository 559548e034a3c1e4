"""A reply to a predicted turn: heard when the turn ends so, and by nobody otherwise."""

import pytest

from orchestra.voice.call.prediction_limit import PredictionLimit
from orchestra_schemas import ReplySpoken, UserTurnEnded, UserTurnPredicted, UserTurnResumed
from tests.voice.call.virtual_call import ANSWER, VirtualCall, call

__all__ = ["call"]

WORDS = "Where is my parcel?"


def predicted(call: VirtualCall, text: str = WORDS, *, likely: bool = True) -> None:
    call.voice_starts()
    call.wait(1.0)
    call.conversation.caller_paused(0.1)
    call.conversation.turn_predicted(text, likely=likely)


def turns(call: VirtualCall) -> list[tuple[str, int]]:
    kinds = (UserTurnPredicted, UserTurnResumed, UserTurnEnded)
    return [(type(event).__name__[8:], event.turn) for event in call.journal if isinstance(event, kinds)]


def end(call: VirtualCall, text: str) -> None:
    call.voice_ends()
    call.words_come(text)


def test_a_confirmed_prediction_is_answered_once(call: VirtualCall) -> None:
    predicted(call)
    call.answers()
    call.wait(1.0)
    assert call.heard == []
    end(call, WORDS)
    call.wait(3.0)
    assert turns(call) == [("Predicted", 1), ("Ended", 1)]
    assert [text for _, text in call.heard] == [ANSWER]


@pytest.mark.parametrize(("early_s", "waits_s"), [(0.0, 1.0), (0.4, 0.6), (1.0, 0.2), (1.6, 0.2)])
def test_a_caller_waits_only_for_what_is_not_made_of_the_speech_when_the_turn_ends(
    call: VirtualCall, early_s: float, waits_s: float
) -> None:
    call.voice_late_s = 1.0
    predicted(call)
    call.answers()
    call.wait(early_s)
    ended = call.clock.now
    end(call, WORDS)
    call.wait(4.0)
    ((waited_s, text),) = call.heard_since(ended)
    assert (waited_s, text) == (pytest.approx(waits_s, abs=0.01), ANSWER)  # the line looks every 0.2 s


def test_a_second_prediction_does_not_get_the_speech_of_the_first(call: VirtualCall) -> None:
    call.voice_late_s = 1.0
    predicted(call)
    call.answers("Which one?")
    call.wait(1.0)
    call.conversation.caller_resumed()
    call.conversation.turn_predicted("Where is my parcel 4271?")
    call.answers()
    ended = call.clock.now
    end(call, "Where is my parcel 4271?")
    call.wait(4.0)
    assert call.heard_since(ended) == [(pytest.approx(1.0, abs=0.01), ANSWER)]


def test_a_prediction_dates_from_the_last_sound_before_the_pause(call: VirtualCall) -> None:
    predicted(call)
    (event,) = [event for event in call.journal if isinstance(event, UserTurnPredicted)]
    assert event.speech_ended_at == pytest.approx(call.clock.now - 0.1)


def test_a_final_of_one_stretch_of_the_predicted_words_leaves_the_prediction(call: VirtualCall) -> None:
    predicted(call, f"Good morning. {WORDS}")
    call.answers()
    call.conversation.final(WORDS)
    end(call, f"Good morning. {WORDS}")
    assert turns(call) == [("Predicted", 1), ("Ended", 1)]


def test_a_reply_to_words_that_were_not_said_is_never_heard(call: VirtualCall) -> None:
    predicted(call)
    call.answers("It is at home.")
    end(call, "Where is my marvel?")
    call.answers()
    call.wait(3.0)
    assert turns(call) == [("Predicted", 1), ("Resumed", 1), ("Ended", 2)]
    assert [text for _, text in call.heard] == [ANSWER]


def test_a_caller_who_goes_on_is_answered_with_all_their_words(call: VirtualCall) -> None:
    predicted(call)
    call.answers("Which one?")
    call.conversation.caller_resumed()
    call.wait(1.0)
    end(call, f"{WORDS} 4271.")
    call.answers()
    call.wait(3.0)
    assert turns(call) == [("Predicted", 1), ("Resumed", 1), ("Ended", 2)]
    assert [text for _, text in call.heard] == [ANSWER]


def test_what_is_said_over_the_reply_is_predicted_and_ends_it(call: VirtualCall) -> None:
    call.says("Tell me everything.")
    call.answers("There is a lot to say about this parcel, which came from far away.")
    call.wait(1.2)
    predicted(call, "Stop, where is it now?")
    end(call, "Stop, where is it now?")
    call.answers()
    call.wait(3.0)
    assert turns(call)[1:] == [("Predicted", 2), ("Ended", 2)]
    assert [event.turn for event in call.journal if isinstance(event, ReplySpoken)] == [2]


def test_a_backchannel_is_not_predicted(call: VirtualCall) -> None:
    call.says("Tell me everything.")
    call.answers("There is a lot to say about this parcel, which came from far away.")
    call.wait(1.2)
    predicted(call, "Okay.")
    assert turns(call) == [("Ended", 1)]


def test_words_before_the_caller_has_taken_the_turn_are_not_predicted(call: VirtualCall) -> None:
    call.conversation.turn_predicted(WORDS)
    assert turns(call) == []


def test_a_turn_is_predicted_wrongly_twice_at_most(call: VirtualCall) -> None:
    predicted(call)
    for _ in range(3):
        call.conversation.caller_resumed()
        call.conversation.turn_predicted(WORDS)
    assert turns(call).count(("Resumed", 2)) == 1
    assert len(turns(call)) == 4


def test_a_caller_who_often_goes_on_is_predicted_in_a_quarter_of_the_turns_at_most() -> None:
    limit, wasted = PredictionLimit(), 0
    for _ in range(400):
        for _ in range(5):
            if limit.allows(likely=True):
                limit.wasted()
                wasted += 1
        limit.turn_ended()
    assert wasted <= 100 + 3


def test_after_a_wrong_prediction_only_likely_ones_are_made() -> None:
    limit = PredictionLimit()
    for _ in range(2):
        limit.wasted()
        limit.turn_ended()
    assert limit.allows(likely=True)
    assert not limit.allows(likely=False)
