"""What becomes of a caller's voice on its way to the edge: noise, a bad line, lost frames. The same for the same seed.

A call is divided into stretches, one for each time that the caller speaks or listens. What is done to a frame follows
from the seed, the name of its stretch and its place in that. So the same words give the same bytes in every run,
however long the agents took to answer before::

    run 1     listening 1 ......... turn 1 ▇▇▇▇▇ listening 2 ...
    run 2     listening 1 .. turn 1 ▇▇▇▇▇ listening 2 .......
                                    ╰───╯ these bytes are the same
"""

import hashlib
import random

import numpy as np
from numpy.typing import NDArray

from orchestra.simulator.noise import Noise
from orchestra.simulator.phone_line import FRAME_SAMPLES
from orchestra.voice.audio import mulaw
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

#: what callers' speech is brought to, so that a noise is as loud as it is meant to be: RMS of the audible parts
SPEECH_DBFS = -20.0
_AUDIBLE_DBFS = -45.0
_FULL = 32_768.0
_BAND_HZ = (500, 2_400)
_TAPS = 65
#: what a bad line passes at most: 6 dB above the level of speech, whose peaks are higher
_CLIPPED = _FULL * 10 ** ((SPEECH_DBFS + 6.0) / 20)
_LIMIT = 32_000


def at_speech_level(samples: Samples) -> Samples:
    """Speech (8 kHz) with a level of `SPEECH_DBFS`; silence stays silence."""
    windows = samples[: samples.size // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).astype(np.float64)
    power = np.mean(np.square(windows), axis=1)
    audible = power[power >= (_FULL * 10 ** (_AUDIBLE_DBFS / 20)) ** 2]
    if not audible.size:
        return samples
    gain = _FULL * 10 ** (SPEECH_DBFS / 20) / float(np.sqrt(audible.mean()))
    return np.clip(samples * gain, -_LIMIT, _LIMIT).astype(np.int16)


class DisturbedMicrophone:
    """The microphone of a `PhoneLine`, for one call.

    Args:
        seed: of the run.
        noise: what is heard behind the caller.
        snr_db: how much louder speech is, which must have been brought to its level.
        packet_loss: share of the frames that are lost, 0 to 0.9.
        loss_burst: how many of them are lost together, on average.
        bad_line: a narrow band, overdriven.
        gain_db: of the caller and the noise.

    """

    def __init__(
        self,
        seed: int,
        *,
        noise: Noise | None = None,
        snr_db: float = 15.0,
        packet_loss: float = 0.0,
        loss_burst: float = 3.0,
        bad_line: bool = False,
        gain_db: float = 0.0,
    ) -> None:
        self._seed = seed
        self._noise = None if noise is None else noise * np.float32(_FULL * 10 ** ((SPEECH_DBFS - snr_db) / 20))
        self._gain = np.float32(10 ** (gain_db / 20))
        self._band = _band_pass() if bad_line else None
        odds = packet_loss / (1 - packet_loss)
        self._ends = 1 / max(loss_burst, odds)  # with so much lost, there is never only one between two that arrive
        self._begins = odds * self._ends
        self.begin("")

    def begin(self, stretch: str) -> None:
        """The next frame is the first of this stretch of the call."""
        digest = hashlib.sha256(f"{self._seed} {stretch}".encode()).digest()
        self._chance = random.Random(digest)  # noqa: S311 - the same every time is what it is for
        self._at = self._chance.randrange(self._noise.size) if self._noise is not None else 0
        self._before: NDArray[np.float32] = np.zeros(_TAPS - 1, dtype=np.float32)
        self._losing = False

    def __call__(self, frame: bytes) -> bytes | None:
        """The frame as it arrives at the edge; None: it does not."""
        lost = self._is_lost()
        samples = mulaw.decode(frame).astype(np.float32)
        if self._noise is not None:
            samples += np.take(self._noise, np.arange(self._at, self._at + samples.size), mode="wrap")
            self._at = (self._at + samples.size) % self._noise.size
        samples *= self._gain
        if self._band is not None:
            passed = np.concatenate((self._before, samples))
            self._before = passed[samples.size :]
            samples = np.convolve(passed, self._band, "valid").clip(-_CLIPPED, _CLIPPED)
        return None if lost else mulaw.encode(np.clip(samples, -_LIMIT, _LIMIT).astype(np.int16))

    def _is_lost(self) -> bool:
        """Gilbert's model: good and bad times follow each other (E. N. Gilbert, BSTJ 39, 1960)."""
        if not self._begins:
            return False
        self._losing = self._chance.random() >= self._ends if self._losing else self._chance.random() < self._begins
        return self._losing


def _band_pass() -> NDArray[np.float32]:
    at = np.arange(_TAPS) - (_TAPS - 1) / 2
    low, high = (2 * hz / SAMPLE_RATE for hz in _BAND_HZ)
    taps = (high * np.sinc(high * at) - low * np.sinc(low * at)) * np.hamming(_TAPS)
    return taps.astype(np.float32)
