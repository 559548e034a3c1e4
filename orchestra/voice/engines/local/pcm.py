"""Converts between floats (-1 … 1) and 16-bit PCM, and between sample rates."""

import numpy as np
import numpy.typing as npt
import soxr

from orchestra.errors import EngineError

_FULL_SCALE = 32_768.0


def resampled(samples: npt.NDArray[np.float32], rate: int, wanted: int) -> npt.NDArray[np.float32]:
    """The audio resampled to ``wanted`` Hz."""
    if rate == wanted or not samples.size:
        return samples
    return np.asarray(soxr.resample(samples, rate, wanted), np.float32)


def to_pcm16(samples: npt.NDArray[np.float32]) -> bytes:
    """Float samples as little-endian 16-bit PCM, clipped."""
    return (np.clip(samples, -1.0, 1.0) * (_FULL_SCALE - 1)).astype("<i2").tobytes()


def from_pcm16(pcm16: bytes) -> npt.NDArray[np.float32]:
    """Little-endian 16-bit PCM as float samples.

    Raises:
        EngineError: the audio ends within a sample.

    """
    if len(pcm16) % 2:
        msg = f"16-bit audio has an even number of bytes, not {len(pcm16)}"
        raise EngineError(msg)
    return np.frombuffer(pcm16, "<i2").astype(np.float32) / np.float32(_FULL_SCALE)
