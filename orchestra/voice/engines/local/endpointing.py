"""When the caller's turn is over, for an engine that transcribes one stretch of speech at a time."""

from pipecat.frames.frames import Frame, VADUserStoppedSpeakingFrame
from pipecat.turns.types import ProcessFrameResult

from orchestra.voice.engines.turn_detection.smart_turn_stop import SmartTurnStop


class SegmentAwareTurnStop(SmartTurnStop):
    """Ends the turn after the allowed pause, once every stretch of speech in it is transcribed.

    The stock strategy ends it on the transcript of an earlier stretch while a later one is still being transcribed; the
    late words then start a new turn and interrupt the answer::

        speech      |--1--|    |--2--|
        smart-turn        no         complete
        transcripts         1             2
        stock                        ^ ends without the words of 2
        here                              ^

    ``ttfs_p99_latency`` of the service bounds the wait.
    """

    _pending = 0

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Count stretches of speech and their transcripts."""
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            self._pending += 1
        return await super().process_frame(frame)

    async def _segment_transcribed(self) -> None:
        self._pending = max(0, self._pending - 1)  # the stretch may have begun under another strategy
        await self._maybe_trigger_user_turn_stopped()
        if self._pending <= 0:
            await super()._segment_transcribed()

    async def _maybe_trigger_user_turn_stopped(self) -> None:
        if self._timeout_expired:
            self._pending = 0
        if self._pending <= 0:
            await super()._maybe_trigger_user_turn_stopped()
