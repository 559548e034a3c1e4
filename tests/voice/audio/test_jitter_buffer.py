import pytest

from orchestra.voice.audio.jitter_buffer import CUSHION_MS, MOST_MS, JitterBuffer
from tests.voice.call.virtual_call import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_audio_that_comes_as_fast_as_it_is_played_has_silence_only_before_its_beginning(clock: Clock) -> None:
    buffer, before = JitterBuffer(clock.monotonic), []
    for _ in range(50):
        before.append(buffer.take(40))
        clock.now += 0.04
    assert before == [CUSHION_MS, *[0.0] * 49]


def test_pieces_that_come_a_little_late_are_played_without_a_gap(clock: Clock) -> None:
    buffer = JitterBuffer(clock.monotonic)
    for late_s in (0.0, 0.05, 0.0, 0.03, 0.05):
        clock.now += late_s
        buffer.take(40)
        clock.now += 0.04 - late_s
    assert buffer.take(40) == 0.0


def test_after_a_pause_of_the_network_what_comes_at_once_is_cut_to_a_short_delay(clock: Clock) -> None:
    buffer = JitterBuffer(clock.monotonic)
    buffer.take(40)
    clock.now += 1.0
    came = [buffer.take(40) for _ in range(25)]
    kept = [each for each in came if each is not None]
    assert came[0] == CUSHION_MS
    assert CUSHION_MS + 40 * len(kept) <= MOST_MS
    assert len(kept) >= 4
    clock.now += 0.2
    assert buffer.take(40) == 0.0


def test_a_delay_goes_away_with_the_silence_that_nobody_misses(clock: Clock) -> None:
    buffer = JitterBuffer(clock.monotonic)
    for _ in range(5):  # all at once
        buffer.take(40)
    left_out = 0
    for _ in range(10):
        clock.now += 0.04
        left_out += buffer.take(40, quiet=True) is None
    assert left_out == 3
    clock.now += 0.04
    assert buffer.take(40) == 0.0
