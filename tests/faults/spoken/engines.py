"""The engines of an edge that speaks and recognizes tones."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pipecat.frames.frames import Frame, STTUpdateSettingsFrame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601

from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from tests.faults.spoken.tones import encode, words_in
from tests.voice.edges import LevelVAD

if TYPE_CHECKING:
    from orchestra.settings import Settings
    from orchestra.voice.engines.factory import Engines


class ToneSTT(SegmentedSTTService):
    """Reads the words off each segment of speech."""

    def __init__(self) -> None:
        super().__init__(ttfs_p99_latency=0.3, settings=STTSettings(model="tones", language=None))

    @property
    def wants_wav_segments(self) -> bool:
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        samples = np.frombuffer(audio, np.int16)[::2]  # of 16 kHz
        if text := " ".join(words_in(samples)):
            yield TranscriptionFrame(text, "", time_now_iso8601(), finalized=True)


class ToneTTS(TTSService):
    """Says each word as its tones, with word timestamps."""

    def __init__(self) -> None:
        settings = TTSSettings(model="tones", voice="tones", language=None)
        super().__init__(push_start_frame=True, push_stop_frames=True, push_text_frames=False, settings=settings)
        self._said_s: dict[str, float] = {}

    async def on_audio_context_completed(self, context_id: str) -> None:
        self._said_s.pop(context_id, None)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        self._said_s.pop(context_id, None)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        samples, words = encode(text)
        start = self._said_s.get(context_id, 0.0)
        self._said_s[context_id] = start + len(samples) / 8000
        yield TTSAudioRawFrame(samples.tobytes(), 8000, 1, context_id=context_id)
        await self.add_word_timestamps([(word, start + at) for word, at in words], context_id)


class ToneEngines:
    """The engines' port, as far as an edge uses it."""

    name = "tones/tones"

    def stt(self, *_: Any, **__: Any) -> ToneSTT:
        return ToneSTT()

    def tts(self, *_: Any, **__: Any) -> ToneTTS:
        return ToneTTS()

    def stt_fallback(self, *_: Any) -> None:
        return None

    def tts_fallback(self, *_: Any, **__: Any) -> None:
        return None

    def change_language(self, language: str) -> list[Frame]:
        return [STTUpdateSettingsFrame(delta=STTSettings(language=language))]

    def vad(self) -> LevelVAD:
        return LevelVAD()

    def are_busy(self) -> bool:
        return False

    @property
    def looks(self) -> dict[str, int]:
        return {}

    def user_turn_strategies(self, stt: Any, endpointer: Any) -> UserTurnStrategies:
        del stt, endpointer
        return UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3)])

    def ipa(self, *_: Any) -> str:
        return ""

    def voice_key(self, *_: Any) -> str:
        return "tones"

    async def render(self, text: str, *_: Any) -> SynthesizedSpeech:
        samples, words = encode(text)
        return SynthesizedSpeech(samples.tobytes(), tuple(words))

    async def close(self) -> None:
        """Nothing to close."""


async def load_engines(_: "Settings") -> "Engines":
    return cast("Engines", ToneEngines())
