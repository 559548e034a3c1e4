"""The frames by which turn detection and a speech-to-text service tell each other about a stretch of speech.

::

    caller    speaks |--- silent ---------------|
    listener         .  CallerPausedFrame       VADUserStoppedSpeakingFrame
    strategies             TranscriptRequestedFrame (unless other words must follow)
    service                        SegmentTranscribedFrame
"""

import time
from dataclasses import dataclass, field
from typing import Final

from pipecat.frames.frames import ControlFrame, EagerTranscriptionFrame, SystemFrame

#: in the metadata of words: when the first of them was said (epoch seconds), if the engine tells
WORDS_BEGAN: Final = "words_began"


@dataclass
class SegmentTranscribedFrame(ControlFrame):
    """A stretch of speech has been transcribed, with or without words; follows its ``TranscriptionFrame``."""

    interruptible: bool = field(default=False, init=False)


@dataclass
class CallerPausedFrame(SystemFrame):
    """The caller has just fallen silent, for a shorter time than ends a stretch of speech."""


@dataclass
class CallerWentOnFrame(SystemFrame):
    """The caller's voice is back after a `CallerPausedFrame`, within the same stretch of speech."""


@dataclass
class TurnPredictedFrame(EagerTranscriptionFrame):
    """The caller's turn is probably over with these words; ``likely`` if both the words and their sound tell it."""

    likely: bool = True


@dataclass
class TranscriptRequestedFrame(SystemFrame):
    """The caller's turn may be over: its final transcript is wanted now, not only when the silence is long enough."""


@dataclass
class ShortSoundFrame(SystemFrame):
    """A sound has ended that is too short to be speech, perhaps a "no": the engine is asked for the words in it.

    Attributes:
        stop_secs: the silence since then, in seconds.
        timestamp: when it was reported, in epoch seconds.

    """

    stop_secs: float = 0.0
    timestamp: float = field(default_factory=time.time)
