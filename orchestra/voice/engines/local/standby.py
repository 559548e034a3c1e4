"""The local engine as another one's fallback: in the pipeline from the start, activated when the other fails."""

from collections.abc import AsyncGenerator, Callable

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from orchestra.errors import EngineError
from orchestra.language import DEFAULT_LANGUAGE
from orchestra.language.registry import DEFAULT_CODE
from orchestra.voice.engines.failover import LIFE_OF_THE_PIPELINE, StandbyService
from orchestra.voice.engines.local.stt import LocalSTT, ShortSound, SpeechTranscriber
from orchestra.voice.engines.local.tts import LocalTTS


class StandbySTT(StandbyService, LocalSTT):
    """Listens, and keeps the caller's last stretch of speech until it has been transcribed."""

    engine_name = "local"

    def __init__(
        self,
        engine: SpeechTranscriber,
        has_time: Callable[[], bool] = lambda: False,
        *,
        language: str = DEFAULT_CODE,
    ) -> None:
        super().__init__(engine, has_time, language=language)
        self._announced = False
        self._pending_audio: bytes | None = None

    async def activate(self) -> None:
        """Transcribe from now on, beginning with what the failed service has not transcribed."""
        await super().activate()
        pending, self._pending_audio = self._pending_audio, None
        if pending is None:
            await self._announce()
        else:
            await self._segment_queue.put(pending)

    async def holds_only_noise(self) -> bool:
        """Whether the speech that has not been transcribed contains no words; if it does, it is kept."""
        if self._pending_audio is None:
            return False
        try:
            words = await self._engine.transcribe(self._pending_audio, self.sample_rate, self.hears)
        except EngineError:
            return False
        noise = DEFAULT_LANGUAGE.is_backchannel(words)
        self._pending_audio = None if noise else self._pending_audio
        return noise

    def _caller_paused(self) -> None:
        if self._at_work:
            super()._caller_paused()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """Transcribe ``audio``, or just keep it while the other service works."""
        if not self._at_work:
            if not isinstance(audio, ShortSound):  # which the other service need not answer
                self._pending_audio = audio
            return
        async for frame in super().run_stt(audio):
            yield frame
        await self._announce()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note what the other service has transcribed."""
        if isinstance(frame, TranscriptionFrame):
            self._pending_audio = None
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on; this service's metadata is announced only when it is activated."""
        if self._at_work:
            await super().push_frame(frame, direction)
        elif not (isinstance(frame, STTMetadataFrame) and frame.service_name == self.name):
            await FrameProcessor.push_frame(self, frame, direction)

    async def _announce(self) -> None:
        # not before: its longer time-out for transcripts must not delay a turn that has waited long enough
        if not self._announced:
            self._announced = True
            await self.push_frame(self.service_metadata_frame())


class StandbyTTS(StandbyService, LocalTTS):
    """Lets the other service's speech pass until it speaks itself."""

    engine_name = "local"

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Speak once activated; until then let everything pass."""
        if self._at_work or isinstance(frame, (*LIFE_OF_THE_PIPELINE, InterruptionFrame, TTSUpdateSettingsFrame)):
            await super().process_frame(frame, direction)
        else:
            await FrameProcessor.process_frame(self, frame, direction)
            await self.push_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on; the other service's speech is not counted as this one's."""
        if self._at_work:
            await super().push_frame(frame, direction)
        else:
            await FrameProcessor.push_frame(self, frame, direction)
