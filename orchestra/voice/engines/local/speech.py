"""Local speech as plain synchronous functions, for whoever needs no pipeline: phrases, the simulated caller, checks."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from orchestra.errors import EngineError
from orchestra.settings import load_settings
from orchestra.voice.engines.local.piper import Voice
from orchestra.voice.engines.local.whisper import RATE, Transcriber

_FULL_SCALE = 32_768.0


@dataclass(frozen=True, slots=True)
class LocalSpeech:
    """The local models, loaded once. Its methods block: run them in a thread; several may run at once."""

    transcriber: Transcriber
    voice: Voice

    @classmethod
    def load(cls, data_dir: Path | None = None) -> "LocalSpeech":
        """Load both models (about 2 s). ``data_dir`` keeps the notes of checked files; None: the setting's.

        Raises:
            MissingExtraError: a library or model file is missing or damaged; the message says what to do.

        """
        notes = load_settings().data_dir if data_dir is None else data_dir
        threads = max(1, min(2, os.cpu_count() or 1))
        return cls(Transcriber.load(notes, threads), Voice.load(notes, threads))

    def synthesize(self, text: str, rate: int | None = None) -> tuple[bytes, int]:
        """Speak ``text``: mono 16-bit PCM and its rate in Hz (the voice's own, 22,050, when ``rate`` is None).

        Raises:
            EngineError: the voice failed.

        """
        parts = [sentence.samples for sentence in self.voice.speak(text)]
        samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        wanted = self.voice.rate if rate is None else rate
        return to_pcm16(resampled(samples, self.voice.rate, wanted)), wanted

    def transcribe(self, pcm16: bytes, rate: int) -> str:
        """The words in mono 16-bit PCM of ``rate`` Hz; "" when there is no speech.

        Raises:
            EngineError: the audio is not whole samples, or the model failed.

        """
        if len(pcm16) % 2:
            msg = f"16-bit audio has an even number of bytes, not {len(pcm16)}"
            raise EngineError(msg)
        samples = np.frombuffer(pcm16, np.int16).astype(np.float32) / _FULL_SCALE
        return self.transcriber.transcribe(resampled(samples, rate, RATE))


def resampled(samples: npt.NDArray[np.float32], rate: int, wanted: int) -> npt.NDArray[np.float32]:
    """The same sound at ``wanted`` Hz."""
    if rate == wanted or not samples.size:
        return samples
    return np.asarray(soxr.resample(samples, rate, wanted), np.float32)


def to_pcm16(samples: npt.NDArray[np.float32]) -> bytes:
    """Float samples (-1 … 1) as little-endian 16-bit PCM, clipped."""
    return (np.clip(samples, -1.0, 1.0) * (_FULL_SCALE - 1)).astype("<i2").tobytes()
