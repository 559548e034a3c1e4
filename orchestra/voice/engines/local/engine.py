"""The local engine of the edge: its threads, and the services it makes for each call."""

import asyncio
import functools
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from pipecat.turns.user_stop import BaseUserTurnStopStrategy

from orchestra.language.registry import DEFAULT_CODE
from orchestra.settings import Settings
from orchestra.voice.engines.local.endpointing import SegmentAwareTurnStop
from orchestra.voice.engines.local.piper import SpokenPiece
from orchestra.voice.engines.local.standby import StandbySTT, StandbyTTS
from orchestra.voice.engines.local.stt import LocalSTT
from orchestra.voice.engines.local.synchronous_speech import LocalSpeech
from orchestra.voice.engines.local.tts import LocalTTS, local_ipa
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from orchestra.voice.engines.turn_detection.barge_in import BargeIn
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer
from orchestra.voice.engines.turn_detection.prediction import TurnPrediction

_CORES_PER_RUN = 2


class LocalEngine:
    """Runs the local models on as many threads as the cores allow; further requests wait for their turn."""

    name = "local"
    punctuation_tells = False  # Whisper closes nearly every stretch of speech with one

    def __init__(self, speech: LocalSpeech) -> None:
        self._speech = speech
        runs = max(1, (os.cpu_count() or 1) // _CORES_PER_RUN)
        self._transcribing, self._runs = 0, runs
        self._whisper = ThreadPoolExecutor(runs, thread_name_prefix="whisper")
        self._piper = ThreadPoolExecutor(runs, thread_name_prefix="piper")

    def stt(self, language: str = DEFAULT_CODE, keyterms: tuple[str, ...] = ()) -> LocalSTT:
        """A service that transcribes each stretch of speech when it ends. Whisper is not told any key terms."""
        del keyterms
        return LocalSTT(self, self._has_time, language=language)

    def turn_start(self, barge_in_words: int) -> BargeIn | None:
        """Any voice starts a turn; while the agent speaks, ``barge_in_words`` words do."""
        return BargeIn(min_words=barge_in_words) if barge_in_words > 1 else None

    def turn_prediction(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> TurnPrediction:
        """Predicts the end of the turn from early transcripts and smart-turn."""
        return TurnPrediction(analyzer, endpointer)

    def turn_stop(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> BaseUserTurnStopStrategy:
        """Ends the turn when all of its stretches of speech are transcribed."""
        return SegmentAwareTurnStop(analyzer, endpointer)

    def tts(self, voice: str, language: str = DEFAULT_CODE, speed: float = 1.0) -> LocalTTS:
        """A service whose audio starts before the sentence is complete. Only one voice: ``voice`` is ignored."""
        del voice
        return LocalTTS(self, language, speed)

    def ipa(self, language: str) -> str:
        """How the voice of this language takes IPA in a text."""
        return local_ipa(language)

    def voice_key(self, voice: str, language: str = DEFAULT_CODE, speed: float = 1.0) -> str:
        """The voice of the language, and its pace if it is not the voice's own."""
        del voice
        return self._speech.voice_name(language) + (f"/{speed}" if speed != 1.0 else "")

    async def render(self, text: str, voice: str, language: str, speed: float, rate: int) -> SynthesizedSpeech:
        """``text`` spoken at ``rate`` Hz, piece by piece, so that a call waits for one piece at most.

        Raises:
            EngineError: the voice failed.

        """
        del voice
        pieces = [piece async for piece in self.speak(text, rate, language, speed)]
        words = tuple(word for piece in pieces for word in piece.words)
        return SynthesizedSpeech(b"".join(piece.pcm16 for piece in pieces), words)

    async def speak(
        self,
        text: str,
        rate: int,
        language: str = DEFAULT_CODE,
        speed: float = 1.0,
    ) -> AsyncIterator[SpokenPiece]:
        """The audio of ``text`` at ``rate`` Hz in pieces, each as soon as it is ready. Raises EngineError."""
        loop = asyncio.get_running_loop()
        pieces = self._speech.speak(text, rate, language=language, speed=speed)
        while (piece := await loop.run_in_executor(self._piper, next, pieces, None)) is not None:
            yield piece

    async def transcribe(self, pcm16: bytes, rate: int, language: str = DEFAULT_CODE) -> str:
        """The words in mono 16-bit PCM of ``rate`` Hz, quickly. Raises EngineError."""
        loop = asyncio.get_running_loop()
        run = functools.partial(self._speech.transcribe, pcm16, rate, quick=True, language=language)
        self._transcribing += 1
        try:
            return await loop.run_in_executor(self._whisper, run)
        finally:
            self._transcribing -= 1

    def _has_time(self) -> bool:
        """Whether a transcription would not have to wait, nor make another one wait that is sure to be needed."""
        return self._transcribing < self._runs

    def standby_stt(self, language: str = DEFAULT_CODE) -> StandbySTT:
        """A service that can take over from another engine's."""
        return StandbySTT(self, self._has_time, language=language)

    def standby_tts(self, language: str = DEFAULT_CODE, speed: float = 1.0) -> StandbyTTS:
        """A service that can take over from another engine's."""
        return StandbyTTS(self, language, speed)

    async def close(self) -> None:
        """End the threads and drop queued work."""
        for pool in (self._whisper, self._piper):
            pool.shutdown(wait=False, cancel_futures=True)


async def open_engine(settings: Settings) -> LocalEngine:
    """The engine with its models loaded, in about 2 s. Raises MissingExtraError if a library or file is missing."""
    return LocalEngine(await asyncio.to_thread(LocalSpeech.load, settings.data_dir))
