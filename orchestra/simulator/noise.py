"""Noises behind a simulated caller: made here, the same for the same seed, or read from a file."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import soxr
from numpy.typing import NDArray

from orchestra.errors import UsageError
from orchestra.simulator.audio_files import read_wav
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

#: noise as it is repeated during a call: 8 kHz, 1.0 is full scale
Noise = NDArray[np.float32]
_SECONDS = 16
_MAINS_HZ = 50
#: in a fifty-cycle hum the odd harmonics are the loud ones
_HARMONICS = {1: 1.0, 2: 0.5, 3: 0.8, 4: 0.2, 5: 0.5, 7: 0.35, 9: 0.2, 11: 0.1}
#: pitch and pace of each person in the background, of one synthetic voice
_VOICES = (0.78, 0.86, 0.95, 1.04, 1.13, 1.24)
_BABBLE = (
    "I told her that the meeting was moved to Thursday, and nobody had read the message.",
    "Could you bring two coffees, one with milk, and the chocolate cake over there?",
    "We were in the mountains for a week, and it rained on every single day of it.",
    "He says that the new machine is faster, but they have not counted the repairs.",
    "The train leaves in twenty minutes, so we should pay and go now.",
    "No, that was his brother, the one who used to work at the bank in town.",
)


def make_noise(kind: str, seed: int, speak: Callable[[str], Samples]) -> Noise:
    """A noise with a level of 1.0 (RMS), to be repeated.

    Args:
        kind: ``babble`` (six people), ``street`` (its power falls by 3 dB an octave), ``hum`` (of a 50 Hz mains), or a
            WAV file.
        seed: another one gives another noise, except of a file.
        speak: a text as speech (8 kHz), for people in the background.

    Raises:
        UsageError: the file cannot be read, or is silent.

    """
    chance = np.random.default_rng(seed)
    match kind:
        case "babble":
            noise = _babble(chance, speak)
        case "street":
            noise = _pink(chance)
        case "hum":
            noise = _hum(chance)
        case _:
            noise = read_wav(Path(kind)).astype(np.float64)
    level = float(np.sqrt(np.mean(np.square(noise)))) if noise.size else 0.0
    if not level:
        msg = f"the noise {kind} is silent: give another WAV file"
        raise UsageError(msg)
    return cast("Noise", (noise / level).astype(np.float32))


def _pink(chance: np.random.Generator) -> NDArray[np.float64]:
    size = _SECONDS * SAMPLE_RATE
    spectrum = np.fft.rfft(chance.normal(size=size))
    at = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(at, 20.0)), size)


def _hum(chance: np.random.Generator) -> NDArray[np.float64]:
    at = np.arange(_SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    tones = sum(
        loudness * np.sin(2 * np.pi * (_MAINS_HZ * harmonic * at + chance.random()))
        for harmonic, loudness in _HARMONICS.items()
    )
    return tones + 0.05 * chance.normal(size=at.size)


def _babble(chance: np.random.Generator, speak: Callable[[str], Samples]) -> NDArray[np.float64]:
    said = [speak(text) for text in _BABBLE]
    size = _SECONDS * SAMPLE_RATE
    mixed = np.zeros(size)
    for pitch in _VOICES:
        own = [said[at].astype(np.float64) for at in chance.permutation(len(said))]
        voice = soxr.resample(np.concatenate(own), SAMPLE_RATE, round(SAMPLE_RATE / pitch))
        mixed += chance.uniform(0.6, 1.0) * np.resize(np.roll(voice, int(chance.integers(voice.size))), size)
    return mixed
