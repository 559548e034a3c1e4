"""When the caller takes the turn from an agent that speaks."""

from pipecat.frames.frames import Frame, ProposedUserStartedSpeakingFrame, VADUserStartedSpeakingFrame
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import MinWordsUserTurnStartStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies


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


class ServerBargeIn(MinWordsUserTurnStartStrategy):
    """Begins a turn where the speech engine's server does while the agent is silent, and else by so many words."""

    @property
    def resolves_proposed_turn_start_frames(self) -> bool:
        """Yes: nobody behind decides on the server's proposals again."""
        return True

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Start the turn, or not yet."""
        if isinstance(frame, ProposedUserStartedSpeakingFrame):
            if self._bot_speaking:
                return ProcessFrameResult.CONTINUE
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        return await super().process_frame(frame)


def require_words(strategies: UserTurnStrategies) -> UserTurnStrategies:
    """These, but that an agent who speaks is stopped by a word and not by a sound, whatever was set."""
    start = strategies.start or []
    if any(isinstance(strategy, MinWordsUserTurnStartStrategy) for strategy in start):
        return strategies
    by_server = any(strategy.resolves_proposed_turn_start_frames for strategy in start)
    strategies.start = [ServerBargeIn(min_words=1) if by_server else BargeIn(min_words=1)]
    return strategies
