"""When the caller takes the turn from a speaking agent."""

import dataclasses

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import MinWordsUserTurnStartStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from orchestra.language.utterance import split_words


class _WordCount(MinWordsUserTurnStartStrategy):
    """Counts words also where no spaces are written between them; each letter is one there."""

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Start the turn if there are enough words."""
        if isinstance(frame, TranscriptionFrame | InterimTranscriptionFrame) and not frame.text.isascii():
            frame = dataclasses.replace(frame, text=" ".join(split_words(frame.text)))
        return await super().process_frame(frame)


class BargeIn(_WordCount):
    """Starts a turn at any voice while the agent is silent, and at ``min_words`` words while the agent speaks.

    A cough or an "mhm" does not interrupt the agent. With an engine without interim transcripts, the agent stops only
    after the caller's first pause.
    """

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Start the turn if it is time."""
        if isinstance(frame, VADUserStartedSpeakingFrame) and not self._bot_speaking:
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        return await super().process_frame(frame)


class ServerBargeIn(_WordCount):
    """Starts a turn when the engine's server does, or, while the agent speaks, at ``min_words`` words."""

    @property
    def resolves_proposed_turn_start_frames(self) -> bool:
        """Yes: no later strategy decides on the server's proposals again."""
        return True

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Start the turn if it is time."""
        if isinstance(frame, ProposedUserStartedSpeakingFrame):
            if self._bot_speaking:
                return ProcessFrameResult.CONTINUE
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        return await super().process_frame(frame)


def require_words(strategies: UserTurnStrategies) -> UserTurnStrategies:
    """These strategies, except that a word is needed to interrupt the agent, not just a sound."""
    start = strategies.start or []
    if any(isinstance(strategy, MinWordsUserTurnStartStrategy) for strategy in start):
        return strategies
    by_server = any(strategy.resolves_proposed_turn_start_frames for strategy in start)
    strategies.start = [ServerBargeIn(min_words=1) if by_server else BargeIn(min_words=1)]
    return strategies
