"""The wait that `TurnMeasured` gives is the gap between the two sides of the recording."""

import statistics

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator.audio_measure import find_sounds
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.audio.mulaw import Samples
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import AudioChunk, CallEnded, ReplyChunk, ReplySpoken, TurnCompleted, TurnMeasured, UserTurnEnded
from tests.voice.edges import Greeting, running_edge
from tests.voice.engines.conftest import QUESTION, Vendors

#: calls of many seconds, in real time
pytestmark = pytest.mark.integration

REPLY = "We are open in the morning."


def recorded(chunks: list[AudioChunk], speaker: str) -> Samples:
    own = [chunk for chunk in chunks if chunk.speaker == speaker]
    track = np.zeros(8 * max(chunk.offset_ms + len(chunk.audio) // 16 for chunk in own) + 8, np.int16)
    for chunk in own:
        samples = np.frombuffer(chunk.audio, np.int16)
        track[8 * chunk.offset_ms : 8 * chunk.offset_ms + samples.size] = samples
    return track


async def test_a_wait_is_what_the_recording_shows(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, speech: LocalSpeech
) -> None:
    vendors.deepgram.lines = [QUESTION] * 3
    samples = np.frombuffer(speech.synthesize(QUESTION, 8_000)[0], np.int16)
    async with running_edge(bus, settings, engines=engines, app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            for turn in (1, 2, 3):
                line.say(samples)
                ended = await running.event(UserTurnEnded, turn=turn)
                await bus.publish(ReplyChunk(call=ended.call, turn=turn, text=REPLY))
                await bus.publish(TurnCompleted(call=ended.call, turn=turn, agent="reception"))
                await running.event(ReplySpoken, turn=turn)

        await running.call(talk)
        await running.event(CallEnded)
    chunks = await bus.published(AudioChunk)
    caller, agent = find_sounds(recorded(chunks, "caller")), find_sounds(recorded(chunks, "agent"))
    asked = [max(span.end_s for span in caller if span.end_s < answer.start_s) for answer in agent]
    gaps_ms = [(answer.start_s - end_s) * 1000 for answer, end_s in zip(agent, asked, strict=True)]
    measured = await bus.published(TurnMeasured)
    wrong_ms = [event.total_ms - gap_ms for event, gap_ms in zip(measured, gaps_ms, strict=True)]
    assert abs(statistics.median(wrong_ms)) < 40, wrong_ms
