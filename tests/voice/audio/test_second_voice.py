"""A second voice on the line, in samples."""

import numpy as np
import pytest

from orchestra.voice.audio.second_voice import PersonsEar, WaitingVoice, mixed

RATE = 8000


def pcm(*samples: int) -> bytes:
    return np.array(samples, np.int16).tobytes()


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (pcm(1, 2), pcm(10, 20), pcm(11, 22)),
        (pcm(1, 2), pcm(10), pcm(11, 2)),
        (b"", pcm(10), pcm(10)),
        (pcm(30000, -30000), pcm(30000, -30000), pcm(32767, -32768)),
    ],
)
def test_two_voices_are_heard_at_once(first: bytes, second: bytes, both: bytes) -> None:
    assert mixed(first, second) == both


def test_what_waits_too_long_is_dropped_from_its_beginning() -> None:
    voice = WaitingVoice(RATE, most_ms=1)
    voice.put(pcm(*range(10)))
    assert voice.take(4) == pcm(2, 3)
    voice.put(pcm(10))
    assert voice.take() == pcm(4, 5, 6, 7, 8, 9, 10)
    voice.put(pcm(1))
    voice.clear()
    assert voice.take() == b""


def test_silence_is_left_out_where_it_would_make_a_voice_late() -> None:
    voice = WaitingVoice(RATE)
    voice.put(pcm(*[0] * 500), quiet=True)
    voice.put(pcm(*[0] * 500), quiet=True)
    assert len(voice.take()) == 1000
    voice.put(pcm(*[9] * 500))
    voice.put(pcm(*[9] * 500))
    assert len(voice.take()) == 2000


def test_the_person_hears_the_agents_when_the_caller_does_and_nothing_that_was_cleared() -> None:
    ear, frame = PersonsEar(RATE), 160
    ear.put_agents(pcm(*[5] * frame))
    assert ear.put_caller(pcm(*[1] * frame)) == b""
    assert ear.put_caller(pcm(*[2] * frame)) == pcm(*[6] * frame, *[2] * frame)
    ear.put_agents(pcm(*[5] * 2 * frame))
    ear.put_caller(pcm(*[1] * frame))
    ear.clear_agents()
    assert ear.put_caller(pcm(*[1] * frame)) == pcm(*[6] * frame, *[1] * frame)
