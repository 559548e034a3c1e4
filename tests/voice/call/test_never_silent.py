"""After the caller has finished, whatever fails, they soon hear something, and the wait has an end."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestra.history.reduce import history_of
from orchestra_schemas import DigitsRequested
from tests.voice.call.virtual_call import ANSWER, APOLOGY, HOLDING, VirtualCall, call

__all__ = ["call"]


def told(call: VirtualCall) -> list[str]:
    """What the caller is told from their last word on; asserts that it comes soon enough."""
    since = call.heard_since(call.finished_at)
    assert since, "nothing was heard"
    assert since[0][0] <= 2.5
    assert any(text != HOLDING and after_s <= 8.0 for after_s, text in since), since
    return [text for _, text in since]


def waits_s(call: VirtualCall) -> list[float]:
    """The times from the caller's last word to the first sound, and from one beginning of a sound to the next."""
    since = call.heard_since(call.finished_at)
    assert since, "nothing was heard"
    return [later - before for before, later in pairwise([0.0, *(after_s for after_s, _ in since)])]


def test_a_caller_whose_words_are_not_transcribed_is_asked_to_repeat(call: VirtualCall) -> None:
    call.says()
    call.wait(40)
    assert told(call) == [HOLDING, APOLOGY]


def test_a_caller_whose_words_are_not_transcribed_is_asked_each_time(call: VirtualCall) -> None:
    for _ in range(4):
        call.says()
        call.wait(12)
        assert told(call) == [HOLDING, APOLOGY]


def test_a_caller_whose_words_are_not_transcribed_is_asked_after_an_answer_too(call: VirtualCall) -> None:
    call.says("where is my parcel")
    call.works()
    call.answers()
    call.wait(5)
    call.says()
    call.wait(40)
    assert told(call) == [HOLDING, APOLOGY]


@pytest.mark.parametrize("stall_s", [1.5, 2.6])
@pytest.mark.parametrize("speaking_s", [0.4, 3.0])
def test_a_caller_who_speaks_during_a_stall_is_asked_to_repeat_even_without_a_transcript(
    call: VirtualCall, speaking_s: float, stall_s: float
) -> None:
    call.voice_starts()
    call.wait(speaking_s)
    call.stall(stall_s)
    call.wait(0.4)
    call.voice_ends()
    call.wait(40)
    assert told(call) == [HOLDING, APOLOGY]


def test_words_after_the_apology_are_asked_for_again_if_no_agent_answers(call: VirtualCall) -> None:
    call.says()
    call.wait(8)
    call.words_come("where is my parcel")
    late_at = call.clock.now
    call.wait(20)
    assert [text for _, text in call.heard_since(late_at)] == [HOLDING, APOLOGY]
    assert call.heard_since(late_at)[1][0] <= 8.0


def test_words_after_the_apology_are_answered(call: VirtualCall) -> None:
    call.says()
    call.wait(8)
    call.words_come("where is my parcel")
    call.works()
    call.wait(1)
    call.answers()
    call.wait(20)
    assert told(call)[2:] == [ANSWER]


def test_a_holding_phrase_does_not_talk_over_a_caller_who_continues(call: VirtualCall) -> None:
    call.says()
    call.wait(2.4)
    assert call.heard[-1][1] == HOLDING
    call.voice_starts()
    call.wait(6)
    assert not call.heard_since(call.clock.now - 5.8)
    call.voice_ends()
    call.wait(40)
    assert told(call) == [HOLDING, APOLOGY]


def test_a_cough_over_an_answer_is_not_apologised_for(call: VirtualCall) -> None:
    call.says("where is my parcel")
    call.answers(" ".join(["word"] * 40))
    call.wait(1)
    call.says(seconds=0.2)
    call.wait(40)
    assert APOLOGY not in told(call)


@pytest.mark.parametrize("late_s", [1.0, 2.5, 4.0, 6.0])
def test_an_answer_whose_voice_is_late_is_not_apologised_for(call: VirtualCall, late_s: float) -> None:
    call.voice_late_s = late_s
    call.says("what does a parcel cost")
    call.answers()
    call.wait(60)
    said = told(call)
    assert said[-1] == ANSWER
    assert set(said[:-1]) <= {HOLDING}


@pytest.mark.parametrize("after_s", [0.4, 1.8, 3.0, 5.0])
def test_agents_that_end_a_turn_without_a_word_leave_nobody_waiting(call: VirtualCall, after_s: float) -> None:
    call.says("where is my parcel")
    call.works()
    call.wait(after_s)
    call.answers("")
    call.wait(40)
    assert told(call) == [HOLDING, APOLOGY]


def test_agents_that_only_press_keys_have_answered(call: VirtualCall) -> None:
    call.says("for sales press one")
    call.works()
    call.conversation.take(DigitsRequested(call="call", turn=1, digits="1"))
    call.answers("")
    call.wait(40)
    assert not call.heard


def test_agents_that_work_for_long_and_answer_are_waited_for(call: VirtualCall) -> None:
    call.says("where is my parcel")
    call.works("look_up")
    call.wait(20)
    call.answers()
    call.wait(40)
    assert [text for _, text in call.heard] == [HOLDING, HOLDING, HOLDING, ANSWER]


def test_an_edge_that_takes_a_call_up_keeps_the_promise_of_the_one_that_died(call: VirtualCall) -> None:
    call.says()
    call.wait(5)
    assert [text for _, text in call.heard] == [HOLDING]
    heir = VirtualCall(call.clock)
    heir.conversation.resume(history_of(call.journal).resume, APOLOGY)
    heir.wait(10)
    assert [text for _, text in heir.heard] == [APOLOGY]


STEPS: dict[str, Callable[[VirtualCall], object]] = {
    "speaks": lambda call: call.says("where is my parcel"),
    "speaks unheard": lambda call: call.says(),
    "coughs": lambda call: call.says(seconds=0.2),
    "only listens": lambda call: call.says("okay"),
    "stall": lambda call: call.stall(2.6),
    "works": lambda call: call.works(),
    "works long": lambda call: call.works("look_up"),
    "answers": lambda call: call.answers(),
    "answers with nothing": lambda call: call.answers(""),
    "words come late": lambda call: call.words_come("where is it"),
    "voice starts": lambda call: call.voice_starts(),
    "short wait": lambda call: call.wait(1),
    "wait": lambda call: call.wait(5),
    "long wait": lambda call: call.wait(12),
}


@given(before=st.lists(st.sampled_from(sorted(STEPS)), max_size=12), words=st.sampled_from(["", "where is my parcel"]))
@example(before=["words come late", "long wait", "speaks unheard", "answers with nothing", "answers"], words="")
@settings(max_examples=150, deadline=None)
def test_a_caller_who_has_spoken_is_never_left_in_silence_whatever_came_before(before: list[str], words: str) -> None:
    call = VirtualCall()
    for step in before:
        STEPS[step](call)
    works_on = call.conversation.turns.reply_open and not words  # the agents still owe the answer before
    call.says(words)
    call.wait(40)
    if works_on:
        assert all(wait_s < 8.5 for wait_s in waits_s(call)), call.heard_since(call.finished_at)
    else:
        told(call)
