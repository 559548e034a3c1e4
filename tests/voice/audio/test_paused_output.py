"""An agent whose audio is paused has not stopped speaking."""

import asyncio

import numpy as np
from pipecat.frames.frames import BotStartedSpeakingFrame, BotStoppedSpeakingFrame, Frame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameDirection

from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.carriers.port import Received
from orchestra.voice.pipeline.agent_speech import PauseAudioFrame
from orchestra.voice.pipeline.thinking_sound import ThinkingSound
from orchestra.voice.pipeline.transport import StreamOutput
from tests.voice.engines.line import Line

_RATE = 8_000


class Stream:
    """A carrier's stream that notes how much audio it got."""

    sample_rate = _RATE

    def __init__(self) -> None:
        self.sent_s = 0.0

    async def receive(self) -> Received:
        raise NotImplementedError

    async def send_audio(self, samples: bytes) -> bool:
        self.sent_s += len(samples) / 2 / _RATE
        return True

    async def send_mark(self, name: str) -> None:
        pass

    async def clear(self) -> None:
        pass


class Output(StreamOutput):
    """Notes when Pipecat finds that it has nothing left to send."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(
            stream,
            CallAudio(),
            ThinkingSound(lambda: np.zeros(0, np.int16), _RATE, lambda: 0.0),
            on_speech=lambda: None,
            on_held=lambda: None,
            on_sound=lambda _silence_s: None,
            on_mark=lambda _name: None,
            on_clear=lambda: None,
        )
        self.empty = asyncio.Event()

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        await super().push_frame(frame, direction)
        if isinstance(frame, BotStoppedSpeakingFrame):
            self.empty.set()


async def test_an_agent_whose_audio_is_paused_has_not_stopped_until_the_rest_is_played() -> None:
    stream = Stream()
    output = Output(stream)
    tone = np.full(_RATE // 2, 8_000, np.int16).tobytes()
    async with Line(output) as line:
        await line.push(TTSAudioRawFrame(tone, _RATE, 1))
        await line.until_any(BotStartedSpeakingFrame)
        await line.push(PauseAudioFrame(pause=True))
        await asyncio.wait_for(output.empty.wait(), 30)
        assert line.all(BotStoppedSpeakingFrame) == []
        await line.push(PauseAudioFrame(pause=False))
        await line.until_any(BotStoppedSpeakingFrame)
    assert stream.sent_s >= 0.5
