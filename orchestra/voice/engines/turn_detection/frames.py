"""The frame by which an STT service reports that a stretch of speech has been transcribed."""

from dataclasses import dataclass, field

from pipecat.frames.frames import ControlFrame


@dataclass
class SegmentTranscribedFrame(ControlFrame):
    """A stretch of speech has been transcribed, with or without words; follows its ``TranscriptionFrame``."""

    interruptible: bool = field(default=False, init=False)
