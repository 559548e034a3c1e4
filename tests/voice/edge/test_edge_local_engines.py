"""A call with the real local engines: speech in, speech out."""

import asyncio

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transcript_match import compare
from orchestra.testing import TestBus
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra_schemas import (
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)
from tests.voice.edges import Greeting, RunningEdge, running_edge

REPLY = (
    "Your parcel left our warehouse in Denver on Monday morning.",
    "It will be at your door on Friday, before noon, and you need not be at home.",
)


@pytest.fixture
def engines(speech: LocalSpeech, listening: TurnDetectionModels) -> Engines:
    local = LocalEngine(speech)
    return Engines(local, local, listening)


@pytest.mark.integration
@pytest.mark.timeout(120)
async def test_speech_is_understood_answered_and_cut_at_the_word_that_was_heard(
    bus: TestBus, settings: Settings, speech: LocalSpeech, engines: Engines
) -> None:
    async with running_edge(bus, settings, engines=engines, app=Greeting(greeting="Good morning.")) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            say(line, speech, "Where is my parcel?")
            await answer(running)
            assert await line.until(lambda: line.agent_audible_s > 5.0, 60)
            say(line, speech, "Thank you, that is all.")
            await second_turn_ended(bus)

        await running.call(talk)
        line = running.lines[0]
    said = [ended.text.lower() for ended in await bus.published(UserTurnEnded)]
    assert "parcel" in said[0]
    assert "thank you" in said[1]
    (interrupted,) = await bus.published(ReplyInterrupted)
    whole = " ".join(REPLY)
    assert whole.startswith(interrupted.heard)
    assert interrupted.heard.startswith(REPLY[0])  # more than the first sentence, and not the whole of the second
    assert len(interrupted.heard) < len(whole) - 20
    heard = compare(
        f"Good morning. {interrupted.heard}", speech.transcribe(line.tracks.agent.tobytes(), 8000), open_end=True
    )
    assert heard.matches, heard
    assert (await bus.published(TranscriptFinal))[0].engine == "local"
    (measured,) = await bus.published(TurnMeasured)
    assert measured.total_ms > measured.turn_end_ms > 0


async def second_turn_ended(bus: TestBus) -> None:
    """Wait for it, whatever its number: a prediction after "Thank you" that is taken back takes one, too."""
    async with asyncio.timeout(45):
        while len(await bus.published(UserTurnEnded)) < 2:  # noqa: ASYNC110 - another task publishes it
            await asyncio.sleep(0.02)


def say(line: PhoneLine, speech: LocalSpeech, text: str) -> None:
    pcm, rate = speech.synthesize(text, 8000)
    assert rate == 8000
    line.say(np.frombuffer(pcm, np.int16))


async def answer(running: RunningEdge) -> None:
    ended = await running.event(UserTurnEnded, turn=1)
    for text in REPLY:
        await running.bus.publish(ReplyChunk(call=ended.call, turn=1, text=text))
    await running.bus.publish(TurnCompleted(call=ended.call, turn=1, agent="tracking"))
