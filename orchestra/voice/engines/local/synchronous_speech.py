"""Local speech as plain synchronous functions, for use outside a pipeline: phrases, the simulated caller, checks."""

import os
from dataclasses import dataclass
from pathlib import Path

from orchestra.settings import load_settings
from orchestra.voice.engines.local.pcm import from_pcm16, resampled
from orchestra.voice.engines.local.piper import StreamingPiperVoice
from orchestra.voice.engines.local.whisper import RATE, WhisperTranscriber


@dataclass(frozen=True, slots=True)
class LocalSpeech:
    """The local models, loaded once. Its methods block: run them in a thread; several may run at once."""

    transcriber: WhisperTranscriber
    voice: StreamingPiperVoice

    @classmethod
    def load(cls, data_dir: Path | None = None) -> "LocalSpeech":
        """Load both models (about 2 s). ``data_dir`` keeps the notes of checked files; default: that of the settings.

        Raises:
            MissingExtraError: a library or model file is missing or damaged; the message says what to do.

        """
        notes = load_settings().data_dir if data_dir is None else data_dir
        threads = max(1, min(2, os.cpu_count() or 1))
        return cls(WhisperTranscriber.load(notes, threads), StreamingPiperVoice.load(notes, threads))

    def synthesize(self, text: str, rate: int | None = None) -> tuple[bytes, int]:
        """Speak ``text``: mono 16-bit PCM and its rate in Hz (the voice's own, 22,050, when ``rate`` is None).

        The same text gives the same audio.

        Raises:
            EngineError: the voice failed.

        """
        wanted = self.voice.rate if rate is None else rate
        return b"".join(sentence.pcm16 for sentence in self.voice.speak(text, wanted, steady=True)), wanted

    def transcribe(self, pcm16: bytes, rate: int, *, quick: bool = False) -> str:
        """The words in mono 16-bit PCM of ``rate`` Hz; "" when there is no speech.

        ``quick`` takes under a third of the time, with one more wrong word in a hundred.

        Raises:
            EngineError: the audio ends within a sample, or the model failed.

        """
        return self.transcriber.transcribe(resampled(from_pcm16(pcm16), rate, RATE), quick=quick)
