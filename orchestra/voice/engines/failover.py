"""Engines that take over in the middle of a call: the local ones behind a vendor's, and how a vendor's leaves.

A call with a fallback has both services in its pipeline, one behind the other. The one behind lets everything pass
until it is put to work; from then on the one before does::

    caller ──> deepgram ──> local stt (listens, keeps the last stretch) ──> …
    agents ──> elevenlabs ──> local tts (lets audio and words pass)     ──> …
"""

import asyncio
from typing import Any

import structlog
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    StartFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from orchestra.errors import EngineError
from orchestra.voice.engines.turn_detection.frames import SegmentTranscribedFrame

_LOG = structlog.get_logger("orchestra.voice")

_LEAVE_WITHIN_S = 1.0
#: after the end of speech a service is asked for what it has, and answers within tenths of a second, in seconds
_ANSWER_WITHIN_S = 3.0
LIFE_OF_THE_PIPELINE = (StartFrame, EndFrame, CancelFrame)


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
        if self._retired and not isinstance(frame, LIFE_OF_THE_PIPELINE):
            await FrameProcessor.process_frame(self, frame, direction)
            await self.push_frame(frame, direction)
        else:
            await super().process_frame(frame, direction)

    async def push_error_frame(self, error: Any, *arguments: Any, **options: Any) -> None:
        """Report an error, unless the service has left."""
        if not self._retired:
            await super().push_error_frame(error, *arguments, **options)


class AnswerTimeout(RetirableService):
    """Reports a service that does not answer a stretch of speech: mix it in before the vendor's class."""

    vendor: str  # for the error message

    _timer: asyncio.Task[None] | None = None
    unanswered = 0  # stretches of speech that were not answered, one after another
    has_transcript = False  # some words of this stretch of speech were told

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Wait for an answer to each stretch of speech."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self.has_transcript = False
            await self._stop_timer()
        elif isinstance(frame, VADUserStoppedSpeakingFrame) and not self._retired:
            await self._stop_timer()
            self._timer = self.create_task(self._await_answer(), "stt-answer")

    async def _await_answer(self) -> None:
        await asyncio.sleep(_ANSWER_WITHIN_S)
        self._timer = None
        self.unanswered += 1
        await self._report_unanswered(
            f"{self.vendor} did not answer within {_ANSWER_WITHIN_S:.0f} s after the end of speech"
        )
        await self.push_frame(SegmentTranscribedFrame())  # a turn without words is over, whoever is to answer

    async def _report_unanswered(self, text: str) -> None:
        await self.push_error(text, exception=EngineError(text))

    async def _answered(self) -> None:
        self.unanswered = 0
        await self._stop_timer()

    async def _stop_timer(self) -> None:
        waiting, self._timer = self._timer, None
        if waiting is not None:
            await self.cancel_task(waiting)

    async def retire(self) -> None:
        """Leave the call to another engine."""
        await self._stop_timer()
        await super().retire()

    async def cleanup(self) -> None:
        """Release what the service holds."""
        await self._stop_timer()
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on, noting whether words come."""
        if isinstance(frame, InterimTranscriptionFrame | TranscriptionFrame):
            self.has_transcript = True
        await super().push_frame(frame, direction)


class StandbyService(FrameProcessor):
    """A service that lets every frame pass until it is activated: mix it in before the service's own class."""

    engine_name: str
    _at_work = False

    async def activate(self) -> None:
        """Take over the work of the service before this one."""
        self._at_work = True

    async def holds_only_noise(self) -> bool:
        """Whether the speech that the service before this one has not transcribed contains no words."""
        return False
