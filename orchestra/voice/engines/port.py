"""The port: what the edge asks of speech engines, and the engines that one process shares among its calls."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.turns.user_start import BaseUserTurnStartStrategy
from pipecat.turns.user_stop import BaseUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from orchestra.settings import Settings
from orchestra.voice.engines.deepgram import DeepgramSTT
from orchestra.voice.engines.elevenlabs import ElevenLabsTTS
from orchestra.voice.engines.failover import StandbySTT, StandbyTTS
from orchestra.voice.engines.flux import DeepgramFlux, is_flux
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.local.speech import LocalSpeech
from orchestra.voice.engines.synthesized import SynthesizedSpeech
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer, TurnDetectionModels
from orchestra.voice.engines.turn_detection.vad import InlineVAD

#: the rate of a telephone line, in Hz
LINE_RATE = 8_000


class STTEngine(Protocol):
    """Makes one speech-to-text service per call."""

    name: str

    def stt(self) -> STTService:
        """A new service; what is heavy is shared with the other calls of the process."""

    def turn_start(self, barge_in_words: int) -> BaseUserTurnStartStrategy | None:
        """The strategy that begins the caller's turn, where the agent speaks after so many words; None: any voice."""

    def turn_stop(self, analyzer: SmartTurnAnalyzer) -> BaseUserTurnStopStrategy:
        """The strategy that ends the caller's turn with this engine's transcripts."""


class TTSEngine(Protocol):
    """Makes one text-to-speech service per call, and phrases outside of calls."""

    name: str

    def tts(self, voice: str) -> TTSService:
        """A new service that gives word times; ``voice`` "" is the engine's own choice."""

    def voice_key(self, voice: str) -> str:
        """What speaks as ``voice``, with its model: another key is another speech of the same text."""

    async def render(self, text: str, voice: str, rate: int) -> SynthesizedSpeech:
        """``text`` spoken at ``rate`` Hz, whole. Raises EngineError."""

    async def close(self) -> None:
        """Release threads and connections."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of a process. Its services are made per call; models, sessions and threads are shared.

    Push a whole sentence to the TTS service as ``AggregatedTextFrame(text, TextType.SENTENCE)`` between
    ``LLMFullResponseStartFrame`` and ``LLMFullResponseEndFrame``: an ``LLMTextFrame`` waits for the text after it.
    """

    name: str
    _stt: STTEngine
    _tts: TTSEngine
    _turn_detection: TurnDetectionModels
    _speech: LocalEngine | None
    _stt_fallback: LocalEngine | None = None
    _tts_fallback: LocalEngine | None = None
    _barge_in_words: int = 1

    def stt(self) -> STTService:
        """A speech-to-text service for one call, fed with 16 kHz audio."""
        return self._stt.stt()

    def tts(self, voice: str = "") -> TTSService:
        """A text-to-speech service for one call; a word's time counts along the audio of its context."""
        return self._tts.tts(voice)

    def stt_fallback(self) -> StandbySTT | None:
        """The service that stands behind one call's `stt`, to take over when that fails."""
        return None if self._stt_fallback is None else StandbySTT(self._stt_fallback)

    def tts_fallback(self) -> StandbyTTS | None:
        """The service that stands behind one call's `tts`, to take over when that fails."""
        return None if self._tts_fallback is None else StandbyTTS(self._tts_fallback)

    def user_turn_strategies(self, stt: STTService) -> UserTurnStrategies:
        """Turn start by voice or transcript, turn end by smart-turn once all is transcribed; or both by the engine."""
        engine = self._stt_fallback if isinstance(stt, StandbySTT) and self._stt_fallback else self._stt
        start = engine.turn_start(self._barge_in_words)
        return UserTurnStrategies(
            start=None if start is None else [start], stop=[engine.turn_stop(self._turn_detection.end_of_turn())]
        )

    def vad(self, params: VADParams | None = None) -> InlineVAD:
        """Voice activity detection for one call."""
        return self._turn_detection.vad(params)

    def voice_key(self, voice: str = "") -> str:
        """What speaks as ``voice``: engine, voice and model."""
        return f"{self._tts.name}/{self._tts.voice_key(voice)}"

    async def render(self, text: str, voice: str = "") -> SynthesizedSpeech:
        """``text`` as 8 kHz speech, for phrases that are kept.

        Raises:
            EngineError: the engine failed.

        """
        return await self._tts.render(text, voice, LINE_RATE)

    async def close(self) -> None:
        """Release the threads and connections that the calls shared."""
        self._turn_detection.close()
        await self._tts.close()
        if self._speech is not None:
            await self._speech.close()


async def open_engines(settings: Settings) -> Engines:
    """See ``orchestra.voice.engines.load_engines``."""
    deepgram = DeepgramFlux if is_flux(settings.deepgram_model) else DeepgramSTT
    stt: STTEngine | None = deepgram(settings) if settings.stt == "deepgram" else None
    tts = ElevenLabsTTS(settings) if settings.tts == "elevenlabs" else None
    local = None
    fallbacks = {settings.stt_fallback if stt else "", settings.tts_fallback if tts else ""}
    if stt is None or tts is None or "local" in fallbacks:
        local = LocalEngine(await asyncio.to_thread(LocalSpeech.load, settings.data_dir))
    listening = await asyncio.to_thread(TurnDetectionModels.load)
    chosen_stt: STTEngine | None = stt or local
    chosen_tts: TTSEngine | None = tts or local
    assert chosen_stt is not None
    assert chosen_tts is not None
    return Engines(
        f"{chosen_stt.name}/{chosen_tts.name}",
        chosen_stt,
        chosen_tts,
        listening,
        local,
        _stt_fallback=local if stt and settings.stt_fallback else None,
        _tts_fallback=local if tts and settings.tts_fallback else None,
        _barge_in_words=settings.barge_in_words,
    )
