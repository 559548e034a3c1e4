"""The words that bridge a wait: a tool's filler while it starts, or a short phrase before the wait gets long."""

from itertools import pairwise

import pytest

from orchestra.language import DEFAULT_LANGUAGE
from orchestra_schemas import ReplyChunk, ToolRequested
from tests.voice.call.virtual_call import ANSWER, APOLOGY, HOLDING, TICK_S, WORD_S, VirtualCall

BRIDGES = ("One moment.", "Let me see.")
FILLER = "I am looking that up."
LONG_WAIT_S = 60


@pytest.fixture
def call() -> VirtualCall:
    return VirtualCall(bridges=BRIDGES)


def asks(call: VirtualCall, text: str = "where is my parcel") -> None:
    """The caller asks, and the agents begin to work."""
    call.says(text)
    call.works()


def fills(call: VirtualCall, text: str = FILLER, tool: str = "look_up") -> None:
    """A tool with a filler runs."""
    turn = call.conversation.turns.turn
    call.works(tool)
    call.conversation.take(ReplyChunk(call="call", turn=turn, text=text, agent="tracking", filler=True))


def heard(call: VirtualCall) -> list[str]:
    return [text for _, text in call.heard]


def test_a_caller_hears_a_word_within_the_limit_after_the_end_of_their_turn(call: VirtualCall) -> None:
    asks(call)
    call.wait(LONG_WAIT_S)
    first_at, first = call.heard_since(call.finished_at)[0]
    assert first == BRIDGES[0]
    assert 1.0 < first_at - TICK_S <= 1.5  # the line plays it a moment after it is said


@pytest.mark.parametrize("answered_after_s", [0.2, 0.8, 1.2, 1.4, 1.6, 2.0, 2.6, 4.0])
def test_an_answer_waits_for_the_end_of_the_bridge(call: VirtualCall, answered_after_s: float) -> None:
    asks(call)
    call.wait(answered_after_s)
    call.answers()
    call.wait(20)
    assert heard(call)[-1] == ANSWER
    for (began, text), (then, _) in pairwise(call.heard):
        assert then >= round(began + len(text.split()) * WORD_S, 1)


@pytest.mark.parametrize("voice_late_s", [0.2, 0.4])
def test_no_bridge_is_said_where_the_answer_is_about_to_sound(call: VirtualCall, voice_late_s: float) -> None:
    call.voice_late_s = voice_late_s
    asks(call)
    call.wait(1.2)
    call.answers()
    call.wait(20)
    assert heard(call) == [ANSWER]


def test_the_second_phrase_of_a_wait_is_another_one_and_much_later(call: VirtualCall) -> None:
    asks(call)
    call.wait(9)
    (first_at, first), (second_at, second) = call.heard
    assert (first, second) == (BRIDGES[0], HOLDING)
    assert second_at - first_at > 3.4


def test_bridges_change_from_wait_to_wait_and_none_apologizes(call: VirtualCall) -> None:
    for _ in range(4):
        asks(call)
        call.wait(2)
        call.answers()
        call.wait(6)
    assert [text for text in heard(call) if text != ANSWER] == [*BRIDGES, *BRIDGES]
    assert APOLOGY not in heard(call)


def test_no_bridge_is_said_into_a_pause_of_a_turn_that_is_not_over(call: VirtualCall) -> None:
    call.voice_starts()
    call.wait(1)
    call.voice_ends()
    call.wait(1.8)
    assert heard(call) == []


def test_without_a_limit_only_the_holding_phrase_is_said() -> None:
    call = VirtualCall(bridge_after_s=0)
    asks(call)
    call.wait(1.8)
    assert heard(call) == []
    call.wait(1)
    assert heard(call) == [HOLDING]


def test_a_filler_is_said_while_the_tool_starts(call: VirtualCall) -> None:
    asks(call)
    call.wait(0.4)
    fills(call)
    call.wait(0.2)
    assert heard(call) == [FILLER]
    call.wait(1)
    call.answers()
    call.wait(10)
    assert heard(call) == [FILLER, ANSWER]


def test_a_filler_is_not_said_after_the_sentence_that_the_model_gave_with_the_call(call: VirtualCall) -> None:
    asks(call)
    turn = call.conversation.turns.turn
    call.conversation.take(ReplyChunk(call="call", turn=turn, text="I will check that.", agent="tracking"))
    fills(call)
    call.wait(3)
    call.answers()
    call.wait(10)
    assert heard(call) == ["I will check that.", ANSWER]


def test_a_filler_is_said_after_all_if_the_tool_takes_long(call: VirtualCall) -> None:
    asks(call)
    turn = call.conversation.turns.turn
    call.conversation.take(ReplyChunk(call="call", turn=turn, text="I will check that.", agent="tracking"))
    fills(call)
    call.wait(8)
    assert heard(call) == ["I will check that.", FILLER]


def test_of_two_tools_after_each_other_only_a_slow_second_one_is_bridged(call: VirtualCall) -> None:
    asks(call)
    fills(call, "First.")
    call.wait(1)
    fills(call, "Second.")
    call.wait(2)
    assert heard(call) == ["First."]
    call.wait(3)
    assert heard(call) == ["First.", "Second."]


def test_a_question_for_keys_is_asked_at_once(call: VirtualCall) -> None:
    asks(call)
    turn = call.conversation.turns.turn
    call.conversation.take(ReplyChunk(call="call", turn=turn, text="I need your number.", agent="tracking"))
    fills(call, "Please key it in.", "collect_digits")
    call.wait(4)
    assert heard(call) == ["I need your number.", "Please key it in."]


def predicts(call: VirtualCall) -> None:
    """The caller stops, and their turn is predicted to be over; a tool with a filler runs for it."""
    call.voice_starts()
    call.wait(1)
    call.voice_ends()
    call.conversation.caller_stopped()
    call.conversation.turn_predicted("where is my parcel")
    fills(call)


def test_nothing_is_said_in_a_turn_that_is_only_predicted(call: VirtualCall) -> None:
    predicts(call)
    call.wait(1.8)
    assert heard(call) == []


def test_a_filler_of_a_predicted_turn_is_not_said_if_the_answer_is_there_when_it_ends(call: VirtualCall) -> None:
    predicts(call)
    call.answers()
    call.turn_ends("where is my parcel")
    call.wait(10)
    assert heard(call) == [ANSWER]


def test_a_filler_of_a_predicted_turn_is_said_when_it_ends_and_the_tool_still_runs(call: VirtualCall) -> None:
    predicts(call)
    call.wait(0.4)
    call.turn_ends("where is my parcel")
    call.wait(0.4)
    assert heard(call) == [FILLER]


def test_a_filler_of_a_turn_that_went_on_is_never_said(call: VirtualCall) -> None:
    predicts(call)
    call.voice_starts()
    call.conversation.caller_resumed()
    call.wait(1)
    call.voice_ends()
    call.turn_ends("where is my parcel four two")
    call.works()
    call.answers()
    call.wait(10)
    assert heard(call) == [ANSWER]


def test_a_turn_that_ends_without_words_does_not_leave_the_filler_for_the_next(call: VirtualCall) -> None:
    asks(call)
    turn = call.conversation.turns.turn
    call.conversation.take(ToolRequested(call="call", turn=turn, agent="a", name="look_up", tool_call_id="1"))
    call.answers()
    call.conversation.take(ReplyChunk(call="call", turn=turn, text=FILLER, agent="tracking", filler=True))
    call.wait(10)
    assert heard(call) == [ANSWER]


def test_the_platforms_bridges_are_several_short_and_no_apology() -> None:
    bridges = DEFAULT_LANGUAGE.phrases.bridges
    assert len(set(bridges)) == len(bridges) > 2
    assert all(len(bridge.split()) <= 4 and "sorry" not in bridge.lower() for bridge in bridges)
