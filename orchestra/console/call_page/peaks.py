"""The waveforms of a recording: the loudest sample of each of some hundred equal parts, for both sides."""

import sys
import wave
from array import array
from typing import BinaryIO

import msgspec

from orchestra.errors import RejectedError

#: parts of a recording: two bytes each, one for either side
PARTS = 1_200
#: samples of a part that are looked at: all up to minutes, every n-th of a call of hours
_LOOKED_AT = 4_000
_SIDES = 2
_SAMPLE_BYTES = 2
_FULL_SCALE_BITS = 7


class Peaks(msgspec.Struct, frozen=True, kw_only=True):
    """``caller`` and ``agent`` have a byte for each part of the recording: 0 is silence, 255 full scale."""

    duration_s: float
    sample_rate: int
    caller: bytes
    agent: bytes


def read_peaks(file: BinaryIO, parts: int = PARTS) -> Peaks:
    """The peaks of a stereo recording, read part by part: an hour needs no more memory than a second. Blocks.

    Raises:
        RejectedError: this is no WAV file with two sides of 16-bit samples.
        OSError: it cannot be read.

    """
    try:
        with wave.open(file, "rb") as recording:
            if (recording.getnchannels(), recording.getsampwidth()) != (_SIDES, _SAMPLE_BYTES):
                msg = "the recording does not have two sides of 16-bit samples"
                raise RejectedError(msg)
            frames, rate = recording.getnframes(), recording.getframerate()
            if not rate:
                msg = "the recording states no sample rate"
                raise RejectedError(msg)
            size = max(1, -(-frames // parts))
            pairs = [_loudest(recording.readframes(size)) for _ in range(-(-frames // size))]
    except (wave.Error, EOFError) as error:
        msg = f"the recording is no WAV file: {error or 'it is cut'}"
        raise RejectedError(msg) from error
    return Peaks(
        duration_s=round(frames / rate, 3),
        sample_rate=rate,
        caller=bytes(caller for caller, _ in pairs),
        agent=bytes(agent for _, agent in pairs),
    )


def _loudest(block: bytes) -> tuple[int, int]:
    samples = array("h", block[: len(block) // (_SIDES * _SAMPLE_BYTES) * _SIDES * _SAMPLE_BYTES])
    if sys.byteorder == "big":
        samples.byteswap()
    step = _SIDES * max(1, len(samples) // _SIDES // _LOOKED_AT)
    return _peak(samples[0::step]), _peak(samples[1::step])


def _peak(samples: "array[int]") -> int:
    if not samples:
        return 0
    loudest, lowest = max(samples), min(samples)
    return min(255, max(loudest, -lowest) >> _FULL_SCALE_BITS)
