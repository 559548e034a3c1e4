"""How one engine takes over from another during a call: the standby service, and the service that retires.

A call with a fallback has both services in its pipeline, one after the other. The second lets everything pass until it
is activated; from then on the first does::

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
    ServiceUpdateSettingsFrame,
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
#: a service is asked for its transcript at the end of speech, and normally answers in tenths of a second; in seconds
_ANSWER_WITHIN_S = 3.0
LIFE_OF_THE_PIPELINE = (StartFrame, EndFrame, CancelFrame)


class RetirableService(FrameProcessor):
    """A service that can hand its work over to another: mix it in before the vendor's class."""

    _retired = False

    async def retire(self) -> None:
        """Close the connection; from now on every frame passes unchanged, and no errors are reported."""
        self._retired = True
        try:
            async with asyncio.timeout(_LEAVE_WITHIN_S):
                await self._disconnect()
        except Exception as error:  # noqa: BLE001 - it has failed already, in whatever way; the call continues without it
            _LOG.info("engine.left_badly", engine=self.name, error=repr(error))

    async def _disconnect(self) -> None:
        await super()._disconnect()  # type: ignore[misc]

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Process the frame, or let it pass once retired."""
        if self._retired and not isinstance(frame, LIFE_OF_THE_PIPELINE):
            await FrameProcessor.process_frame(self, frame, direction)
            await self.push_frame(frame, direction)
            return
        await super().process_frame(frame, direction)
        if isinstance(frame, ServiceUpdateSettingsFrame):  # Pipecat's services keep it; a fallback needs it, too
            await self.push_frame(frame, direction)

    async def push_error_frame(self, error: Any, *arguments: Any, **options: Any) -> None:
        """Report an error, unless the service is retired."""
        if not self._retired:
            await super().push_error_frame(error, *arguments, **options)


class AnswerTimeout(RetirableService):
    """Reports a service that does not answer a stretch of speech: mix it in before the vendor's class."""

    vendor: str  # for the error message

    _timer: asyncio.Task[None] | None = None
    unanswered = 0  # consecutive stretches of speech without an answer
    has_transcript = False  # this stretch of speech has some words already
    answered_early = False  # the stretch that ends now was answered before its end was sure

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Expect an answer to each stretch of speech."""
        answered = self.answered_early
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self.has_transcript = False
            await self._stop_timer()
        elif isinstance(frame, VADUserStoppedSpeakingFrame) and not (self._retired or answered):
            await self._stop_timer()
            self._timer = self.create_task(self._await_answer(), "stt-answer")

    async def _await_answer(self) -> None:
        await asyncio.sleep(_ANSWER_WITHIN_S)
        self._timer = None
        self.unanswered += 1
        await self._report_unanswered(
            f"{self.vendor} did not answer within {_ANSWER_WITHIN_S:.0f} s after the end of speech"
        )
        await self.push_frame(
            SegmentTranscribedFrame()
        )  # a turn without words is over, whichever engine transcribes next

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
        """Retire, with no answer expected."""
        await self._stop_timer()
        await super().retire()

    async def cleanup(self) -> None:
        """Release what the service holds."""
        await self._stop_timer()
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on, noting whether words arrive."""
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
