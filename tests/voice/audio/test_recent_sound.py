"""When the caller's last sound was, from the audio itself."""

import numpy as np
import pytest

from orchestra.voice.audio.recent_sound import RecentSound

RATE = 8000


def put(recent: RecentSound, *stretches: tuple[int, int], noise: int = 0) -> None:
    """Audio of these lengths (ms) and levels, in frames of 20 ms from position 0."""
    rng = np.random.default_rng(7)
    audio = np.concatenate([rng.normal(0, level, RATE * ms // 1000) for ms, level in stretches])
    audio = (audio + rng.normal(0, noise, audio.size)).astype(np.int16)
    for start in range(0, audio.size, 160):
        recent.put(start / 8, audio[start : start + 160].tobytes())


@pytest.mark.parametrize("late_ms", [0, 60, 110, 400])
@pytest.mark.parametrize("noise", [0, 20, 150])
def test_the_last_sound_is_found_however_late_its_end_is_reported(late_ms: int, noise: int) -> None:
    recent = RecentSound(RATE)
    put(recent, (900, 3000), (600, 0), noise=noise)
    assert recent.last_before(900 + late_ms) == pytest.approx(900, abs=10)


def test_a_sound_after_the_reported_end_is_not_the_callers_last() -> None:
    recent = RecentSound(RATE)
    put(recent, (400, 3000), (400, 0), (40, 3000), (60, 0))
    assert recent.last_before(500) == 400


def test_a_reported_end_stands_if_no_sound_stands_out() -> None:
    recent = RecentSound(RATE)
    assert recent.last_before(500) == 500
    put(recent, (1000, 200))
    assert recent.last_before(700) == 700


def test_only_the_last_second_is_kept() -> None:
    recent = RecentSound(RATE)
    put(recent, (60_000, 500))
    assert len(recent._frames) <= 52
