"""Phrases of a vendor's voice, rendered through its SDK."""

import pytest

from orchestra.errors import EngineError
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge.phrase_cache import PhraseCache
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.phrase import Phrase
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra_schemas import ReplySpoken
from tests.servers.elevenlabs import tone
from tests.servers.server import Faults
from tests.voice.edges import Greeting, running_edge
from tests.voice.engines.conftest import Vendors

GREETING = "Good morning, this is the parcel service. How can I help you?"


async def test_a_phrase_without_the_times_of_its_characters_is_kept_too(
    vendors: Vendors, vendor_settings: Settings
) -> None:
    vendors.elevenlabs.synthesize = tone
    vendors.elevenlabs.faults = Faults(no_alignment=True)
    engine = ElevenLabsEngine(vendor_settings)
    phrase = await engine.render("Hi you", "another-voice", "en", 1.0, 8_000)
    await engine.close()
    assert phrase.words == (("Hi", 0.0), ("you", pytest.approx(0.18)))
    assert vendors.elevenlabs.said == [("another-voice", "Hi you")]


@pytest.fixture
def engines(listening: TurnDetectionModels, local: LocalEngine, vendors: Vendors, vendor_settings: Settings) -> Engines:
    vendors.elevenlabs.synthesize = tone
    return Engines(local, ElevenLabsEngine(vendor_settings), listening)


@pytest.mark.faults
async def test_the_greeting_is_heard_while_elevenlabs_refuses(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    app = Greeting(greeting=GREETING)
    kept = [Phrase(text) for text in (GREETING, app.holding, app.apology, app.transfer_failed)]
    await PhraseCache(engines, settings.data_dir / "phrases", kept).prepare()
    vendors.elevenlabs.faults = Faults(status=401)
    with pytest.raises(EngineError):
        await engines.render("Is anybody there?")
    async with running_edge(bus, settings, engines=engines, app=app, prerender=True) as running:
        await running.edge.phrase_cache.prepare()

        async def talk(_: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)

        await running.call(talk)
    await engines.close()
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [GREETING]
    assert running.lines[0].agent_audible_s == pytest.approx(len(tone(GREETING, 8_000)) / 16_000, abs=0.3)
