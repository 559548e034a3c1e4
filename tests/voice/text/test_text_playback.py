"""How much of a text was heard: by the carrier's reports, or by the clock."""

import pytest

from orchestra.voice.text.text_playback import TextPlayback
from tests.voice.call.virtual_call import Clock

TEXT = "Your parcel is in Denver."


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def playback(clock: Clock) -> TextPlayback:
    playback = TextPlayback(clock.monotonic)
    playback.send(TEXT)
    return playback


def test_without_reports_words_are_heard_at_a_slow_pace(playback: TextPlayback, clock: Clock) -> None:
    assert (playback.reply_heard(), playback.finished) == ([], False)
    clock.now += 1.7
    assert playback.reply_heard() == ["Your", "parcel"]
    clock.now += 2.0
    assert (playback.reply_heard(), playback.finished) == (TEXT.split(), True)


def test_reports_count_instead_of_the_clock(playback: TextPlayback, clock: Clock) -> None:
    playback.played("Your")
    clock.now += 4.0
    assert (playback.reply_heard(), playback.finished) == (["Your"], False)
    playback.played("parcel is in Denver.")
    assert playback.finished


def test_reports_that_stay_away_end_a_text_after_a_while(playback: TextPlayback, clock: Clock) -> None:
    playback.played("Your")
    clock.now += 15.0
    assert playback.finished


def test_a_voice_that_has_fallen_silent_has_finished(playback: TextPlayback, clock: Clock) -> None:
    playback.agent_speaks(True)
    clock.now += 1.0
    playback.agent_speaks(False)
    assert not playback.finished  # it may breathe
    clock.now += 1.3
    assert playback.finished


def test_silence_before_the_first_sound_finishes_nothing(playback: TextPlayback, clock: Clock) -> None:
    playback.agent_speaks(False)
    clock.now += 1.5
    assert not playback.finished


def test_a_cut_says_what_was_heard_whatever_the_clock_thought(playback: TextPlayback, clock: Clock) -> None:
    clock.now += 2.5
    playback.cut("Your parcel")
    assert playback.reply_heard() == ["Your", "parcel"]
    clock.now += 60
    assert playback.reply_heard() == ["Your", "parcel"]


def test_what_a_cut_left_unsaid_can_be_sent_again_once(playback: TextPlayback, clock: Clock) -> None:
    playback.cut("Your parcel")
    assert playback.take_rest() == "is in Denver."
    playback.send("is in Denver.")
    assert playback.take_rest() == ""
    assert playback.words_with_audio == 5
    clock.now += 3
    assert playback.reply_heard() == TEXT.split()


def test_a_report_after_a_cut_is_late(playback: TextPlayback) -> None:
    playback.cut("Your parcel")
    playback.played("Your parcel is in")
    assert playback.reply_heard() == ["Your", "parcel"]


def test_words_of_an_earlier_reply_do_not_count(playback: TextPlayback, clock: Clock) -> None:
    clock.now += 10
    playback.begin_reply()
    playback.send("Anything else?")
    assert (playback.words_with_audio, playback.reply_heard()) == (2, [])
    playback.clear()
    assert (playback.words_with_audio, playback.sent_ms) == (0, 0.0)
