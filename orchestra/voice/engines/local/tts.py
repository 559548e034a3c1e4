"""Text to speech of one call on the shared Piper voice."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Protocol

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.utils.types import NOT_GIVEN, is_given

from orchestra.errors import EngineError
from orchestra.language.registry import DEFAULT_CODE
from orchestra.voice.engines.local.piper import PIPER_VOICE, SpokenPiece
from orchestra.voice.engines.word_timestamps import LATEST_AUDIO_S, WordCountingTTS

_SILENCE_S = 0.02


class SpeechSynthesizer(Protocol):
    """The part of the local engine that the service needs."""

    def speak(self, text: str, rate: int, language: str, speed: float) -> AsyncIterator[SpokenPiece]:
        """The audio of ``text`` at ``rate`` Hz in pieces, each as soon as it is ready. Raises EngineError."""


def local_ipa(language: str) -> str:
    """How the local voice of a language takes IPA in a text, as a format; empty: it does not."""
    return "[[{}]]" if language.partition("-")[0] == DEFAULT_CODE else ""


class LocalTTS(WordCountingTTS):
    """Speaks piece by piece; the voice itself computes when each word begins.

    Word times are relative to the first sample of their context's audio, as with ElevenLabs.
    """

    def __init__(self, engine: SpeechSynthesizer, language: str = DEFAULT_CODE, speed: float = 1.0) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            push_text_frames=False,
            stop_frame_timeout_s=LATEST_AUDIO_S,
            settings=TTSSettings(model="piper", voice=PIPER_VOICE, language=None),
        )
        self._engine = engine
        self._speaks, self._speed = language, speed
        self._audio_s: dict[str, float] = {}  # context → seconds of audio so far

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        given = {"language": delta.language, "speed": getattr(delta, "speed", NOT_GIVEN)}
        before = {"language": self._speaks, "speed": self._speed}
        changed = {name: before[name] for name, value in given.items() if is_given(value) and value != before[name]}
        self._speaks = str(delta.language) if "language" in changed else self._speaks
        self._speed = float(given["speed"]) if "speed" in changed else self._speed
        return changed

    @property
    def ipa(self) -> str:
        """Piper takes it, which speaks English; espeak-ng would read the brackets out."""
        return local_ipa(self._speaks)

    def can_generate_metrics(self) -> bool:
        """Yes: time to first audio."""
        return True

    async def on_audio_context_completed(self, context_id: str) -> None:
        """All audio of the context was sent."""
        self._audio_s.pop(context_id, None)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """The caller spoke over the context."""
        self._audio_s.pop(context_id, None)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Audio of ``text`` at the pipeline's rate; its word times go to the context."""
        await self.start_tts_usage_metrics(text)
        spoken = False
        try:
            before_s = self._audio_s.get(context_id, 0.0)
            async for piece in self._engine.speak(text, self.sample_rate, self._speaks, self._speed):
                self._audio_s[context_id] = self._audio_s.get(context_id, 0.0) + len(piece.pcm16) / 2 / piece.rate
                yield TTSAudioRawFrame(piece.pcm16, self.sample_rate, 1, context_id=context_id)
                spoken = True
                await self.add_word_timestamps([(word, before_s + at) for word, at in piece.words], context_id)
        except EngineError as error:
            yield ErrorFrame(error=str(error), exception=error)
            return
        if not spoken:
            # A text without any sound ("…") still ends its context at once instead of after a time-out.
            silence = bytes(2 * int(_SILENCE_S * self.sample_rate))
            yield TTSAudioRawFrame(silence, self.sample_rate, 1, context_id=context_id)
