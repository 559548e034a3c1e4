"""Stub engines of the edge benchmark: they cost next to nothing and answer a fixed time after the caller's speech."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.time import time_now_iso8601

from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer, TurnDetectionModels
from orchestra.voice.engines.turn_detection.prediction import TurnPrediction
from orchestra.voice.engines.turn_detection.smart_turn_stop import SmartTurnStop
from orchestra.voice.engines.word_timestamps import WordCountingTTS
from tests.bench._edge_answer import ANSWER

#: the delay of an interim transcript after the first sound, of a final one after the last (Deepgram's median), and of
#: audio after the words (ElevenLabs' median), in seconds
INTERIM_S, FINAL_S, SPEECH_S = 0.15, 0.247, 0.138
_WORD_S = 0.2
_RATE = 8_000
_CHUNK_S = 0.5
_WORDS = "Until when is the depot open today?"
#: a sample this large counts as sound (-50 dB)
_AUDIBLE = 100


class StubSTT(STTService):
    """A streaming engine that recognizes the same words whenever there is sound."""

    def __init__(self) -> None:
        super().__init__(ttfs_p99_latency=0.5, settings=STTSettings(model="stub", language=None))
        self._heard = False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Yield nothing; the first sound of a stretch of speech starts the time until its interim transcript."""
        if not self._heard and np.abs(np.frombuffer(audio, np.int16)).max() > _AUDIBLE:
            self._heard = True
            self.create_task(self._tell(InterimTranscriptionFrame("Until when", "", time_now_iso8601()), INTERIM_S))
        yield None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer the end of speech."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            self._heard = False
            final = TranscriptionFrame(_WORDS, "", time_now_iso8601(), finalized=True)
            self.create_task(self._tell(final, frame.timestamp - frame.stop_secs + FINAL_S - time.time()))

    async def _tell(self, frame: Frame, after_s: float) -> None:
        await asyncio.sleep(max(0.0, after_s))
        await self.push_frame(frame)


class StubTTS(TTSService):
    """Says each word as a tone of 200 ms, with word timestamps."""

    def __init__(self, **options: Any) -> None:
        settings = TTSSettings(model="stub", voice="stub", language=None)
        options |= {"push_start_frame": True, "push_stop_frames": True, "push_text_frames": False}
        super().__init__(settings=settings, **options)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Audio, delivered faster than it plays, as vendors do."""
        await asyncio.sleep(SPEECH_S)
        words = text.split()
        audio = _tone(len(words) * _WORD_S)
        size = round(_CHUNK_S * _RATE) * 2
        for start in range(0, len(audio), size):
            yield TTSAudioRawFrame(audio[start : start + size], _RATE, 1, context_id=context_id)
        await self.add_word_timestamps([(word, at * _WORD_S) for at, word in enumerate(words)], context_id)


class OwnStubTTS(WordCountingTTS, StubTTS):
    """The same with the edge's own word counting."""


class StubModel(FrameProcessor):
    """Takes the place of the language model in the stock pipeline, and answers at once."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Say the answer."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            await self.push_frame(LLMFullResponseStartFrame())
            await self.push_frame(LLMTextFrame(ANSWER))
            await self.push_frame(LLMFullResponseEndFrame())
        else:
            await self.push_frame(frame, direction)


class _Stubs:
    name = "stub"
    punctuation_tells = True

    def stt(self, *_: Any) -> StubSTT:
        return StubSTT()

    def turn_start(self, barge_in_words: int) -> None:
        """Any voice or word starts a turn."""

    def turn_prediction(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> TurnPrediction:
        return TurnPrediction(analyzer, endpointer)

    def turn_stop(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> SmartTurnStop:
        return SmartTurnStop(analyzer, endpointer)

    def tts(self, *_: Any, **__: Any) -> OwnStubTTS:
        return OwnStubTTS()

    def ipa(self, *_: Any) -> str:
        return ""

    def voice_key(self, *_: Any) -> str:
        return "stub"

    async def render(self, text: str, *_: Any) -> SynthesizedSpeech:
        words = text.split()
        return SynthesizedSpeech(
            _tone(len(words) * _WORD_S), tuple((word, at * _WORD_S) for at, word in enumerate(words))
        )

    async def close(self) -> None:
        """Nothing to close."""


def engines() -> Engines:
    """The stubs as the engines' port, with the real Silero and smart-turn."""
    stubs = _Stubs()
    return Engines(stubs, stubs, TurnDetectionModels.load())


def _tone(seconds: float) -> bytes:
    at = np.arange(round(seconds * _RATE)) / _RATE
    samples: bytes = (8_000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16).tobytes()
    return samples
