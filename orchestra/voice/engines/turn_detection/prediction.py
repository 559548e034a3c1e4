"""When the caller's turn is probably over: its reply is then prepared, and held back until that is sure."""

import asyncio
from typing import Any, Final

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import BaseUserTurnStopStrategy
from pipecat.utils.time import time_now_iso8601

from orchestra.language.utterance import has_words, same_words
from orchestra.language.utterance_state import UtteranceState
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.frames import (
    CallerPausedFrame,
    CallerWentOnFrame,
    TranscriptRequestedFrame,
    TurnPredictedFrame,
)
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer
from orchestra.voice.engines.turn_detection.pause_watch import PAUSE_S
from orchestra.voice.engines.turn_detection.turn_words import TurnWords

#: a pause that has lasted for this share of what is allowed probably ends the turn: from here on a reply takes as long
_LASTS: Final = 0.6
#: probability from which smart-turn's early look counts as the end of the turn
_SOUNDS_FINISHED = 0.5
_NEEDS_WORDS = frozenset({UtteranceState.UNFINISHED, UtteranceState.THINKING})
_NEEDS_MORE = _NEEDS_WORDS | {UtteranceState.DICTATION}
_MAY_BE_FINISHED = frozenset({UtteranceState.OPEN, UtteranceState.PREAMBLE})
_FINISHED = frozenset(UtteranceState) - _NEEDS_MORE - _MAY_BE_FINISHED


class TurnPrediction(BaseUserTurnStopStrategy):
    """Predicts the end of the turn in the caller's first tenth of a second of silence; it never ends the turn itself.

    ::

        caller      … my parcel?  |(pause)                |(silence is sure)
        words       where is my       where is my parcel?
        prediction                    ^ predicted          ^ confirmed, by the strategy after this one

    The end is predicted when the words so far read as finished, or when they may be and smart-turn says that they
    sound so, once words have come in the pause; and unless they need another, when the pause lasts. It is taken back
    when the caller goes on, or when other words come.

    Args:
        analyzer: smart-turn, shared with the strategy that ends the turn; what it says early need not be asked again.
        endpointer: tells how far the words have got, as an answer to the agent's.

    """

    def __init__(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer, **options: Any) -> None:
        super().__init__(**options)
        self._analyzer = analyzer
        self._endpointer = endpointer
        self._words = TurnWords()
        self._predicted = ""
        self._likely = False  # more than the words told what is predicted
        self._outdated = False  # the caller has gone on since the last words came
        self._lasts = False  # the pause, for so long that it probably ends the turn
        self._silence_s = 0.0
        self._begin_pause(paused=False)
        self._look: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow the caller's voice and words."""
        match frame:
            case CallerPausedFrame():
                await self._caller_paused()
            case CallerWentOnFrame() | VADUserStartedSpeakingFrame():
                await self._caller_went_on()
            case InterimTranscriptionFrame() | TranscriptionFrame():
                self._words.take(frame)
                await self._words_came()
            case InputAudioRawFrame() if self._paused and not self._lasts:
                self._silence_s += frame.num_frames / frame.sample_rate
                if self._silence_s >= _LASTS * self._endpointer.allowed_s:
                    self._lasts = True
                    await self._decide()
            case _:
                pass
        return ProcessFrameResult.CONTINUE

    async def handle_user_turn_started(self) -> None:
        """Begin with no words: those of a turn come after its start, or start it."""
        self._forget_words()

    async def handle_user_turn_stopped(self) -> None:
        """Forget the words of the turn: its end is sure."""
        self._forget_words()
        self._begin_pause(paused=False)

    async def cleanup(self) -> None:
        """End the look that is being taken."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._stop_listening()

    def _begin_pause(self, *, paused: bool) -> None:
        self._paused = paused
        self._sounds_finished = False
        self._lasts = False
        self._silence_s = PAUSE_S
        self._up_to_date = False  # words have come since the pause began
        self._requested = False

    def _forget_words(self) -> None:
        self._words.clear()
        self._predicted = ""

    async def _caller_paused(self) -> None:
        self._begin_pause(paused=True)
        await self._stop_listening()
        self._look = self.task_manager.create_task(self._listen(), f"{self}::look")
        await self._decide()

    async def _caller_went_on(self) -> None:
        self._begin_pause(paused=False)
        self._outdated = True
        await self._stop_listening()
        self._analyzer.forget_early_look()
        await self._take_back()

    async def _listen(self) -> None:
        probability = await self._analyzer.look_early()
        self._look = None
        if probability > _SOUNDS_FINISHED and self._paused:
            self._sounds_finished = True
            await self._decide()

    async def _stop_listening(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            await self.task_manager.cancel_task(look)

    async def _words_came(self) -> None:
        self._up_to_date, self._outdated = self._paused, False
        await self._decide()

    async def _decide(self) -> None:
        words = self._words.text
        if not self._paused:
            return
        state = self._endpointer.state_of(words)
        await self._request_transcript(state)
        lasts = self._lasts and self._up_to_date and state not in _NEEDS_WORDS
        likely = lasts or (state in _FINISHED and self._sounds_finished)
        if (
            self._outdated
            or not has_words(words)
            or (same_words(words, self._predicted) and (self._likely or not likely))
        ):
            return
        sounds_so = state in _MAY_BE_FINISHED and self._sounds_finished and self._up_to_date
        if state in _FINISHED or sounds_so or lasts:
            self._predicted, self._likely = words, likely
            await self.push_frame(TurnPredictedFrame(words, "", time_now_iso8601(), likely=likely))
        else:
            await self._take_back()

    async def _request_transcript(self, state: UtteranceState) -> None:
        """Ask for the last words, unless those so far need others; what sounds finished may have them already."""
        if not self._requested and (state not in _NEEDS_MORE or self._sounds_finished):
            self._requested = True
            await self.push_frame(TranscriptRequestedFrame(), FrameDirection.UPSTREAM)

    async def _take_back(self) -> None:
        if self._predicted:
            self._predicted = ""
            await self.push_frame(EagerEndOfTurnCancelFrame())
