"""Deepgram is asked for its final transcript before the end of a stretch of speech is sure."""

from pipecat.frames.frames import TranscriptionFrame, VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame

from orchestra.settings import Settings
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.turn_detection.frames import SegmentTranscribedFrame, TranscriptRequestedFrame
from tests.voice.engines.line import Line


async def test_a_stretch_that_was_answered_early_expects_no_other_answer_at_its_end(
    vendor_settings: Settings, question: bytes
) -> None:
    stt = NovaEngine(vendor_settings).stt()
    async with Line(stt) as line:
        await line.push(VADUserStartedSpeakingFrame())
        await line.hear(question)
        await line.push(TranscriptRequestedFrame())
        await line.until_any(TranscriptionFrame)
        await line.push(VADUserStoppedSpeakingFrame())
        await line.until_any(SegmentTranscribedFrame)
        await line.until_any(VADUserStoppedSpeakingFrame)
        assert stt._timer is None
