"""A vendor fails during a call: it gets a second chance, then the local engine takes over."""

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transcript_match import compare
from orchestra.testing import TestBus
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.pipeline.failover_policy import Decision, FailoverPolicy
from orchestra_schemas import (
    ProviderFailed,
    ReplyChunk,
    ReplySpoken,
    SpeechMetered,
    TranscriptFinal,
    TurnCompleted,
    UserTurnEnded,
)
from tests.servers.elevenlabs import tone
from tests.servers.server import NO_FAULTS, Faults
from tests.voice.edges import Greeting, RunningEdge, running_edge
from tests.voice.engines.conftest import QUESTION, Vendors

GREETING = "Good morning."
REPLY = "We are open in the morning, and we close at noon."


@pytest.fixture
def engines(listening: TurnDetectionModels, local: LocalEngine, vendors: Vendors, vendor_settings: Settings) -> Engines:
    vendors.elevenlabs.synthesize = tone
    stt, tts = NovaEngine(vendor_settings), ElevenLabsEngine(vendor_settings)
    return Engines(stt, tts, listening, stt_fallback=local, tts_fallback=local)


def say(line: PhoneLine, speech: LocalSpeech) -> None:
    line.say(np.frombuffer(speech.synthesize(QUESTION, 8_000)[0], np.int16))


async def answer(running: RunningEdge, turn: int) -> None:
    ended = await running.event(UserTurnEnded, turn=turn)
    await running.bus.publish(ReplyChunk(call=ended.call, turn=turn, text=REPLY))
    await running.bus.publish(TurnCompleted(call=ended.call, turn=turn, agent="reception"))


@pytest.mark.faults
@pytest.mark.parametrize(
    "faults", [Faults(status=401), Faults(status=429), Faults(slow_s=30)], ids=["401", "429", "no answer"]
)
async def test_the_local_voice_takes_over_from_elevenlabs(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, speech: LocalSpeech, *, faults: Faults
) -> None:
    vendors.elevenlabs.faults = faults
    async with running_edge(bus, settings, engines=engines, app=Greeting(greeting=GREETING)) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            say(line, speech)
            await answer(running, 1)
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    failed = await bus.published(ProviderFailed)
    assert (failed[-1].service, failed[-1].provider, failed[-1].fallback) == ("tts", "elevenlabs", "local")
    spoken_by = {event.tts for event in await bus.published(SpeechMetered) if event.tts_characters}
    assert "local" in spoken_by
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [GREETING, REPLY]
    heard = compare(f"{GREETING} {REPLY}", speech.transcribe(running.lines[0].tracks.agent.tobytes(), 8_000))
    assert heard.matches, heard


@pytest.mark.faults
async def test_a_reply_that_is_lost_with_elevenlabs_socket_is_spoken_again(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, speech: LocalSpeech
) -> None:
    vendors.elevenlabs.faults = Faults(drop_after=8, times=1)  # the greeting takes 4 messages, the reply 12
    async with running_edge(bus, settings, engines=engines, app=Greeting(greeting=GREETING)) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            await line.until(lambda: False, 2.0)  # a call that began just now would not be given a second chance
            say(line, speech)
            await answer(running, 1)
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    (failed,) = await bus.published(ProviderFailed)
    assert failed.fallback == ""
    assert (await bus.published(ReplySpoken))[1].text == REPLY


@pytest.mark.faults
@pytest.mark.parametrize(
    "faults", [Faults(status=401), Faults(status=429), Faults(slow_s=30)], ids=["401", "429", "no answer"]
)
async def test_the_local_model_takes_over_from_deepgram(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, speech: LocalSpeech, *, faults: Faults
) -> None:
    vendors.deepgram.faults = faults
    async with running_edge(bus, settings, engines=engines, app=Greeting(greeting=GREETING)) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            say(line, speech)
            await answer(running, 1)
            await running.event(ReplySpoken, turn=1)
            vendors.deepgram.faults = NO_FAULTS
            say(line, speech)
            await answer(running, 2)

        await running.call(talk)
    failed = await bus.published(ProviderFailed)
    assert (failed[-1].service, failed[-1].provider, failed[-1].fallback) == ("stt", "deepgram", "local")
    ended = await bus.published(UserTurnEnded)
    assert [compare(QUESTION, turn.text).matches for turn in ended] == [True, True], ended
    assert (await bus.published(TranscriptFinal))[-1].engine == "local"


@pytest.mark.parametrize(
    ("fallback", "failures", "decisions"),
    [
        ("local", [0.5], ["fallback"]),
        ("local", [20.0], ["again"]),
        ("local", [20.0, 20.1, 25.0, 26.0], ["again", "nothing", "fallback", "nothing"]),
        ("local", [20.0, 40.0], ["again", "again"]),
        ("", [0.5, 5.0, 20.0], ["again", "again", "again"]),
    ],
)
def test_an_engine_has_a_second_chance_if_it_ever_worked(
    fallback: str, failures: list[float], decisions: list[Decision]
) -> None:
    policy = FailoverPolicy("tts", "elevenlabs", fallback)
    assert [policy.on_failure(at) for at in failures] == decisions
