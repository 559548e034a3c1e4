"""What a speech-to-text service says when it is done with a stretch of speech."""

from dataclasses import dataclass, field

from pipecat.frames.frames import ControlFrame


@dataclass
class SegmentTranscribedFrame(ControlFrame):
    """One stretch of speech is transcribed, be there words in it or not; follows its ``TranscriptionFrame``."""

    interruptible: bool = field(default=False, init=False)
