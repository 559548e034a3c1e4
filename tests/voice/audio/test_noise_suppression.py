"""Noise is taken out of what the caller says, and what they say stays."""

import sys

import numpy as np
import pytest

from orchestra.errors import MissingExtraError
from orchestra.voice.audio.noise_suppression import RATE, NoiseSuppressor, Strength, check_installed

_SECONDS = 3


def power(samples: np.ndarray) -> float:
    return float(np.mean(np.square(samples.astype(np.float64))))


def suppressed(samples: np.ndarray, strength: Strength, size: int) -> np.ndarray:
    suppressor = NoiseSuppressor(strength)
    pieces = [suppressor.suppress(samples[at : at + size].tobytes()) for at in range(0, samples.size, size)]
    return np.frombuffer(b"".join(pieces), np.int16)


@pytest.mark.parametrize(("strength", "db"), [("moderate", 5), ("strong", 12)])
def test_steady_noise_becomes_quiet_and_a_voice_over_it_stays(strength: Strength, db: float) -> None:
    random = np.random.default_rng(4)
    noise = random.normal(size=_SECONDS * RATE) * 300
    time = np.arange(RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 140 * harmonic * time) / harmonic for harmonic in range(1, 12))
    syllables = 4000 * voice * (np.sin(2 * np.pi * 3 * time) > 0)
    heard = noise.copy()
    heard[-RATE:] += syllables
    cleaned = suppressed(heard.astype(np.int16), strength, 640)
    assert 10 * np.log10(power(noise[RATE : 2 * RATE]) / power(cleaned[RATE : 2 * RATE])) > db
    assert 10 * np.log10(power(syllables) / power(cleaned[-RATE:])) < 3


@pytest.mark.parametrize("size", [320, 640, 321, 100])
def test_nothing_is_lost_however_the_audio_is_cut(size: int) -> None:
    samples = (np.random.default_rng(4).normal(size=RATE) * 300).astype(np.int16)
    assert np.array_equal(suppressed(samples, "moderate", size), suppressed(samples, "moderate", 160))


def test_a_package_that_is_missing_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webrtc_noise_gain", None)
    check_installed("off")
    with pytest.raises(MissingExtraError, match="webrtc-noise-gain"):
        check_installed("moderate")
