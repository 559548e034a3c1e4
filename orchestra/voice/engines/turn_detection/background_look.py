"""The stock strategy of smart-turn, except that a call goes on while smart-turn looks at a pause."""

import asyncio

from pipecat.audio.vad.vad_analyzer import VAD_STOP_SECS
from pipecat.frames.frames import Frame, STTMetadataFrame, VADUserStoppedSpeakingFrame
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy

from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer


class BackgroundLook(TurnAnalyzerUserTurnStopStrategy):
    """Looks at a pause without holding up the caller's words, and not to the end if the caller speaks again.

    The stock strategy takes no frame of the call before it has smart-turn's verdict: on a busy machine it ends the turn
    of a caller who is speaking already, and the transcript seems to be as late as the verdict.
    """

    _look: asyncio.Task[None] | None = None

    def __init__(self, analyzer: SmartTurnAnalyzer) -> None:
        super().__init__(turn_analyzer=analyzer)
        self._analyzer = analyzer

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Learn how much later than the pause its words come: the verdict is needed then."""
        if isinstance(frame, STTMetadataFrame):
            self._analyzer.words_within_s = max(0.0, frame.ttfs_p99_latency - VAD_STOP_SECS)
        return await super().process_frame(frame)

    async def cleanup(self) -> None:
        """Look no more."""
        await self._drop_look()
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._vad_user_speaking, self._vad_stopped = False, True
        await self._drop_look()
        look = super()._handle_vad_user_stopped_speaking(frame)
        self._look = self.task_manager.create_task(look, f"{self}::look")

    async def _discard_pending_end_of_turn(self) -> None:
        await self._drop_look()
        await super()._discard_pending_end_of_turn()  # type: ignore[no-untyped-call]

    async def _maybe_trigger_user_turn_stopped(self) -> None:
        if self._look is asyncio.current_task():
            self._look = None  # it has the verdict: from here on it ends the turn, and nothing cancels that
        if self._look is None or self._look.done() or self._transcript_finalized:
            await super()._maybe_trigger_user_turn_stopped()  # type: ignore[no-untyped-call]

    async def _drop_look(self) -> None:
        look, self._look = self._look, None
        if look is not None and not look.done() and look is not asyncio.current_task():
            await self.task_manager.cancel_task(look)
