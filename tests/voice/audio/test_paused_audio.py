"""Audio that is paused: nothing of it is lost, and it goes on from the beginning of a word."""

import numpy as np

from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.pipeline.paused_audio import Part, PausedAudio
from tests.voice.call.virtual_call import Clock

FRAME_MS = 40


def frames(count: int, first: int = 0) -> list[bytes]:
    """Frames whose samples are their number, from 1 on."""
    return [np.full(FRAME_MS * 8, first + number + 1, np.int16).tobytes() for number in range(count)]


def taken(paused: PausedAudio) -> list[Part]:
    parts: list[Part] = []
    while (part := paused.take()) is not None:
        parts.append(part)
    return parts


def numbers(parts: list[Part]) -> list[int]:
    """The number of each frame, from its last sample: the first samples of a pause's end fade in."""
    return [int(np.frombuffer(part, np.int16)[-1]) for part in parts if isinstance(part, bytes)]


def test_what_was_not_played_comes_first_and_then_what_was_never_sent() -> None:
    paused = PausedAudio(8000)
    for frame in frames(5):
        assert not paused.keep(frame)
        paused.sent(frame)
    fading = np.frombuffer(paused.pause(80.0), np.int16)
    assert fading.size == 30 * 8
    assert fading[0] == 4
    assert fading[-1] == 0
    assert paused.keep(frames(1, first=5)[0])
    assert paused.take() is None
    paused.release(0.0)
    assert numbers(taken(paused)) == [4, 5, 6]


def test_it_goes_on_from_the_word_that_was_paused() -> None:
    paused = PausedAudio(8000)
    for frame in frames(5):
        paused.sent(frame)
    paused.pause(40.0)
    paused.release(60.0)
    parts = taken(paused)
    assert numbers(parts) == [3, 4, 5]
    assert len(parts[0]) == 20 * 16


def test_a_mark_stays_behind_its_audio_and_is_sent_again() -> None:
    paused = PausedAudio(8000)
    paused.sent("older")
    for part in [*frames(2), "mark"]:
        paused.sent(part)
    paused.pause(40.0)
    assert paused.keep("last")
    paused.release(0.0)
    parts = taken(paused)
    assert numbers(parts) == [2]
    assert parts[1:] == ["mark", "last"]


def test_what_is_paused_a_second_time_waits_behind_what_is_sent_again() -> None:
    paused = PausedAudio(8000)
    for frame in frames(3):
        paused.sent(frame)
    paused.pause(80.0)
    paused.keep(frames(1, first=3)[0])
    paused.release(0.0)
    first = paused.take()
    assert isinstance(first, bytes)
    paused.sent(first)
    paused.pause(40.0)
    assert paused.take() is None
    paused.release(0.0)
    assert numbers(taken(paused)) == [2, 3, 4]


def test_after_an_interruption_nothing_is_left() -> None:
    paused = PausedAudio(8000)
    paused.sent(frames(1)[0])
    paused.pause(40.0)
    paused.keep("mark")
    paused.clear()
    assert not paused.on
    assert paused.take() is None
    assert not paused.keep("next")


def test_the_words_that_were_heard_are_the_same_after_a_pause() -> None:
    clock = Clock()
    audio = CallAudio(clock.monotonic)
    audio.playback.begin_speech("a")
    for number, word in enumerate(("one", "two", "three", "four")):
        audio.playback.place_word("a", word, number * 400.0)
    audio.playback.queue_audio("a", 1600.0)
    audio.take_agent_frame(bytes(1600 * 16))
    clock.now += 0.9
    assert round(audio.pause()) == 700
    assert audio.reply_heard() == ["one", "two"]
    clock.now += 0.3
    assert round(audio.rewind(1000.0)) == 100  # "three" has just begun
    clock.now += 5
    audio.take_agent_frame(bytes(800 * 16))
    clock.now += 0.5
    assert audio.reply_heard() == ["one", "two", "three"]
    clock.now += 0.4
    assert audio.reply_heard() == ["one", "two", "three", "four"]


def test_a_long_word_is_not_said_again_from_its_beginning() -> None:
    clock = Clock()
    audio = CallAudio(clock.monotonic)
    audio.playback.place_word("a", "supercalifragilistic", 0.0)
    audio.playback.queue_audio("a", 3000.0)
    audio.take_agent_frame(bytes(3000 * 16))
    clock.now += 2
    audio.pause()
    clock.now += 0.3
    assert audio.rewind(1000.0) == 0


def test_after_a_pause_that_is_hardly_noticed_no_word_is_said_again() -> None:
    clock = Clock()
    audio = CallAudio(clock.monotonic)
    audio.playback.place_word("a", "one", 0.0)
    audio.playback.queue_audio("a", 400.0)
    audio.take_agent_frame(bytes(400 * 16))
    clock.now += 0.2
    audio.pause()
    clock.now += 0.15
    assert audio.rewind(1000.0) == 0
