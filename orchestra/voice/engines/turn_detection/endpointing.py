"""When the caller's turn is over: smart-turn decides by the sound; if it is unsure, the words set how long to wait."""

import re
from typing import Any

from pipecat.frames.frames import Frame, TranscriptionFrame, VADUserStartedSpeakingFrame
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy

from orchestra.voice.engines.turn_detection.frames import SegmentTranscribedFrame
from orchestra.voice.engines.turn_detection.models import LONGEST_PAUSE_S, SmartTurnAnalyzer

#: pause that ends a turn after a complete sentence that sounds unfinished to smart-turn, in seconds
SENTENCE_PAUSE_S = 0.7
#: the same after a number, since callers say digits in groups
NUMBER_PAUSE_S = 1.0

_UNFINISHED = (
    " a about am an and are as at because but by can could for from had has have i if in into is my of on or our "
    "should so that the their they this to until was we were when where which who will with would you your "
)


def is_sentence(text: str) -> bool:
    """Whether ``text`` reads as finished: punctuated as a sentence, and not ending in a word that needs another."""
    text = text.strip()
    if not text.endswith((".", "?", "!")) or text.endswith(("..", "…")):
        return False
    words = re.findall(r"[a-z']+|\d+", text.lower())
    return bool(words) and (f" {words[-1]} " not in _UNFINISHED or text.endswith("?"))


def pause_after(text: str) -> float:
    """How long a pause after these words ends the turn, in seconds."""
    if not is_sentence(text):
        return LONGEST_PAUSE_S
    return NUMBER_PAUSE_S if text.rstrip(" .?!")[-1:].isdigit() else SENTENCE_PAUSE_S


class SmartTurnStop(TurnAnalyzerUserTurnStopStrategy):
    """Ends the turn when smart-turn says so; otherwise after a pause, shorter when a sentence is complete.

    Smart-turn judges intonation; one finished turn in twenty sounds unfinished to it (8 kHz, Piper's voice).
    """

    def __init__(self, analyzer: SmartTurnAnalyzer, **options: Any) -> None:
        super().__init__(turn_analyzer=analyzer, **options)
        self._analyzer = analyzer

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Set the pause by the transcript."""
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._analyzer.allow_pause(LONGEST_PAUSE_S)
        elif isinstance(frame, TranscriptionFrame):
            self._analyzer.allow_pause(pause_after(frame.text))
        result = await super().process_frame(frame)
        if isinstance(frame, SegmentTranscribedFrame):
            await self._segment_transcribed()
        return result

    async def _segment_transcribed(self) -> None:
        """End a turn without words at once: noise must not delay the reply."""
        if not self._text and not self._vad_user_speaking:
            await self.trigger_user_turn_stopped()
