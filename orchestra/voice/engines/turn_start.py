"""When the caller takes the turn from an agent that speaks."""

from pipecat.frames.frames import Frame, VADUserStartedSpeakingFrame
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import MinWordsUserTurnStartStrategy


class BargeIn(MinWordsUserTurnStartStrategy):
    """Takes any voice for a turn while the agent is silent, and so many words of it while the agent speaks.

    The agent is not cut by a cough or an "mhm"; with an engine that has no interim transcripts it is cut only after
    the caller's first pause.
    """

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Start the turn, or not yet."""
        if isinstance(frame, VADUserStartedSpeakingFrame) and not self._bot_speaking:
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        return await super().process_frame(frame)
