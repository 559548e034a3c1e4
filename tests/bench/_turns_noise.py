"""Sounds that are no words: coughs, laughter, doors, keys, and what is heard in the background of a call."""

from collections.abc import Callable
from typing import cast

import numpy as np

from orchestra.voice.audio.mulaw import Samples
from tests.bench._turns_speech import RATE, level

_Floats = np.ndarray


def cough(random: np.random.Generator) -> Samples:
    """A burst of breath with the resonances of a throat, once or twice."""
    bursts = []
    for _ in range(int(random.integers(1, 3))):
        size = int(random.uniform(0.16, 0.3) * RATE)
        at = np.arange(size) / RATE
        shape = np.minimum(1, at / 0.015) * np.exp(-at / random.uniform(0.06, 0.12))
        breath = _resonant(
            random.normal(size=size), [(random.uniform(450, 800), 200), (random.uniform(1300, 1900), 400)]
        )
        bursts += [breath * shape, np.zeros(int(random.uniform(0.1, 0.25) * RATE))]
    return _out(np.concatenate(bursts[:-1]), -16.0)


def laugh(random: np.random.Generator) -> Samples:
    """Some voiced "ha": falling pitch, breath between."""
    parts, pitch = [], random.uniform(180, 300)
    for number in range(int(random.integers(3, 6))):
        size = int(0.11 * RATE)
        at = np.arange(size) / RATE
        phase = np.cumsum(np.full(size, pitch * 0.94**number)) / RATE
        voiced = 2 * (phase % 1) - 1 + 0.5 * random.normal(size=size)
        parts += [
            _resonant(voiced, [(750, 150), (1250, 200)]) * np.sin(np.pi * at * RATE / size),
            np.zeros(int(0.09 * RATE)),
        ]
    return _out(np.concatenate(parts[:-1]), -20.0)


def knock(random: np.random.Generator) -> Samples:
    """A door or a cup: a struck body that rings."""
    size = int(0.4 * RATE)
    at = np.arange(size) / RATE
    rings = sum(
        np.sin(2 * np.pi * random.uniform(90, 900) * at) * np.exp(-at / random.uniform(0.02, 0.09)) for _ in range(5)
    )
    return _out(rings + 0.3 * random.normal(size=size) * np.exp(-at / 0.01), -18.0)


def typing(random: np.random.Generator) -> Samples:
    """Keys of a keyboard for a second."""
    track = np.zeros(int(1.2 * RATE))
    at = 0.0
    while at < 1.1:
        size = int(0.02 * RATE)
        start = int(at * RATE)
        track[start : start + size] += (
            random.uniform(0.4, 1) * random.normal(size=size) * np.exp(-np.arange(size) / (0.004 * RATE))
        )
        at += random.uniform(0.07, 0.2)
    return _out(track, -24.0)


SOUNDS: dict[str, Callable[[np.random.Generator], Samples]] = {
    "cough": cough,
    "laugh": laugh,
    "knock": knock,
    "typing": typing,
}


def bed(kind: str, seconds: float, dbfs: float, random: np.random.Generator, talk: list[Samples]) -> Samples:
    """What is heard behind the caller all the time: ``street`` (falling spectrum) or ``voices`` of others."""
    size = int(seconds * RATE)
    if kind == "street":
        spectrum = np.fft.rfft(random.normal(size=size))
        spectrum /= np.sqrt(np.arange(spectrum.size) + 20)
        return _out(np.fft.irfft(spectrum, size), dbfs)
    mixed = np.zeros(size)
    for _ in range(4):
        track = np.concatenate([talk[int(at)] for at in random.permutation(len(talk))]).astype(np.float64)
        mixed += np.resize(np.roll(track, int(random.integers(track.size))), size)
    return _out(mixed, dbfs)


def _resonant(samples: _Floats, formants: list[tuple[float, float]]) -> _Floats:
    spectrum = np.fft.rfft(samples)
    at = np.fft.rfftfreq(samples.size, 1 / RATE)
    gain = sum(1 / (1 + ((at - centre) / width) ** 2) for centre, width in formants)
    return np.fft.irfft(spectrum * gain, samples.size)


def _out(samples: _Floats, dbfs: float) -> Samples:
    peak = np.abs(samples).max() or 1.0
    return level(cast("Samples", (samples / peak * 30_000).astype(np.int16)), dbfs)
