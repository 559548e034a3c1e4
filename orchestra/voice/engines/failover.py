"""Engines that take over in the middle of a call: the local ones behind a vendor's, and how a vendor's leaves.

A call with a fallback has both services in its pipeline, one behind the other. The one behind lets everything pass
until it is put to work; from then on the one before does::

    caller ──> deepgram ──> local stt (listens, keeps the last stretch) ──> …
    agents ──> elevenlabs ──> local tts (lets audio and words pass)     ──> …
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import structlog
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    StartFrame,
    STTMetadataFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from orchestra.errors import EngineError
from orchestra.language import DEFAULT_LANGUAGE
from orchestra.voice.engines.local.stt import LocalSTT, SpeechTranscriber
from orchestra.voice.engines.local.tts import LocalTTS, SpeechSynthesizer

_LOG = structlog.get_logger("orchestra.voice")

_LEAVE_WITHIN_S = 1.0
_LIFE_OF_THE_PIPELINE = (StartFrame, EndFrame, CancelFrame)


class RetirableService(FrameProcessor):
    """What a vendor's service needs to leave its work to another: mix it in before the service's own class."""

    _retired = False

    async def retire(self) -> None:
        """Close the connection; from now on every frame passes by untouched, and nothing is reported any more."""
        self._retired = True
        try:
            async with asyncio.timeout(_LEAVE_WITHIN_S):
                await self._disconnect()
        except Exception as error:  # noqa: BLE001 - it failed already, in a way of its own; the call goes on without it
            _LOG.info("engine.left_badly", engine=self.name, error=repr(error))

    async def _disconnect(self) -> None:
        await super()._disconnect()  # type: ignore[misc]

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Work, or let pass."""
        if self._retired and not isinstance(frame, _LIFE_OF_THE_PIPELINE):
            await FrameProcessor.process_frame(self, frame, direction)
            await self.push_frame(frame, direction)
        else:
            await super().process_frame(frame, direction)

    async def push_error_frame(self, error: Any, *arguments: Any, **options: Any) -> None:
        """Report an error, unless the service has left."""
        if not self._retired:
            await super().push_error_frame(error, *arguments, **options)


class StandbySTT(LocalSTT):
    """Listens along, and keeps the caller's last stretch of speech until somebody has transcribed it."""

    def __init__(self, engine: SpeechTranscriber) -> None:
        super().__init__(engine)
        self._working = False
        self._announced = False
        self._pending_audio: bytes | None = None

    async def activate(self) -> None:
        """Transcribe from now on, and first what the one before owes."""
        self._working = True
        pending, self._pending_audio = self._pending_audio, None
        if pending is None:
            await self._announce()
        else:
            await self._segment_queue.put(pending)

    async def holds_only_noise(self) -> bool:
        """Whether there are no words in what the one before has not transcribed; they are kept where there are."""
        if self._pending_audio is None:
            return False
        try:
            words = await self._engine.transcribe(self._pending_audio, self.sample_rate)
        except EngineError:
            return False
        noise = DEFAULT_LANGUAGE.is_backchannel(words)
        self._pending_audio = None if noise else self._pending_audio
        return noise

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """The words in ``audio``, or none while another works."""
        if not self._working:
            self._pending_audio = audio
            return
        async for frame in super().run_stt(audio):
            yield frame
        await self._announce()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note what the one before has transcribed."""
        if isinstance(frame, TranscriptionFrame):
            self._pending_audio = None
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on; what this service is like is told when it begins to work."""
        if self._working:
            await super().push_frame(frame, direction)
        elif not (isinstance(frame, STTMetadataFrame) and frame.service_name == self.name):
            await FrameProcessor.push_frame(self, frame, direction)

    async def _announce(self) -> None:
        # not before: how long to wait for its transcripts must not hold up a turn that has waited enough
        if not self._announced:
            self._announced = True
            await self.push_frame(self.service_metadata_frame())


class StandbyTTS(LocalTTS):
    """Lets another's speech pass until it speaks itself."""

    def __init__(self, engine: SpeechSynthesizer) -> None:
        super().__init__(engine)
        self._working = False

    async def activate(self) -> None:
        """Speak from now on."""
        self._working = True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Speak, or let pass."""
        if self._working or isinstance(frame, (*_LIFE_OF_THE_PIPELINE, InterruptionFrame)):
            await super().process_frame(frame, direction)
        else:
            await FrameProcessor.process_frame(self, frame, direction)
            await self.push_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on; another's speech is not counted as this one's."""
        if self._working:
            await super().push_frame(frame, direction)
        else:
            await FrameProcessor.push_frame(self, frame, direction)
