"""The operator's microphone: what becomes a chunk of the call's media stream, and what is refused."""

import pytest

from orchestra.console.steering.microphone import LONGEST_FRAME_MS, SAMPLE_RATE, Microphone
from orchestra.errors import MalformedMessageError, RejectedError

FRAME = b"\1\0" * (SAMPLE_RATE * 40 // 1000)


class Time:
    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


def test_frames_follow_one_another_on_a_clock_that_begins_with_the_take_over() -> None:
    microphone = Microphone("01-x", Time())
    chunks = [microphone.take(FRAME) for _ in range(3)]
    assert [(each.speaker, each.offset_ms, each.sample_rate) for each in chunks] == [
        ("operator", 0, 16_000), ("operator", 40, 16_000), ("operator", 80, 16_000),
    ]  # fmt: skip
    assert chunks[0].audio == FRAME


def test_what_the_page_had_to_drop_counts() -> None:
    microphone = Microphone("01-x", Time())
    microphone.take(FRAME)
    microphone.skip(200)
    assert microphone.take(FRAME).offset_ms == 240


@pytest.mark.parametrize("frame", [b"", b"\1", bytes(LONGEST_FRAME_MS * 32 + 2)])
def test_a_frame_that_is_none_is_refused(frame: bytes) -> None:
    with pytest.raises(MalformedMessageError, match="not a frame"):
        Microphone("01-x", Time()).take(frame)


@pytest.mark.parametrize("ms", [0, -1, 60_001, True, 1.5, "40", None])
def test_a_pause_that_is_none_is_refused(ms: object) -> None:
    with pytest.raises(MalformedMessageError, match="milliseconds"):
        Microphone("01-x", Time()).skip(ms)


def accepted(microphone: Microphone) -> int:
    """How many frames it takes at once, 200 at most."""
    for number in range(200):
        try:
            microphone.take(FRAME)
        except RejectedError:
            return number
    return 200


def test_more_audio_than_time_passes_is_refused_and_a_stall_is_made_up_for() -> None:
    time = Time()
    microphone = Microphone("01-x", time)
    assert accepted(microphone) == pytest.approx(25, abs=1)
    time.now += 1.0
    assert accepted(microphone) == pytest.approx(25, abs=1)
    time.now += 60.0
    assert accepted(microphone) == pytest.approx(75, abs=1)
