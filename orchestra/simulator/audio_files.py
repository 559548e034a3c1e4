"""Reads audio files for the caller to play, converts sample rates, and writes the recording of a call."""

import wave
from pathlib import Path
from typing import cast

import numpy as np
import soxr

from orchestra.errors import UsageError
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

_SAMPLE_BYTES = 2
#: accepted rates, in Hz; resampling an hour at 1 Hz would make 8,000 hours of it
_SLOWEST_HZ, _FASTEST_HZ = 4_000, 384_000


def to_telephone(pcm: bytes, rate: int, to_rate: int = SAMPLE_RATE) -> Samples:
    """Mono 16-bit little-endian audio of any rate (Hz) as samples at 8 kHz, or at another rate."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.int16)
    if rate == to_rate:
        return samples
    return cast("Samples", soxr.resample(samples, rate, to_rate))


def read_wav(path: Path, to_rate: int = SAMPLE_RATE) -> Samples:
    """A WAV file (16 bit, any rate; the first of several channels) as samples at 8 kHz, or at another rate.

    Raises:
        UsageError: the file does not exist, or is not 16-bit PCM.

    """
    return read_channels(path, to_rate)[0]


def read_channels(path: Path, to_rate: int = SAMPLE_RATE) -> list[Samples]:
    """Every channel of a WAV file (16 bit, any rate) as samples at 8 kHz, or at another rate.

    Raises:
        UsageError: the file does not exist, is not 16-bit PCM, or has a rate that is not used for speech.

    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            pcm = file.readframes(file.getnframes())
    except FileNotFoundError:
        msg = f"no such audio file: {path}"
        raise UsageError(msg) from None
    except (OSError, EOFError, RuntimeError, wave.Error) as error:  # RuntimeError: a chunk that is longer than the file
        msg = f"{path} cannot be read as audio ({error}): give a WAV file of 16-bit PCM"
        raise UsageError(msg) from None
    if width != _SAMPLE_BYTES:
        msg = f"{path} has {8 * width}-bit samples: give a WAV file of 16-bit PCM"
        raise UsageError(msg)
    if not _SLOWEST_HZ <= rate <= _FASTEST_HZ:
        msg = f"{path} is sampled at {rate} Hz: give a WAV file of {_SLOWEST_HZ} to {_FASTEST_HZ} Hz"
        raise UsageError(msg)
    pcm = pcm[: len(pcm) - len(pcm) % (channels * _SAMPLE_BYTES)]  # a truncated file may end within a sample
    framed = np.frombuffer(pcm, dtype="<i2").reshape(-1, channels)
    return [to_telephone(framed[:, channel].tobytes(), rate, to_rate) for channel in range(channels)]


def write_stereo(path: Path, left: Samples, right: Samples, rate: int = SAMPLE_RATE) -> None:
    """Write two tracks with one clock as a stereo WAV file of 16 bit; the shorter is padded with silence."""
    tracks = np.zeros((max(left.size, right.size), 2), dtype="<i2")
    tracks[: left.size, 0] = left
    tracks[: right.size, 1] = right
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(_SAMPLE_BYTES)
        file.setframerate(rate)
        file.writeframes(tracks.tobytes())
