"""Deepgram's final transcript, asked for when the caller's turn is probably over and not only when that is sure."""

import time
from collections.abc import AsyncGenerator
from typing import Any

from deepgram.listen.v1.types import ListenV1Finalize
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.stt_service import STTService

from orchestra.voice.engines.turn_detection.frames import (
    WORDS_BEGAN,
    CallerWentOnFrame,
    SegmentTranscribedFrame,
    ShortSoundFrame,
    TranscriptRequestedFrame,
)

#: a result that ends this much before the audio sent until the request still answers it, in seconds
_TOLERANCE_S = 0.1
_BYTES_PER_SAMPLE = 2


class EarlyFinalizeSTT(DeepgramSTTService):
    """Sends `Finalize` at the predicted end of a stretch of speech, and a second one only if the caller went on.

    ::

        caller     speaks |---- silent -----------|
        edge              .  Finalize             VAD is sure      -> no second Finalize
        Deepgram                   final, from_finalize
        listener                                  SegmentTranscribed

    The service answers in order, but not always: a result that comes late is told by the audio that it covers.
    https://developers.deepgram.com/docs/finalize
    """

    _requested_at_s: float | None = None  # audio sent when the final of this stretch was requested
    answered_early = False  # the final came before the end of the stretch was sure
    _sent_s = 0.0  # audio sent on this connection
    _sent_to: object = None

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send audio."""
        if self._sent_to is not self._connection:
            self._sent_to, self._sent_s = self._connection, 0.0
            self._forget_request()
        self._sent_s += len(audio) / _BYTES_PER_SAMPLE / self.sample_rate
        async for frame in super().run_stt(audio):
            yield frame

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Ask for the final transcript once per pause."""
        if isinstance(frame, TranscriptRequestedFrame):
            await self._finalize_early()
        elif isinstance(frame, ShortSoundFrame):
            await self._finalize_short_sound()
        elif isinstance(frame, CallerWentOnFrame | VADUserStartedSpeakingFrame):
            self._forget_request()
        if not isinstance(frame, VADUserStoppedSpeakingFrame):
            await super().process_frame(frame, direction)
        elif self._requested_at_s is not None:
            await self._stretch_ended(frame, direction)
        else:
            self._requested_at_s = self._sent_s
            await super().process_frame(frame, direction)  # requests it

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on; words with the moment at which they were said: the audio is sent as it comes."""
        if isinstance(frame, InterimTranscriptionFrame | TranscriptionFrame) and frame.result is not None:
            words = frame.result.channel.alternatives[0].words
            if words:
                frame.metadata[WORDS_BEGAN] = time.time() - (self._sent_s - words[0].start)
        await super().push_frame(frame, direction)

    async def _finalize_early(self) -> None:
        if self._connection is not None and self._requested_at_s is None:
            self._requested_at_s = self._sent_s
            await self._connection.send_finalize(ListenV1Finalize(type="Finalize"))

    async def _finalize_short_sound(self) -> None:
        """Ask for the words of a sound that is no speech; nobody waits for the answer."""
        if self._connection is not None and not self._user_speaking:
            self._requested_at_s = self._sent_s
            self.request_finalize()
            await self._connection.send_finalize(ListenV1Finalize(type="Finalize"))

    async def _stretch_ended(self, frame: VADUserStoppedSpeakingFrame, direction: FrameDirection) -> None:
        """Report the end as the stock service does, whose request would be the second one."""
        if not self.answered_early:
            self.request_finalize()  # type: ignore[no-untyped-call]
        await STTService.process_frame(self, frame, direction)
        if self.answered_early:
            self._forget_request()
            await self.push_frame(SegmentTranscribedFrame())

    def _forget_request(self) -> None:
        self._requested_at_s, self.answered_early = None, False

    async def _on_message(self, message: Any) -> None:
        answers = getattr(message, "is_final", False) and getattr(message, "from_finalize", False)
        if answers and not self._covers_request(message):
            message, answers = message.model_copy(update={"from_finalize": False}), False  # more words are on their way
        await super()._on_message(message)  # type: ignore[no-untyped-call]
        if answers and self._user_speaking:
            self.answered_early = True
        elif answers:
            self._forget_request()
            await self.push_frame(SegmentTranscribedFrame())

    def _covers_request(self, message: Any) -> bool:
        requested_at_s = self._requested_at_s
        return requested_at_s is not None and message.start + message.duration >= requested_at_s - _TOLERANCE_S
