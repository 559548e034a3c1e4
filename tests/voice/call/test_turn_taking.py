"""The rules of turn taking, step by step."""

import pytest

from orchestra.history.ending import HangUp, Transfer
from orchestra.language.english.backchannel import is_backchannel
from orchestra.language.utterance import same_words
from orchestra.voice.call.actions import (
    Backchannel,
    ClearAudio,
    FlushSpeech,
    PrepareSpeech,
    ReplyCut,
    ReplyPlayed,
    ResumeAudio,
    Say,
    SendDtmf,
    SendMark,
    TurnEnded,
    TurnPredicted,
    TurnResumed,
)
from orchestra.voice.call.turn_taking import TurnTaking


@pytest.fixture
def turns() -> TurnTaking:
    """After the caller's first turn."""
    turns = TurnTaking()
    caller_says(turns, "where is my parcel")
    return turns


def caller_says(turns: TurnTaking, text: str, heard: str = "") -> list[object]:
    turns.caller_started(heard.split())
    turns.caller_stopped()
    return list(turns.turn_ended(text))


def test_the_greeting_is_turn_0_and_is_played() -> None:
    turns = TurnTaking()
    turns.begin_greeting()
    assert turns.chunk(0, "Hello.") == [Say(0, "Hello.")]
    assert turns.completed(0) == [FlushSpeech(), SendMark("0.0")]
    assert turns.mark_returned("0.0") == [ReplyPlayed(0, "Hello.", "")]


def test_turns_are_numbered_from_1() -> None:
    turns = TurnTaking()
    assert caller_says(turns, " one ") == [TurnEnded(1, "one")]
    assert caller_says(turns, "two") == [ReplyCut(1, ""), TurnEnded(2, "two")]


def test_a_reply_is_spoken_sentence_by_sentence_and_then_marked(turns: TurnTaking) -> None:
    assert turns.chunk(1, "It is", agent="tracking") == [Say(1, "It is")]
    assert turns.chunk(1, "in Denver.", voice="amy") == [Say(1, "in Denver.", "amy")]
    assert turns.completed(1) == [FlushSpeech(), SendMark("1.0")]
    assert turns.mark_returned("1.0") == [ReplyPlayed(1, "It is in Denver.", "tracking")]
    assert not turns.reply_open


def test_a_chunk_of_an_older_turn_is_never_spoken(turns: TurnTaking) -> None:
    caller_says(turns, "no, the other one")
    assert turns.chunk(1, "Your parcel is in Denver.") == []
    assert turns.completed(1) == []
    assert turns.chunk(2, "That one is in Boston.") == [Say(2, "That one is in Boston.")]


def test_a_chunk_of_a_turn_to_come_is_not_spoken(turns: TurnTaking) -> None:
    assert turns.chunk(2, "Hm.") == []


def test_nothing_is_spoken_while_the_caller_speaks(turns: TurnTaking) -> None:
    turns.caller_started([])
    assert turns.chunk(1, "Your parcel is in Denver.") == []
    turns.caller_stopped()
    assert turns.chunk(1, "Anything else?") == []
    assert turns.turn_ended("") == [Say(1, "Your parcel is in Denver."), Say(1, "Anything else?")]


def test_the_callers_words_end_the_reply_at_the_word_heard_last(turns: TurnTaking) -> None:
    turns.chunk(1, "Your parcel is in Denver.")
    assert turns.caller_started(["Your", "parcel"])
    assert turns.words_recognized("hello") == [ReplyCut(1, "Your parcel"), ClearAudio()]
    assert turns.words_recognized("hello") == []
    turns.caller_stopped()
    assert turns.turn_ended("stop") == [TurnEnded(2, "stop")]


def test_a_turn_that_ends_without_a_word_before_ends_the_reply_too(turns: TurnTaking) -> None:
    turns.chunk(1, "Your parcel is in Denver.")
    assert caller_says(turns, "stop", heard="Your") == [ReplyCut(1, "Your"), ClearAudio(), TurnEnded(2, "stop")]


def test_after_a_noise_the_reply_goes_on_where_it_was_paused(turns: TurnTaking) -> None:
    turns.chunk(1, "It was sent on Monday.")
    turns.chunk(1, "It is in Denver.")
    turns.completed(1)
    assert caller_says(turns, "", heard="It was sent on Monday. It is") == [ResumeAudio()]
    assert turns.mark_returned("1.0") == [ReplyPlayed(1, "It was sent on Monday. It is in Denver.", "")]


def test_what_the_agents_add_while_the_reply_is_paused_follows_it(turns: TurnTaking) -> None:
    turns.chunk(1, "It was sent on Monday.")
    turns.caller_started(["It"])
    assert turns.chunk(1, "It is in Denver.") == []
    turns.caller_stopped()
    assert turns.turn_ended("") == [ResumeAudio(), Say(1, "It is in Denver.")]


def test_audio_that_is_lost_while_it_is_paused_is_synthesized_again(turns: TurnTaking) -> None:
    for sentence in ("It was sent on Monday.", "It is in Denver.", "It comes on Friday."):
        turns.chunk(1, sentence)
    turns.completed(1)
    turns.caller_started(["It", "was", "sent", "on", "Monday.", "It", "is"])
    assert turns.tts_failed(["It", "was", "sent", "on", "Monday.", "It", "is"])
    assert turns.output_cleared() == []
    turns.caller_stopped()
    assert turns.turn_ended("") == [
        Say(1, "It is in Denver."),
        Say(1, "It comes on Friday."),
        FlushSpeech(),
        FlushSpeech(),
        SendMark("1.1"),
    ]
    assert turns.mark_returned("1.0") == []  # of before the cut: the carrier returns cleared marks too
    whole = "It was sent on Monday. It is in Denver. It comes on Friday."
    assert turns.mark_returned("1.1") == [ReplyPlayed(1, whole, "")]


def test_a_second_cut_counts_what_was_heard_before_the_first(turns: TurnTaking) -> None:
    turns.chunk(1, "It was sent on Monday.")
    turns.chunk(1, "It is in Denver.")
    turns.tts_failed(["It", "was", "sent", "on", "Monday.", "It"])
    turns.output_cleared()
    assert caller_says(turns, "stop", heard="It is")[0] == ReplyCut(1, "It was sent on Monday. It is")


def test_a_noise_before_the_first_word_of_a_reply_does_not_lose_it(turns: TurnTaking) -> None:
    turns.caller_started([])
    turns.caller_stopped()
    assert turns.turn_ended("") == []
    assert turns.chunk(1, "Yes.") == [Say(1, "Yes.")]


def test_the_reply_is_held_back_from_a_caller_who_still_speaks_when_the_turn_ends() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.caller_stopped()
    turns.caller_started([])
    assert turns.turn_ended("where is") == [TurnEnded(1, "where is")]
    assert turns.chunk(1, "Where is what?") == []
    assert turns.caller_stopped() == []
    assert turns.turn_ended("my parcel") == [ReplyCut(1, ""), TurnEnded(2, "my parcel")]


def test_an_end_of_turn_that_comes_when_the_caller_speaks_again_decides_nothing(turns: TurnTaking) -> None:
    turns.chunk(1, "Your parcel is in Denver.")
    turns.caller_started(["Your"])
    assert turns.turn_ended("") == []
    assert turns.words_recognized("hello") == [ReplyCut(1, "Your"), ClearAudio()]


def test_a_mark_that_returns_while_the_caller_speaks_does_not_count(turns: TurnTaking) -> None:
    turns.chunk(1, "Yes.")
    turns.completed(1)
    turns.caller_started(["Yes."])
    assert turns.mark_returned("1.0") == []


def test_the_agent_hangs_up_after_its_last_words_were_played(turns: TurnTaking) -> None:
    turns.chunk(1, "Good-bye.")
    assert turns.ending_requested(1, HangUp()) == []
    turns.completed(1)
    assert turns.mark_returned("1.0") == [ReplyPlayed(1, "Good-bye.", ""), HangUp()]


def test_an_agent_that_ends_the_call_without_a_word_ends_it_at_once(turns: TurnTaking) -> None:
    turns.ending_requested(1, Transfer("+15550002"))
    assert turns.completed(1) == [Transfer("+15550002")]


def test_a_caller_who_speaks_over_the_good_bye_keeps_the_call(turns: TurnTaking) -> None:
    turns.chunk(1, "Good-bye.")
    turns.ending_requested(1, HangUp())
    turns.completed(1)
    assert caller_says(turns, "wait", heard="") == [ReplyCut(1, ""), ClearAudio(), TurnEnded(2, "wait")]
    turns.output_cleared()
    turns.chunk(2, "Yes?")
    turns.completed(2)
    assert turns.mark_returned("2.0") == [ReplyPlayed(2, "Yes?", "")]


def test_a_noise_over_the_good_bye_does_not_keep_the_call(turns: TurnTaking) -> None:
    turns.chunk(1, "Good-bye.")
    turns.ending_requested(1, HangUp())
    turns.completed(1)
    caller_says(turns, "", heard="")
    assert turns.mark_returned("1.0") == [ReplyPlayed(1, "Good-bye.", ""), HangUp()]


def test_an_ending_of_a_reply_that_the_caller_has_ended_is_void(turns: TurnTaking) -> None:
    turns.chunk(1, "I am connecting you.")
    turns.caller_started([])
    turns.words_recognized("hello")
    assert turns.ending_requested(1, Transfer("+15550002")) == []
    assert turns.completed(1) == []


def test_chunks_after_the_end_of_a_reply_are_not_spoken(turns: TurnTaking) -> None:
    turns.chunk(1, "Yes.")
    turns.completed(1)
    assert turns.chunk(1, "And no.") == []


def test_the_engine_finishes_a_filler_before_the_wait(turns: TurnTaking) -> None:
    turns.chunk(1, "One moment.")
    assert turns.pause(1) == [FlushSpeech()]
    assert turns.pause(0) == []


def test_speech_that_the_engine_lost_is_repeated_from_the_sentence_that_was_cut(turns: TurnTaking) -> None:
    turns.chunk(1, "One two.")
    turns.chunk(1, "Three four.")
    assert turns.tts_failed(["One", "two.", "Three"])
    assert turns.output_cleared() == [Say(1, "Three four."), FlushSpeech()]


def test_an_engine_that_fails_while_nothing_is_said_changes_nothing(turns: TurnTaking) -> None:
    assert not turns.tts_failed([])
    assert turns.output_cleared() == []


def test_speech_that_the_engine_lost_is_repeated_only_after_the_caller_has_finished(turns: TurnTaking) -> None:
    turns.chunk(1, "One two.")
    turns.tts_failed([])
    turns.caller_started([])
    assert turns.output_cleared() == []
    turns.caller_stopped()
    assert turns.turn_ended("") == [Say(1, "One two."), FlushSpeech()]


def test_back_channels_do_not_end_the_reply(turns: TurnTaking) -> None:
    turns.chunk(1, "One two.")
    turns.caller_voice_heard([])
    turns.caller_started(["One"])
    assert turns.words_recognized("Mm-hmm.") == []
    turns.caller_stopped()
    assert turns.turn_ended("Mhm.") == [Backchannel(1, "Mhm."), ResumeAudio()]
    assert turns.turn == 1


@pytest.mark.parametrize(
    ("text", "listening"),
    [("Mhm.", True), ("Uh-huh, mm", True), ("Oh", True), ("Yes.", True), ("Hm, no", False), ("Amy", False)],
)
def test_listening_is_told_from_words(text: str, *, listening: bool) -> None:
    assert is_backchannel(text) == listening


def test_a_reply_to_predicted_words_is_held_back_until_the_turn_is_over() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    assert turns.turn_predicted("where is my parcel") == [TurnPredicted(1, "where is my parcel")]
    assert turns.chunk(1, "In Denver.") == [PrepareSpeech(Say(1, "In Denver."))]
    assert turns.words_in_flight == 0
    turns.caller_stopped()
    assert turns.turn_ended("Where is my parcel?") == [
        TurnEnded(1, "Where is my parcel?", predicted=True),
        Say(1, "In Denver."),
    ]
    assert turns.chunk(1, "It comes on Friday.") == [Say(1, "It comes on Friday.")]


def test_a_predicted_turn_is_void_if_the_caller_continues() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_predicted("where is my parcel")
    turns.chunk(1, "In Denver.")
    assert turns.caller_resumed() == [TurnResumed(1), ClearAudio()]
    assert turns.caller_resumed() == []
    assert turns.output_cleared() == []
    turns.caller_stopped()
    assert turns.turn_ended("where is my parcel 4271") == [TurnEnded(2, "where is my parcel 4271")]
    assert turns.chunk(1, "It comes on Friday.") == []
    assert turns.chunk(2, "In Boston.") == [Say(2, "In Boston.")]


def test_words_that_differ_from_the_prediction_make_the_predicted_turn_void() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_predicted("where is my parcel")
    assert turns.transcribed("Where is my parcel?") == []
    turns.caller_stopped()
    assert turns.turn_ended("where is my marvel") == [TurnResumed(1), TurnEnded(2, "where is my marvel")]


def test_a_prediction_ends_the_reply_before_and_a_second_one_the_first(turns: TurnTaking) -> None:
    turns.chunk(1, "Your parcel is in Denver.")
    turns.caller_started(["Your"])
    assert turns.turn_predicted("mhm") == []
    assert turns.turn_predicted("the other") == [ReplyCut(1, "Your"), ClearAudio(), TurnPredicted(2, "the other")]
    assert turns.words_recognized("the other") == []
    assert turns.turn_predicted("The other.") == []
    assert turns.turn_predicted("the other one") == [TurnResumed(2), TurnPredicted(3, "the other one")]
    assert turns.caller_turn == 3


def test_only_the_first_sentence_of_a_predicted_reply_is_synthesized_before_it_may_be_said() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_predicted("where is my parcel")
    assert turns.pause(1) == []
    assert turns.chunk(1, "In Denver.") == [PrepareSpeech(Say(1, "In Denver."))]
    assert turns.chunk(1, "It comes on Friday.") == []
    assert turns.completed(1) == []
    turns.caller_stopped()
    assert turns.turn_ended("Where is my parcel?")[:4] == [
        TurnEnded(1, "Where is my parcel?", predicted=True),
        FlushSpeech(),
        Say(1, "In Denver."),
        Say(1, "It comes on Friday."),
    ]


def test_keys_that_are_pressed_before_the_first_sentence_are_not_overtaken_by_its_speech() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_predicted("one please")
    assert turns.send_dtmf(1, "1") == []
    assert turns.chunk(1, "I pressed it.") == []


def test_a_second_prediction_is_prepared_when_the_speech_of_the_first_is_gone() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_predicted("where is")
    turns.chunk(1, "Where is what?")
    assert turns.turn_predicted("where is my parcel") == [
        TurnResumed(1),
        ClearAudio(),
        TurnPredicted(2, "where is my parcel"),
    ]
    assert turns.chunk(2, "In Denver.") == []
    assert turns.output_cleared() == [PrepareSpeech(Say(2, "In Denver."))]


def test_speech_that_is_lost_before_it_may_be_said_is_made_again() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_predicted("where is my parcel")
    turns.chunk(1, "In Denver.")
    assert turns.tts_failed([])
    assert turns.output_cleared() == [PrepareSpeech(Say(1, "In Denver."))]


def test_no_speech_is_made_for_a_predicted_turn_where_it_may_not_be() -> None:
    turns = TurnTaking(may_prepare_speech=lambda: False)
    turns.caller_started([])
    turns.turn_predicted("where is my parcel")
    assert turns.chunk(1, "In Denver.") == []
    assert turns.caller_resumed() == [TurnResumed(1)]


def test_a_predicted_turn_that_nobody_ends_counts_with_the_words_that_were_predicted() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_predicted("yes please")
    turns.caller_stopped()
    assert turns.turn_ended("") == [TurnEnded(1, "yes please", predicted=True)]


def test_transcripts_are_the_same_words_whatever_their_punctuation() -> None:
    assert same_words("Where is my parcel?", "where is my parcel")
    assert not same_words("Where is my parcel?", "where is my marvel")


def test_a_key_skips_the_rest_of_the_question_and_the_reply_continues(turns: TurnTaking) -> None:
    turns.chunk(1, "Key in your number.")
    turns.chunk(1, "Then press pound.")
    assert turns.key_pressed(["Key", "in"]) == [ClearAudio()]
    assert turns.key_pressed([]) == []
    assert turns.chunk(1, "Thank you.") == []
    assert turns.output_cleared() == [Say(1, "Thank you.")]
    turns.completed(1)
    assert turns.mark_returned("1.1") == [ReplyPlayed(1, "Key in Thank you.", "")]


def test_a_key_after_the_last_word_of_the_question_cuts_nothing(turns: TurnTaking) -> None:
    assert turns.key_pressed([]) == []
    turns.chunk(1, "Key it in.")
    assert turns.key_pressed(["Key", "it", "in."]) == []


def test_only_keys_that_a_telephone_has_are_pressed(turns: TurnTaking) -> None:
    assert turns.send_dtmf(1, "4a2\n#") == [FlushSpeech(), SendDtmf("42#")]
    assert turns.send_dtmf(1, "\n") == []


def test_a_message_is_left_whatever_is_being_said_and_then_the_call_ends(turns: TurnTaking) -> None:
    turns.chunk(1, "Hello there.")
    turns.caller_started(["Hello"])
    assert turns.say_and_hang_up("Call us back.", []) == [ReplyCut(1, "Hello"), ClearAudio(), ClearAudio()]
    assert turns.output_cleared() == [Say(1, "Call us back."), FlushSpeech(), SendMark("1.0")]
    assert turns.turn_ended("please leave a message") == []
    assert not turns.caller_started(["Call"])
    assert turns.output_cleared()[0] == Say(1, "Call us back.")
    assert turns.chunk(1, "What did you say?") == []
    assert turns.mark_returned("1.1") == [ReplyPlayed(1, "Call us back.", ""), HangUp()]


def test_a_void_prediction_tells_why_it_is_void(turns: TurnTaking) -> None:
    turns.caller_started([])
    turns.turn_predicted("where is")
    assert [action.reason for action in turns.caller_resumed() if isinstance(action, TurnResumed)] == ["resumed"]
    turns.turn_predicted("where is my parcel")
    void = turns.transcribed("where is my partner")
    assert [action.reason for action in void if isinstance(action, TurnResumed)] == ["other_words"]
