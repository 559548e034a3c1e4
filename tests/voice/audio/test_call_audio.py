"""One clock for both sides of a call, what is recorded of it, and what the caller has heard."""

import pytest

from orchestra.voice.audio.call_audio import CallAudio, is_audible, leading_silence
from orchestra.voice.audio.chunker import Chunk, Track
from orchestra.voice.audio.clock import CallClock
from orchestra.voice.audio.playback import PlaybackTracker
from orchestra.voice.carriers.port import AudioReceived


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pcm(ms: float, value: int = 1) -> bytes:
    return value.to_bytes(2, "little", signed=True) * int(ms * 8)


@pytest.mark.parametrize(
    ("stamps", "offsets"),
    [
        ([0, 20, 40], [0, 20, 40]),
        ([None, None, None], [0, 20, 40]),
        ([700, 720, 740], [0, 20, 40]),  # the carrier's stamps may begin anywhere
        ([0, 20, 100, 120], [0, 20, 100, 120]),  # three frames lost
        ([0, 25, 38], [0, 20, 40]),  # jitter of less than a frame is none
        ([0, 20, 0, 20], [0, 20, 40, 60]),  # stamps that go back are not believed
        ([0, 20, 900_000, 40], [0, 20, 40, 60]),  # nor are those that jump far
    ],
)
def test_a_callers_frame_has_its_place_on_the_calls_clock(stamps: list[int | None], offsets: list[int]) -> None:
    clock = CallClock(Time())
    assert [clock.frame(20, stamp) for stamp in stamps] == offsets


@pytest.mark.parametrize("gap_s", [5.5, 60.0, 3600.0])
def test_a_microphone_that_stood_still_leaves_a_gap_as_long_as_that(gap_s: float) -> None:
    time = Time()
    clock = CallClock(time)
    clock.frame(20, 0)
    time.now += gap_s
    before_ms = clock.now_ms
    assert clock.frame(20, round(gap_s * 1000)) == round(gap_s * 1000)
    assert clock.now_ms >= before_ms
    assert clock.frame(20, round(gap_s * 1000) + 20) == round(gap_s * 1000) + 20


def test_audio_that_waited_in_a_stalled_network_comes_before_the_gap() -> None:
    time = Time()
    clock = CallClock(time)
    clock.frame(20, 0)
    time.now += 8.0
    assert [clock.frame(20, stamp) for stamp in (20, 40, 7980, 8000)] == [20, 40, 7980, 8000]


@pytest.mark.parametrize("jump_ms", [3_600_000, -3_600_000])
def test_a_jump_in_the_stamps_without_time_for_it_moves_nothing_and_later_losses_count(jump_ms: int) -> None:
    clock = CallClock(Time())
    stamps = [4_000_000, 4_000_020, 4_000_040 + jump_ms, 4_000_060 + jump_ms, 4_000_180 + jump_ms]
    assert [clock.frame(20, stamp) for stamp in stamps] == [0, 20, 40, 60, 180]


def test_the_clock_goes_on_between_frames_and_without_any() -> None:
    time = Time()
    clock = CallClock(time)
    clock.frame(20)
    time.now += 0.5
    assert clock.now_ms == pytest.approx(520)


def test_frames_that_come_in_a_burst_move_the_clock_as_far_as_the_wait_before_them() -> None:
    time = Time()
    clock = CallClock(time)
    clock.frame(20)
    time.now += 0.1
    for _ in range(5):
        clock.frame(20)
    assert clock.now_ms == pytest.approx(120)


def test_chunks_are_200_ms_and_come_once_they_were_played() -> None:
    track = Track("agent")
    track.put(1000, pcm(450))
    assert track.take(1199) == []
    assert track.take(1400) == [Chunk("agent", 1000, pcm(200)), Chunk("agent", 1200, pcm(200))]


def test_the_end_of_what_the_agent_says_comes_as_soon_as_nothing_can_join_it() -> None:
    track = Track("agent")
    track.put(1000, pcm(250))
    assert track.take(1309) == [Chunk("agent", 1000, pcm(200))]
    assert track.take(1310) == [Chunk("agent", 1200, pcm(50))]
    track.put(1400, pcm(200))
    assert track.take(1600) == [Chunk("agent", 1400, pcm(200))]


def test_the_callers_audio_is_cut_into_whole_chunks_also_when_it_is_late() -> None:
    track = Track("caller")
    track.put(1000, pcm(250))
    assert track.take(9999) == [Chunk("caller", 1000, pcm(200))]
    assert track.take(9999, everything=True) == [Chunk("caller", 1200, pcm(50))]


def test_audio_that_is_sent_early_follows_the_audio_before_it() -> None:
    track = Track("agent")
    for at in (1000, 1010, 1020):
        track.put(at, pcm(40))
    assert track.end_ms == 1120
    assert track.ahead_ms(1100) == 20


def test_a_pause_between_two_sentences_is_a_gap_in_the_recording() -> None:
    track = Track("agent")
    track.put(0, pcm(100, 1))
    track.put(2000, pcm(100, 2))
    assert track.take(9999, everything=True) == [Chunk("agent", 0, pcm(100, 1)), Chunk("agent", 2000, pcm(100, 2))]


def test_a_late_frame_does_not_tear_a_sentence_apart() -> None:
    track = Track("agent")
    track.put(0, pcm(100))
    track.put(130, pcm(100))
    assert track.take(9999) == [Chunk("agent", 0, pcm(200))]


@pytest.mark.parametrize(("cut_ms", "left_ms"), [(150, 150), (400, 400), (500, 400), (0, 0)])
def test_audio_that_an_interruption_clears_from_the_carriers_buffer_is_not_recorded(cut_ms: int, left_ms: int) -> None:
    track = Track("agent")
    track.put(0, pcm(400))
    track.cut(cut_ms)
    assert sum(len(chunk.audio) for chunk in track.take(9999, everything=True)) == left_ms * 16


def test_after_a_cut_the_next_words_have_their_own_place() -> None:
    track = Track("agent")
    track.put(0, pcm(400))
    track.cut(150)
    track.put(1000, pcm(100))
    assert [chunk.offset_ms for chunk in track.take(9999, everything=True)] == [0, 1000]


@pytest.mark.parametrize(
    ("played_ms", "words"),
    [(0, []), (99, []), (100, ["one"]), (250, ["one"]), (300, ["one", "two"]), (500, ["one", "two", "three"])],
)
def test_a_word_is_heard_when_it_was_played_to_its_end(played_ms: float, words: list[str]) -> None:
    playback = PlaybackTracker()
    playback.queue_audio("a", 500)
    for text, after_ms in (("one", 0), ("two", 100), ("three", 300)):
        playback.place_word("a", text, after_ms)
    assert playback.words_played(played_ms) == words


def test_words_of_a_second_sentence_count_from_where_its_audio_begins() -> None:
    playback = PlaybackTracker()
    playback.queue_audio("a", 480)
    playback.place_word("a", "one", 0)
    playback.pad(40)
    playback.queue_audio("b", 400)
    playback.place_word("b", "two", 0)
    playback.place_word("b", "three", 200)
    assert playback.words_played(600) == ["one"]
    assert playback.words_played(680) == ["one", "two"]


def test_words_without_times_are_heard_with_the_end_of_their_audio() -> None:
    playback = PlaybackTracker()
    playback.queue_audio("a", 400)
    playback.place_word("a", "first sentence", None)
    playback.queue_audio("a", 400)
    playback.place_word("a", "second sentence", None)
    assert playback.words_played(399) == []
    assert playback.words_played(400) == ["first sentence"]
    assert playback.words_played(800) == ["first sentence", "second sentence"]


def test_nothing_was_heard_of_speech_whose_words_are_not_known_yet() -> None:
    playback = PlaybackTracker()
    playback.queue_audio("a", 400)
    assert playback.words_played(400) == []


def test_a_second_speech_of_the_same_name_starts_from_zero() -> None:
    playback = PlaybackTracker()
    playback.queue_audio("a", 400)
    playback.place_word("a", "one", 0)
    playback.begin_speech("a")
    playback.queue_audio("a", 400)
    playback.place_word("a", "two", 0)
    assert playback.words_played(400) == ["one"]


def test_audio_that_was_sent_but_not_played_was_not_heard() -> None:
    time = Time()
    audio = CallAudio(time)
    audio.take_caller_frame(AudioReceived(bytes(320)))
    audio.playback.queue_audio("a", 200)
    audio.playback.place_word("a", "one", 0)
    for _ in range(5):
        audio.take_agent_frame(pcm(40))
    assert audio.reply_heard() == []
    time.now += 0.2
    assert audio.reply_heard() == ["one"]


def test_an_interruption_leaves_in_the_recording_what_was_played() -> None:
    time = Time()
    audio = CallAudio(time)
    audio.take_caller_frame(AudioReceived(bytes(320)))
    audio.take_agent_frame(pcm(100))
    time.now += 0.06
    audio.clear()
    agent = [chunk for chunk in audio.take_chunks(everything=True) if chunk.speaker == "agent"]
    assert agent == [Chunk("agent", 20, pcm(60))]
    assert audio.end_ms == 80


def test_a_call_that_ends_in_mid_sentence_is_recorded_up_to_there() -> None:
    time = Time()
    audio = CallAudio(time)
    audio.take_caller_frame(AudioReceived(bytes(320)))
    audio.take_agent_frame(pcm(100))
    time.now += 0.04
    agent = [chunk for chunk in audio.take_chunks(everything=True) if chunk.speaker == "agent"]
    assert agent == [Chunk("agent", 20, pcm(40))]


def test_silence_is_not_audible_and_speech_is() -> None:
    assert not is_audible(pcm(20, 10))
    assert not is_audible(b"")
    assert is_audible(pcm(20, -3000))
    assert leading_silence(pcm(20, -3000)) == 0
    assert leading_silence(pcm(5, 10) + pcm(5, 300)) == 40
