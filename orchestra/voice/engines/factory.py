"""The speech engines of one process, opened by the names in the settings."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import Frame, STTUpdateSettingsFrame
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from orchestra.language.registry import DEFAULT_CODE
from orchestra.settings import Settings
from orchestra.voice.engines.failover import StandbyService
from orchestra.voice.engines.port import Engine, FallbackEngine, STTEngine, TTSEngine
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.engines.turn_detection.vad import InlineVAD

#: the rate of a telephone line, in Hz
LINE_RATE = 8_000


class Engines:
    """The engines of a process. Services are made per call; models, sessions and threads are shared.

    Push a whole sentence to the TTS service as ``AggregatedTextFrame(text, TextType.SENTENCE)`` between
    ``LLMFullResponseStartFrame`` and ``LLMFullResponseEndFrame``: an ``LLMTextFrame`` waits for the text after it.

    Args:
        stt: recognizes speech.
        tts: speaks.
        turn_detection: the models that decide when the caller speaks and when they have finished.
        stt_fallback: takes over when ``stt`` fails during a call.
        tts_fallback: takes over when ``tts`` fails during a call.
        barge_in_words: words that the caller must say to interrupt an agent.

    Attributes:
        name: names of both engines, ``stt/tts``.

    """

    def __init__(
        self,
        stt: STTEngine,
        tts: TTSEngine,
        turn_detection: TurnDetectionModels,
        *,
        stt_fallback: FallbackEngine | None = None,
        tts_fallback: FallbackEngine | None = None,
        barge_in_words: int = 1,
    ) -> None:
        self.name = f"{stt.name}/{tts.name}"
        self._stt = stt
        self._tts = tts
        self._turn_detection = turn_detection
        self._stt_fallback = stt_fallback
        self._tts_fallback = tts_fallback
        self._barge_in_words = barge_in_words

    def stt(self, language: str = DEFAULT_CODE, keyterms: tuple[str, ...] = ()) -> STTService:
        """A speech-to-text service for one call, fed with 16 kHz audio.

        ``language`` is a BCP 47 code or `AUTO`; ``keyterms`` are names and products that callers are likely to say.
        """
        return self._stt.stt(language, keyterms)

    def tts(self, voice: str = "", language: str = DEFAULT_CODE, speed: float = 1.0) -> TTSService:
        """A text-to-speech service for one call; a word's time counts along the audio of its context."""
        return self._tts.tts(voice, language, speed)

    def stt_fallback(self, language: str = DEFAULT_CODE) -> StandbyService | None:
        """The service that takes over when one call's `stt` fails; it follows that one in the pipeline."""
        return None if self._stt_fallback is None else self._stt_fallback.standby_stt(language)

    def tts_fallback(self, language: str = DEFAULT_CODE, speed: float = 1.0) -> StandbyService | None:
        """The service that takes over when one call's `tts` fails; it follows that one in the pipeline."""
        return None if self._tts_fallback is None else self._tts_fallback.standby_tts(language, speed)

    def change_language(self, language: str) -> list[Frame]:
        """What to push into a call's pipeline so that its STT services hear ``language`` (or `AUTO`) from now on."""
        return [STTUpdateSettingsFrame(delta=STTSettings(language=language))]

    def user_turn_strategies(self, stt: STTService, endpointer: Endpointer) -> UserTurnStrategies:
        """How the caller's turn starts and ends when ``stt`` transcribes it: each engine has its own strategies.

        ``endpointer`` decides for one call how long a pause ends the turn, whichever engine transcribes.
        """
        engine = self._stt_fallback if isinstance(stt, StandbyService) and self._stt_fallback else self._stt
        endpointer.punctuation_tells = engine.punctuation_tells
        start = engine.turn_start(self._barge_in_words)
        analyzer = self._turn_detection.end_of_turn()
        stop = [engine.turn_prediction(analyzer, endpointer), engine.turn_stop(analyzer, endpointer)]
        return UserTurnStrategies(
            start=None if start is None else [start], stop=[strategy for strategy in stop if strategy is not None]
        )

    def ipa(self, language: str) -> str:
        """How the voice of a language takes IPA in a text, as a format; empty: it does not."""
        return self._tts.ipa(language)

    @property
    def looks(self) -> Mapping[str, int]:
        """Smart-turn's looks at pauses so far, by what became of them; see `InferenceQueue`."""
        return self._turn_detection.queue.counts

    def are_busy(self) -> bool:
        """Whether the process has no time for work that may turn out to be wasted. Ask in its event loop."""
        meter = self._turn_detection.queue.meter
        meter.watch_event_loop()
        return meter.busy

    def vad(self, params: VADParams | None = None) -> InlineVAD:
        """Voice activity detection for one call."""
        return self._turn_detection.vad(params)

    def voice_key(self, voice: str = "", language: str = DEFAULT_CODE, speed: float = 1.0) -> str:
        """Identifies engine, voice, model, language and pace: the same text under another key is other audio."""
        return f"{self._tts.name}/{self._tts.voice_key(voice, language, speed)}"

    async def render(
        self, text: str, voice: str = "", language: str = DEFAULT_CODE, speed: float = 1.0
    ) -> SynthesizedSpeech:
        """``text`` spoken at 8 kHz, for phrases that many calls share. Raises EngineError."""
        return await self._tts.render(text, voice, language, speed, LINE_RATE)

    async def close(self) -> None:
        """Release the threads and connections that the calls shared."""
        self._turn_detection.close()
        used: list[Engine | None] = [self._stt, self._tts, self._stt_fallback, self._tts_fallback]
        for engine in {id(engine): engine for engine in used if engine is not None}.values():
            await engine.close()


async def open_engines(settings: Settings) -> Engines:
    """Open each engine that the settings name, once; see ``orchestra.voice.engines.load_engines``."""
    stt_fallback = settings.stt_fallback if settings.stt != settings.stt_fallback else ""
    tts_fallback = settings.tts_fallback if settings.tts != settings.tts_fallback else ""
    # in this order: a missing key is reported before a model is loaded
    names = dict.fromkeys(name for name in (settings.stt, settings.tts, stt_fallback, tts_fallback) if name)
    opened = {name: await _open(name, settings) for name in sorted(names, key=lambda name: name == "local")}
    return Engines(
        cast("STTEngine", opened[settings.stt]),
        cast("TTSEngine", opened[settings.tts]),
        await asyncio.to_thread(TurnDetectionModels.load),
        stt_fallback=cast("FallbackEngine | None", opened.get(stt_fallback)),
        tts_fallback=cast("FallbackEngine | None", opened.get(tts_fallback)),
        barge_in_words=settings.barge_in_words,
    )


async def open_voice(settings: Settings) -> TTSEngine:
    """Open only the engine that speaks, for what is synthesized outside of calls."""
    return cast("TTSEngine", await _open(settings.tts, settings))


async def _open(name: str, settings: Settings) -> Engine:
    module: Any = import_module(f"orchestra.voice.engines.{name}.engine")
    return cast("Engine", await module.open_engine(settings))
