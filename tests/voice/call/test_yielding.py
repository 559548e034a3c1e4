"""The agent yields to words and not to listeners: the reply pauses at any voice, and the words decide."""

import pytest

from orchestra.voice.call.actions import (
    Action,
    Backchannel,
    ClearAudio,
    PauseAudio,
    ReplyCut,
    ResumeAudio,
    Say,
    TurnEnded,
)
from orchestra.voice.call.turn_taking import TurnTaking
from orchestra_schemas import BackchannelHeard, ReplySpoken
from tests.voice.call.virtual_call import Clock, VirtualCall

LONG = "Your parcel was sent from Denver on Monday and comes on Friday before noon."


@pytest.fixture
def turns() -> TurnTaking:
    """While the agent answers the caller's first turn."""
    turns = TurnTaking()
    turns.caller_started([])
    turns.caller_stopped()
    turns.turn_ended("where is my parcel")
    turns.chunk(1, LONG)
    return turns


def voice(turns: TurnTaking, *heard: str) -> list[Action]:
    actions = turns.caller_voice_heard(list(heard))
    if not turns.caller_took_turn:
        turns.caller_started(list(heard))
    return actions


@pytest.mark.parametrize("words_first", [True, False])
def test_a_back_channel_lets_the_reply_go_on_as_soon_as_the_voice_has_ended(
    turns: TurnTaking, *, words_first: bool
) -> None:
    voice(turns, "Your")
    assert turns.audio_paused
    tell = [lambda: turns.words_recognized("okay", so_far=True), turns.caller_voice_ended]
    first, second = tell if words_first else tell[::-1]
    assert first() == []
    assert second() == [ResumeAudio()]
    assert turns.turn_ended("Okay.") == [Backchannel(1, "Okay.")]
    assert turns.turn == 1


def test_on_a_line_that_echoes_a_sound_in_an_open_turn_pauses_nothing_but_words_do(
    turns: TurnTaking,
) -> None:
    turns.caller_started(["Your"])
    turns.caller_voice_ended()
    turns.pause_expired()
    assert turns.caller_voice_heard(["Your"], may_be_echo=True) == []
    assert not turns.audio_paused
    assert turns.words_recognized("stop", ["Your", "parcel"]) == [ReplyCut(1, "Your parcel"), ClearAudio()]


def test_a_noise_lets_the_reply_go_on_a_moment_after_it(turns: TurnTaking) -> None:
    voice(turns, "Your")
    assert turns.pause_expired() == []  # the voice has not ended
    assert turns.caller_voice_ended() == []
    assert turns.pause_expired() == [ResumeAudio()]
    assert turns.pause_expired() == []


def test_a_sound_that_does_not_become_a_voice_holds_the_reply_only_while_it_lasts(turns: TurnTaking) -> None:
    assert turns.voice_possible(["Your"]) == [PauseAudio()]
    assert turns.chunk(1, "Is that right?") == []
    assert turns.voice_not_begun() == [ResumeAudio(), Say(1, "Is that right?")]
    assert turns.turn == 1


def test_a_sound_that_becomes_a_voice_has_paused_the_reply_already(turns: TurnTaking) -> None:
    turns.voice_possible(["Your"])
    voice(turns, "Your")
    turns.voice_not_begun()
    assert turns.audio_paused
    assert turns.words_recognized("wait", so_far=True) == [ReplyCut(1, "Your"), ClearAudio()]


def test_a_sound_pauses_only_what_a_voice_would_pause(turns: TurnTaking) -> None:
    voice(turns, "Your")
    assert turns.voice_possible(["Your"]) == []
    turns.caller_voice_ended()
    assert turns.pause_expired() == [ResumeAudio()]
    turns.turn_ended("")
    assert turns.voice_possible(["Your"]) == [PauseAudio()]
    turns.voice_not_begun()
    turns.say_and_hang_up("Goodbye.", ["Your"])
    assert turns.voice_possible([]) == []


@pytest.mark.parametrize("words", ["wait", "no", "stop", "hold on", "what about Friday", "okay but", "right and then"])
def test_first_words_that_take_the_turn_end_the_reply_at_once(turns: TurnTaking, words: str) -> None:
    voice(turns, "Your", "parcel")
    assert turns.words_recognized(words, so_far=True) == [ReplyCut(1, "Your parcel"), ClearAudio()]


def test_a_back_channel_that_was_the_beginning_of_a_sentence_ends_the_reply_after_all(turns: TurnTaking) -> None:
    voice(turns, "Your")
    turns.words_recognized("okay", so_far=True)
    assert turns.caller_voice_ended() == [ResumeAudio()]
    assert turns.words_recognized("okay so", ["Your", "parcel"], so_far=True) == [
        ReplyCut(1, "Your parcel"),
        ClearAudio(),
    ]


def test_words_count_together_with_the_final_ones_before_them(turns: TurnTaking) -> None:
    voice(turns, "Your")
    turns.words_recognized("Yeah.")
    assert turns.caller_voice_ended() == [ResumeAudio()]
    assert voice(turns, "Your", "parcel") == [PauseAudio()]
    assert turns.words_recognized("no", so_far=True)[0] == ReplyCut(1, "Your parcel")


def test_a_back_channel_that_is_cut_in_two_lets_the_reply_go_on(turns: TurnTaking) -> None:
    voice(turns, "Your")
    assert turns.caller_voice_ended() == []
    assert turns.turn_predicted("Got") == []
    assert turns.words_recognized("Got") == []
    assert turns.words_recognized("it.") == [ResumeAudio()]
    assert turns.turn_ended("Got it.") == [Backchannel(1, "Got it.")]


@pytest.mark.parametrize("words", ["I", "All"])
def test_words_that_might_have_become_a_back_channel_take_the_turn_at_its_end(turns: TurnTaking, words: str) -> None:
    voice(turns, "Your")
    turns.caller_voice_ended()
    assert turns.words_recognized(words) == turns.pause_expired() == []
    assert turns.turn_ended(words)[:2] == [ReplyCut(1, "Your"), ClearAudio()]


def test_first_words_that_may_become_a_back_channel_decide_nothing(turns: TurnTaking) -> None:
    voice(turns, "Your")
    assert turns.words_recognized("I", so_far=True) == []
    assert turns.caller_voice_ended() == []
    assert turns.pause_expired() == []
    assert turns.turn_ended("I") == [ReplyCut(1, "Your"), ClearAudio(), TurnEnded(2, "I")]


@pytest.mark.parametrize(
    ("reply", "heard", "answered"),
    [
        (["It is in Denver.", "Is that right?"], "It is in Denver. Is", True),
        (["Is that right?", "If not, tell me the number."], "Is that right? If not,", True),
        (["It is in Denver.", "Is that right?"], "It is", False),
        (["You ask where?", "It is in Denver.", "It comes on Friday."], "You ask where? It is in Denver. It", False),
    ],
)  # fmt: skip
def test_a_back_channel_is_an_answer_only_where_a_question_was_just_asked(
    reply: list[str], heard: str, *, answered: bool
) -> None:
    turns = TurnTaking()
    turns.begin_greeting()
    for sentence in reply:
        turns.chunk(0, sentence)
    voice(turns, *heard.split())
    turns.caller_voice_ended()
    turns.caller_stopped()
    assert bool(TurnEnded(1, "okay") in turns.turn_ended("okay")) == answered


def test_a_reply_that_went_on_is_played_to_its_end(turns: TurnTaking) -> None:
    turns.completed(1)
    voice(turns, "Your")
    turns.words_recognized("mhm", so_far=True)
    turns.caller_voice_ended()
    assert turns.mark_returned("1.0")[0].text == LONG  # type: ignore[union-attr]
    assert turns.turn_ended("mhm") == [Backchannel(1, "mhm")]


def spoken_s(call: VirtualCall) -> float:
    return round(call.sounds_until - 1000, 1)


@pytest.mark.parametrize("text", ["okay", "mhm", ""])
def test_the_caller_misses_no_word_and_hears_only_the_paused_one_twice(text: str) -> None:
    call = VirtualCall(Clock())
    call.says("where is my parcel")
    call.answers(LONG)
    call.wait(2.2)  # in the sixth word
    call.says(text, seconds=0.4)
    call.wait(20)
    assert [event.text for event in call.journal if isinstance(event, ReplySpoken)] == [LONG]
    assert [(event.turn, event.text) for event in call.journal if isinstance(event, BackchannelHeard)] == (
        [(1, text)] if text else []
    )
    (whole_s, rest_s) = (len(LONG.split()) * 0.4, (len(LONG.split()) - 5) * 0.4)
    assert whole_s - 2.2 < rest_s < spoken_s(call) < 10
