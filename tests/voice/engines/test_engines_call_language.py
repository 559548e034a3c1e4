"""A call that changes its language, through the whole edge and the vendors' own clients."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest

from orchestra import Agent, App, Lines
from orchestra.app_phrases import AppPhrases, edge_lines
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.audio.mulaw import Samples
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra_schemas import LanguageChanged, ReplyChunk, ReplySpoken, TranscriptFinal, TurnCompleted, UserTurnEnded
from tests.servers.elevenlabs import tone
from tests.voice.edges import running_edge
from tests.voice.engines.conftest import Vendors

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Exchange:
    """What the caller says, the language that Deepgram hears in it, and what an agent answers in which language."""

    caller: str
    heard: str
    agent: str
    language: str


EXCHANGES = [
    Exchange("Hello, I would like to change my appointment.", "en", "Which day would you like?", "en"),
    Exchange("Perdón, quiero cambiar mi cita para el lunes por la tarde.", "es", "¿A qué hora le viene bien?", "es"),
    Exchange("A las cinco, por favor.", "es", "Muy bien, el lunes a las cinco.", "es"),
    Exchange("Auf Deutsch, bitte.", "de", "Gern. Montag um fünf Uhr.", "de"),
    Exchange("Great, thank you, and now in English again for my colleague here.", "en", "Monday at five, then.", "en"),
]
GREETINGS = {"en": "Good morning.", "es": "Buenos días.", "de": "Guten Tag."}
VOICES = {"en": "amy", "es": "lucia", "de": "anna"}


def edge_app(**languages: object) -> AppPhrases:
    desk = Agent(name="desk", about="all", prompt="Help.", voice=VOICES)
    app = App(name="clinic", agents=(desk,), entry="desk", greeting=GREETINGS, holding="", **languages)  # type: ignore[arg-type]
    return edge_lines(Lines.of(app)).apps[0]


@pytest.fixture
async def engines(
    vendors: Vendors, vendor_settings: Settings, listening: TurnDetectionModels
) -> AsyncIterator[Engines]:
    vendors.elevenlabs.synthesize = tone
    voice = ElevenLabsEngine(vendor_settings)
    yield Engines(NovaEngine(vendor_settings), voice, listening)
    await voice.close()


@pytest.fixture
def audio(speech: LocalSpeech) -> Samples:
    """Somebody speaks; what is recognized in it is the server's."""
    return np.frombuffer(speech.synthesize("I would like to change my appointment.", 8_000)[0], np.int16)


async def test_a_call_changes_its_language_and_voice_and_back_as_its_caller_does(
    bus: TestBus,
    settings: Settings,
    vendors: Vendors,
    engines: Engines,
    audio: Samples,
) -> None:
    heard_in = {exchange.caller: exchange.heard for exchange in EXCHANGES}
    vendors.deepgram.lines = list(heard_in)
    vendors.deepgram.language_of = lambda text: heard_in.get(text, "en")
    app = edge_app(language="auto", languages=("en", "es", "de"))

    async def talk(line: PhoneLine) -> None:
        await running.event(ReplySpoken, turn=0)
        for exchange in EXCHANGES:
            line.say(audio)
            ended = await running.event(UserTurnEnded, text=exchange.caller)
            reply = ReplyChunk(
                call=ended.call,
                turn=ended.turn,
                text=exchange.agent,
                agent="desk",
                voice=VOICES[exchange.language],
                language=exchange.language,
            )
            await bus.publish(reply, TurnCompleted(call=ended.call, turn=ended.turn, agent="desk"))
            await running.event(ReplySpoken, turn=ended.turn, text=exchange.agent)

    async with running_edge(bus, settings, engines=engines, app=app, bridge_after_s=0) as running:  # type: ignore[arg-type]
        await running.call(talk)
    changes = [(change.language, change.reason) for change in await bus.published(LanguageChanged)]
    assert changes == [("es", "heard"), ("de", "asked"), ("en", "heard")]
    finals = await bus.published(TranscriptFinal)
    assert [(final.text, final.language) for final in finals] == list(heard_in.items())
    assert vendors.deepgram.seen[0].params["language"] == "multi"
    said = [text for speaker, text in vendors.elevenlabs.said if speaker in VOICES.values()]
    assert said == [exchange.agent for exchange in EXCHANGES]
    speakers = [speaker for speaker, text in vendors.elevenlabs.said if text in said]
    assert speakers == [VOICES[exchange.language] for exchange in EXCHANGES]
    codes = [seen.params["language_code"] for seen in vendors.elevenlabs.seen if "language_code" in seen.params]
    assert list(dict.fromkeys(codes)) == ["en", "es", "de"]


async def test_deepgram_listens_in_the_language_that_a_caller_has_asked_for(
    bus: TestBus,
    settings: Settings,
    vendors: Vendors,
    engines: Engines,
    audio: Samples,
) -> None:
    vendors.deepgram.lines = ["¿Habla español?", "Muchas gracias."]

    async def talk(line: PhoneLine) -> None:
        await running.event(ReplySpoken, turn=0)
        for said, answer in (("¿Habla español?", "Sí, claro."), ("Muchas gracias.", "De nada.")):
            line.say(audio)
            turn = await running.event(UserTurnEnded, text=said)
            reply = ReplyChunk(call=turn.call, turn=turn.turn, text=answer, agent="desk", voice="lucia", language="es")
            await bus.publish(reply, TurnCompleted(call=turn.call, turn=turn.turn, agent="desk"))
            await running.event(ReplySpoken, turn=turn.turn, text=answer)

    app = edge_app(languages=("en", "es"))
    async with running_edge(bus, settings, engines=engines, app=app, bridge_after_s=0) as running:  # type: ignore[arg-type]
        await running.call(talk)
    assert [seen.params["language"] for seen in vendors.deepgram.seen] == ["en", "es"]
    assert [event.text for event in await bus.published(UserTurnEnded)] == ["¿Habla español?", "Muchas gracias."]
