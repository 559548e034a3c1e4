"""Whole calls on Deepgram and ElevenLabs, chosen by setting."""

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transcript_match import compare
from orchestra.testing import TestBus
from orchestra.voice.engines import load_engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import (
    CallEndRequested,
    ReplyChunk,
    ReplySpoken,
    TranscriptFinal,
    TranscriptPartial,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.edges import Greeting, running_edge
from tests.voice.engines.conftest import QUESTION, Vendors
from tests.voice.engines.test_engines_conformance import words

REPLY = "We are open in the morning."


@pytest.mark.integration
async def test_a_call_is_heard_by_deepgram_and_answered_by_elevenlabs(
    bus: TestBus, settings: Settings, speech: LocalSpeech, vendors: Vendors, vendor_settings: Settings
) -> None:
    chosen = settings.model_copy(
        update=vendor_settings.model_dump(
            include={"stt", "tts", "deepgram_url", "deepgram_api_key", "elevenlabs_url", "elevenlabs_api_key"}
        )
    )
    engines = await load_engines(chosen)
    async with running_edge(bus, chosen, engines=engines, app=Greeting(greeting="Good morning.")) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(np.frombuffer(speech.synthesize(QUESTION, 8_000)[0], np.int16))
            ended = await running.event(UserTurnEnded, turn=1)
            await bus.publish(ReplyChunk(call=ended.call, turn=1, text=REPLY))
            await bus.publish(CallEndRequested(call=ended.call, turn=1))
            await bus.publish(TurnCompleted(call=ended.call, turn=1, agent="reception"))
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    await engines.close()
    assert words((await bus.published(UserTurnEnded))[0].text) == words(QUESTION)
    assert (await bus.published(TranscriptFinal))[0].engine == "deepgram"
    assert words((await bus.published(ReplySpoken))[1].text) == words(REPLY)
    assert [text for _, text in vendors.elevenlabs.said] == ["Good morning.", REPLY]
    heard = compare(f"Good morning. {REPLY}", speech.transcribe(running.lines[0].tracks.agent.tobytes(), 8_000))
    assert heard.matches, heard
    assert await bus.published(TranscriptPartial)
