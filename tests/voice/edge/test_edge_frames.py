"""How the caller's audio goes through the pipeline."""

import pytest
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.frame_processor import FrameDirection

from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.pipeline.transport import LISTENING_RATE, StreamInput
from orchestra_schemas import ReplySpoken, UserTurnEnded
from tests.voice.edges import running_edge, tone


async def test_two_frames_are_joined_except_while_the_caller_speaks(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths_ms: list[int] = []
    push_frame = StreamInput.push_frame

    async def watched(self: StreamInput, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        if isinstance(frame, InputAudioRawFrame):
            lengths_ms.append(round(len(frame.audio) / 2 / LISTENING_RATE * 1000))
        await push_frame(self, frame, direction)

    monkeypatch.setattr(StreamInput, "push_frame", watched)
    async with running_edge(bus, settings, "where is my parcel") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            assert set(lengths_ms[1:]) == {40}
            line.say(tone(0.8))
            await running.event(UserTurnEnded, turn=1)
            assert 20 in lengths_ms
            lengths_ms.clear()
            # for a while after a voice every 20 ms count, since the end of the turn is decided then
            assert await line.until(lambda: lengths_ms[-3:] == [40, 40, 40], 30)

        await running.call(talk)
