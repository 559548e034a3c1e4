"""The caller's audio comes in larger frames where nothing waits for it."""

import pytest
from pipecat.frames.frames import Frame, InputAudioRawFrame, VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
from pipecat.processors.frame_processor import FrameDirection

from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.pipeline.transport import StreamInput

FRAME_20MS = bytes(320)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> tuple[StreamInput, list[int]]:
    """The input, and the lengths in ms of the frames that it has given to the pipeline."""
    stream, lengths = StreamInput(8_000, CallAudio()), []

    async def note(frame: Frame, _direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        if isinstance(frame, InputAudioRawFrame):
            lengths.append(len(frame.audio) // 32)

    monkeypatch.setattr(stream, "push_frame", note)
    return stream, lengths


async def hear(stream: StreamInput, count: int) -> None:
    for _ in range(count):
        await stream.push_audio(FRAME_20MS)


async def test_frames_are_joined_only_where_no_turn_may_be_about_to_end(frames: tuple[StreamInput, list[int]]) -> None:
    stream, lengths = frames
    await hear(stream, 4)
    assert lengths == [40, 40]
    await stream.process_frame(VADUserStartedSpeakingFrame(), FrameDirection.UPSTREAM)
    await hear(stream, 100)
    assert set(lengths[2:]) == {20}
    lengths.clear()
    await stream.process_frame(VADUserStoppedSpeakingFrame(), FrameDirection.UPSTREAM)
    await hear(stream, 40)
    assert lengths == [20] * 30 + [40] * 5
