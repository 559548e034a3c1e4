"""Speech to text of one call on the shared Whisper model."""

from collections.abc import AsyncGenerator
from typing import Protocol

from pipecat.frames.frames import ErrorFrame, Frame, TranscriptionFrame
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.utils.time import time_now_iso8601

from orchestra.errors import EngineError
from orchestra.voice.engines.turn_detection.frames import SegmentTranscribedFrame

#: seconds after the end of speech after which no transcript is expected
LATEST_TRANSCRIPT_S = 3.0


class SpeechTranscriber(Protocol):
    """The part of the local engine that the service needs."""

    async def transcribe(self, pcm16: bytes, rate: int) -> str:
        """The words in mono 16-bit PCM of ``rate`` Hz. Raises EngineError."""


class LocalSTT(SegmentedSTTService):
    """Transcribes each stretch of speech as soon as the VAD reports its end, in parallel with smart-turn."""

    def __init__(self, engine: SpeechTranscriber) -> None:
        super().__init__(
            ttfs_p99_latency=LATEST_TRANSCRIPT_S,
            trailing_silence_secs=0.0,  # the model's window is always longer than the speech
            settings=STTSettings(model="whisper-tiny.en", language=None),
        )
        self._engine = engine

    def can_generate_metrics(self) -> bool:
        """Yes: time to transcript."""
        return True

    @property
    def wants_wav_segments(self) -> bool:
        """No: plain 16-bit PCM."""
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """The words in ``audio``, then the mark that this stretch is done."""
        await self.start_processing_metrics()
        try:
            text = await self._engine.transcribe(audio, self.sample_rate)
        except EngineError as error:
            yield ErrorFrame(error=str(error), exception=error)
        else:
            if text:
                yield TranscriptionFrame(text, self._user_id, time_now_iso8601())
        await self.stop_processing_metrics()
        yield SegmentTranscribedFrame()
