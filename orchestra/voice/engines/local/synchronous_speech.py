"""Local speech as plain synchronous functions, for use outside a pipeline: phrases, the simulated caller, checks."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestra.language.registry import DEFAULT_CODE
from orchestra.language.tags import base_of
from orchestra.settings import load_settings
from orchestra.voice.engines.local.espeak import EspeakVoice, espeak_folder, espeak_voice
from orchestra.voice.engines.local.languages import is_multilingual
from orchestra.voice.engines.local.pcm import from_pcm16, resampled
from orchestra.voice.engines.local.pico import PicoVoice, pico_voice
from orchestra.voice.engines.local.piper import PIPER_VOICE, SpokenPiece, StreamingPiperVoice
from orchestra.voice.engines.local.whisper import RATE, WhisperTranscriber


@dataclass(frozen=True, slots=True)
class LocalSpeech:
    """The local models, loaded once. Its methods block: run them in a thread; several may run at once.

    English has models of its own. Other languages need the extra `local-multilingual`; without it they are left to the
    English ones, which is only good enough as a fallback for a moment.
    """

    transcriber: WhisperTranscriber
    voice: StreamingPiperVoice
    multilingual: WhisperTranscriber | None = None
    espeak: EspeakVoice | None = None
    pico: PicoVoice | None = None

    @classmethod
    def load(cls, data_dir: Path | None = None) -> "LocalSpeech":
        """Load both models (about 2 s). ``data_dir`` keeps the notes of checked files; default: that of the settings.

        Raises:
            MissingExtraError: a library or model file is missing or damaged; the message says what to do.

        """
        notes = load_settings().data_dir if data_dir is None else data_dir
        threads = max(1, min(2, os.cpu_count() or 1))
        return cls(
            WhisperTranscriber.load(notes, threads),
            StreamingPiperVoice.load(notes, threads),
            WhisperTranscriber.load(notes, threads, multilingual=True) if is_multilingual() else None,
            EspeakVoice() if espeak_folder() else None,
            PicoVoice() if pico_voice("es") else None,
        )

    def voice_name(self, language: str) -> str:
        """Which voice speaks this language (BCP 47)."""
        voice = self._foreign_voice(language)
        if voice is None:
            return PIPER_VOICE
        return f"pico {pico_voice(language)}" if voice is self.pico else f"espeak-ng {espeak_voice(language)}"

    def speak(self, text: str, rate: int, *, language: str = DEFAULT_CODE, speed: float = 1.0) -> Iterator[SpokenPiece]:
        """``text`` at ``rate`` Hz in pieces, each as soon as it is ready. Raises EngineError: the voice failed."""
        foreign = self._foreign_voice(language)
        if foreign is None:
            return self.voice.speak(text, rate, speed=speed)
        return foreign.speak(text, rate, language, speed)

    def _foreign_voice(self, language: str) -> PicoVoice | EspeakVoice | None:
        if base_of(language) == "en":
            return None
        if self.pico is not None and pico_voice(language):
            return self.pico
        return self.espeak if espeak_voice(language) else None

    def synthesize(self, text: str, rate: int | None = None, language: str = DEFAULT_CODE) -> tuple[bytes, int]:
        """Speak ``text``: mono 16-bit PCM and its rate in Hz (the English voice's own, 22,050, when ``rate`` is None).

        The same text in the same ``language`` (BCP 47) gives the same audio.

        Raises:
            EngineError: the voice failed.

        """
        wanted = self.voice.rate if rate is None else rate
        if (foreign := self._foreign_voice(language)) is not None:
            return b"".join(piece.pcm16 for piece in foreign.speak(text, wanted, language, 1.0)), wanted
        return b"".join(sentence.pcm16 for sentence in self.voice.speak(text, wanted, steady=True)), wanted

    def transcribe(self, pcm16: bytes, rate: int, *, quick: bool = False, language: str = DEFAULT_CODE) -> str:
        """The words in mono 16-bit PCM of ``rate`` Hz; "" when there is no speech.

        ``quick`` takes under a third of the time, with one more wrong word in a hundred. ``language`` is what is spoken
        (BCP 47); if it is `AUTO` the model finds out where it can, and the words are a `Transcript`.

        Raises:
            EngineError: the audio ends within a sample, or the model failed.

        """
        model, known = self.transcriber, DEFAULT_CODE
        if base_of(language) != "en" and self.multilingual is not None and self.multilingual.knows(language):
            model, known = self.multilingual, language
        return model.transcribe(resampled(from_pcm16(pcm16), rate, RATE), quick=quick, language=known)
