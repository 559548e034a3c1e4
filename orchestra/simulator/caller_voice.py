"""The voice of a caller who decides in the call what to say: local, or of a vendor. The same text is the same audio."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from orchestra.errors import EngineError, UsageError
from orchestra.language.registry import find_language
from orchestra.language.tags import base_of
from orchestra.settings import Settings
from orchestra.simulator.disturbed_microphone import at_speech_level
from orchestra.simulator.phone_line import FRAME_SAMPLES
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples
from orchestra.voice.edge.phrase_cache import PhraseCache
from orchestra.voice.engines.factory import open_voice
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.languages import speaks
from orchestra.voice.engines.phrase import Phrase
from orchestra.voice.engines.port import TTSEngine
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech

_KEPT_TEXTS = 1_000


class CallerVoice(Protocol):
    """Says what a caller says."""

    async def speak(self, text: str, language: str) -> Samples:
        """``text`` as speech (8 kHz) of one level, in whole frames of 20 ms. Raises EngineError."""


@asynccontextmanager
async def caller_voice(settings: Settings, speech: LocalSpeech) -> AsyncIterator[CallerVoice]:
    """The voice that ``persona_tts`` names; ``speech`` is the local one."""
    if settings.persona_tts == "local":
        yield LocalCallerVoice(settings, speech)
        return
    engine = await open_voice(settings.model_copy(update={"tts": settings.persona_tts}))
    try:
        yield _VendorVoice(settings, engine)
    finally:
        await engine.close()


class LocalCallerVoice:
    """The local voices, without their chance: Piper for English, Pico or espeak-ng for other languages."""

    def __init__(self, settings: Settings, speech: LocalSpeech) -> None:
        self._settings, self._speech = settings, speech
        self._said = lru_cache(_KEPT_TEXTS)(self._synthesize)

    async def speak(self, text: str, language: str) -> Samples:
        """See `CallerVoice`.

        Raises:
            UsageError: there is no local voice for this language.
            EngineError: the voice failed.

        """
        if not speaks(self._settings, language):
            msg = (
                f"the local voice of simulated callers does not speak {language!r}: install the extra "
                "`local-multilingual`, or choose another one with ORCHESTRA_PERSONA_TTS"
            )
            raise UsageError(msg)
        return await asyncio.to_thread(self._said, text, language)

    def _synthesize(self, text: str, language: str) -> Samples:
        written = find_language(language).to_speech(text)
        if base_of(language) == "en":
            pcm, _ = self._speech.synthesize(written, SAMPLE_RATE)
        else:
            pcm = b"".join(piece.pcm16 for piece in self._speech.speak(written, SAMPLE_RATE, language=language))
        return _whole_frames(pcm)


class _VendorVoice:
    """The engine of a vendor. What it has said is kept, so that another run of the same words sounds the same."""

    def __init__(self, settings: Settings, engine: TTSEngine) -> None:
        self._name, self._voice = settings.persona_tts, settings.persona_voice
        self._engine = _AtTelephoneRate(engine)
        self._folder = settings.data_dir / "callers"

    async def speak(self, text: str, language: str) -> Samples:
        phrase = Phrase(text, self._voice, language)
        kept = PhraseCache(self._engine, self._folder, [phrase])
        await kept.prepare()
        speech = kept.find(phrase)
        if speech is None:
            msg = f"{self._name} has not spoken what the simulated caller says: see the log for its answer"
            raise EngineError(msg)
        return _whole_frames(speech.pcm16)


@dataclass(frozen=True, slots=True)
class _AtTelephoneRate:
    """An engine as `PhraseCache` needs it."""

    engine: TTSEngine

    def ipa(self, language: str) -> str:
        return self.engine.ipa(language)

    def voice_key(self, voice: str, language: str, speed: float) -> str:
        return f"{self.engine.name}/{self.engine.voice_key(voice, language, speed)}"

    async def render(self, text: str, voice: str, language: str, speed: float) -> SynthesizedSpeech:
        return await self.engine.render(text, voice, language, speed, SAMPLE_RATE)


def _whole_frames(pcm: bytes) -> Samples:
    samples = at_speech_level(np.frombuffer(pcm, dtype="<i2").astype(np.int16))
    return np.pad(samples, (0, -samples.size % FRAME_SAMPLES))
