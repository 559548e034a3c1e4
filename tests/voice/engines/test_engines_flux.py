"""Deepgram Flux in whole calls: its server reports when the caller's turn ends, and sometimes that it probably does."""

import copy

import numpy as np
import pytest

from orchestra.endpointing import Endpointing
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transcript_match import compare
from orchestra.testing import TestBus
from orchestra.voice.engines.deepgram.engine import FluxEngine
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra_schemas import (
    CallStarted,
    ProviderFailed,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    TranscriptFinal,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from tests.servers.elevenlabs import tone as tone_of
from tests.servers.server import Faults
from tests.voice.edges import Greeting, RunningEdge, running_edge, tone
from tests.voice.engines.conftest import QUESTION, Vendors

SILENT = Greeting(greeting="")
FIRST = "Which parcel do you mean?"
SECOND = "That one is in Denver."


@pytest.fixture
def engines(listening: TurnDetectionModels, local: LocalEngine, vendors: Vendors, vendor_settings: Settings) -> Engines:
    vendors.elevenlabs.synthesize = tone_of
    chosen = vendor_settings.model_copy(update={"deepgram_model": "flux-general-en"})
    stt, tts = FluxEngine(chosen), ElevenLabsEngine(chosen)
    return Engines(stt, tts, listening, stt_fallback=local)


@pytest.mark.parametrize(("speculate", "early"), [("off", False), ("prompt", True), ("speech", True)])
def test_deepgram_is_asked_for_predictions_only_if_replies_are_prepared(
    vendor_settings: Settings, speculate: str, *, early: bool
) -> None:
    engine = FluxEngine(vendor_settings.model_copy(update={"speculate": speculate}))
    assert engine.stt().eager_end_of_turn_enabled is early


async def answer(running: RunningEdge, turn: int, text: str) -> None:
    call = (await running.event(CallStarted)).call
    await running.bus.publish(ReplyChunk(call=call, turn=turn, text=text, agent="tracking"))
    await running.bus.publish(TurnCompleted(call=call, turn=turn, agent="tracking", text=text))


def line_says(running: RunningEdge) -> float:
    """How many seconds of the agent the caller has heard."""
    return running.lines[0].agent_audible_s


@pytest.mark.integration
async def test_a_reply_that_was_prepared_is_spoken_once_the_turn_has_ended(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel => Where is my parcel?"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await running.event(UserTurnPredicted, turn=1)
            await answer(running, 1, FIRST)
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    (ended,) = await bus.published(UserTurnEnded)
    assert (ended.turn, ended.text, ended.predicted) == (1, "Where is my parcel?", True)
    assert [text for _, text in vendors.elevenlabs.said] == [FIRST]
    assert [(final.turn, final.text) for final in await bus.published(TranscriptFinal)] == [(1, "Where is my parcel?")]
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [FIRST]
    assert {started.turn for started in await bus.published(UserSpeechStarted)} == {1}


@pytest.mark.integration
async def test_a_caller_who_continues_never_hears_the_reply_that_was_prepared(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel | four two seven one"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await running.event(UserTurnPredicted, turn=1)
            await answer(running, 1, FIRST)
            line.say(tone(0.6))
            await running.event(UserTurnResumed, turn=1)
            await running.event(UserTurnPredicted, turn=2)
            await answer(running, 2, SECOND)
            await running.event(ReplySpoken, turn=2)

        await running.call(talk)
    (ended,) = await bus.published(UserTurnEnded)
    assert (ended.turn, ended.text) == (2, "where is my parcel four two seven one")
    assert line_says(running) < 0.06 * len(SECOND) + 0.2
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [SECOND]
    assert not await bus.published(ReplyInterrupted)


@pytest.mark.faults
async def test_words_that_differ_from_the_prediction_get_a_reply_of_their_own(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel => where is my marvel"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await running.event(UserTurnPredicted, turn=1)
            await answer(running, 1, FIRST)
            await running.event(UserTurnEnded, turn=2, predicted=False)
            await answer(running, 2, SECOND)
            await running.event(ReplySpoken, turn=2)

        await running.call(talk)
    assert [event.turn for event in await bus.published(UserTurnResumed)] == [1]
    assert line_says(running) < 0.06 * len(SECOND) + 0.2
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [SECOND]
    assert [final.turn for final in await bus.published(TranscriptFinal)] == [2]


@pytest.mark.faults
async def test_the_callers_first_word_stops_the_agent(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["stop it now please"]
    async with running_edge(bus, settings, engines=engines, app=Greeting(greeting=f"{FIRST} {SECOND} " * 3)) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 1.0, 30)
            line.say(tone(0.6))
            await running.event(UserTurnEnded, turn=1)

        await running.call(talk)
    (cut,) = await bus.published(ReplyInterrupted)
    assert cut.turn == 0
    assert cut.heard.startswith("Which parcel")


@pytest.mark.faults
@pytest.mark.parametrize(
    "faults", [Faults(status=401), Faults(status=429), Faults(slow_s=30)], ids=["401", "429", "no answer"]
)
async def test_the_local_model_takes_over_from_flux(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, speech: LocalSpeech, *, faults: Faults
) -> None:
    vendors.deepgram.faults = faults
    async with running_edge(bus, settings, engines=engines, app=Greeting(greeting=FIRST)) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(np.frombuffer(speech.synthesize(QUESTION, 8_000)[0], np.int16))
            await running.event(UserTurnEnded, turn=1)

        await running.call(talk)
    failed = await bus.published(ProviderFailed)
    assert (failed[-1].service, failed[-1].provider, failed[-1].fallback) == ("stt", "deepgram", "local")
    (ended,) = await bus.published(UserTurnEnded)
    assert compare(QUESTION, ended.text).matches


@pytest.mark.faults
async def test_a_turn_whose_connection_breaks_ends_with_the_words_so_far_and_the_next_is_heard(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel now", "are you still there"]
    vendors.deepgram.faults = Faults(drop_after=3, times=1)
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            await line.until(lambda: False, 3.5)  # a call that began just now would not be given a second chance
            line.say(tone(1.2))
            await running.event(UserTurnEnded, turn=1)
            await answer(running, 1, FIRST)
            await running.event(ReplySpoken, turn=1)
            line.say(tone(1.2))
            await running.event(UserTurnEnded, turn=2)

        await running.call(talk)
    first, second = await bus.published(UserTurnEnded)
    assert first.text.startswith("where is")
    assert second.text == "are you still there"


@pytest.mark.faults
@pytest.mark.parametrize(("says", "cut"), [("wait", False), ("stop it now please", True)])
async def test_the_configured_number_of_words_interrupts_the_agent_and_fewer_do_not(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, says: str, *, cut: bool
) -> None:
    vendors.deepgram.lines = [says]
    patient = copy.copy(engines)
    patient._barge_in_words = 3
    async with running_edge(bus, settings, engines=patient, app=Greeting(greeting=f"{FIRST} {SECOND} " * 2)) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.5, 30)
            line.say(tone(1.0))
            await (running.event(UserTurnEnded, turn=1) if cut else running.event(ReplySpoken, turn=0))

        await running.call(talk)
    assert bool(await bus.published(ReplyInterrupted)) is cut


@pytest.mark.integration
async def test_the_server_is_told_to_wait_while_digits_are_missing(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["four two", "seven one please"]
    app = Greeting(
        greeting="What are the last four digits?",
        endpointing_by_agent={"": Endpointing(max_pause_s=2.0, patience="quick")},
    )
    async with running_edge(bus, settings, engines=engines, app=app) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(tone(0.6))
            await running.event(UserTurnEnded, turn=1)

        await running.call(talk)
    (stream,) = vendors.deepgram.seen
    configured = [message["thresholds"] for message in stream.messages if message["type"] == "Configure"]
    assert configured[-1]["eot_threshold"] == 0.9
    assert 1000 <= configured[-1]["eot_timeout_ms"] <= 2000
