"""The demo in Spanish and German: its own workers, the whole edge, and the vendors' clients and servers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from orchestra.agents.handlers import Orchestration
from orchestra.agents.lines import Lines
from orchestra.agents.loader import load_app
from orchestra.app_phrases import edge_lines
from orchestra.demo.scripts import TRANSLATED, Script
from orchestra.execution.handlers import Execution
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra_schemas import CallStarted, ReplyChunk, ReplySpoken, TurnCompleted, UserTurnEnded
from tests.servers.elevenlabs import tone
from tests.voice.edges import running_edge
from tests.voice.engines.conftest import Vendors

pytestmark = pytest.mark.integration


@pytest.fixture
async def engines(
    vendors: Vendors, vendor_settings: Settings, listening: TurnDetectionModels
) -> AsyncIterator[Engines]:
    vendors.elevenlabs.synthesize = tone
    voice = ElevenLabsEngine(vendor_settings)
    yield Engines(NovaEngine(vendor_settings), voice, listening)
    await voice.close()


@pytest.mark.parametrize("script", TRANSLATED.values(), ids=TRANSLATED)
async def test_the_demo_is_heard_and_spoken_in_its_language(
    bus: TestBus,
    settings: Settings,
    *,
    vendors: Vendors,
    engines: Engines,
    speech: LocalSpeech,
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(settings.data_dir))  # where the parcels are
    lines = [script.lines[at] for at in (0, 2, -1)]
    vendors.deepgram.lines = [line.text for line in lines]
    app = load_app(script.app)
    somebody = np.frombuffer(speech.synthesize("Where is my parcel?", 8_000)[0], np.int16)

    async def talk(line: PhoneLine) -> None:
        await running.event(ReplySpoken, turn=0)
        for turn, expected in enumerate(lines, start=1):
            line.say(somebody)
            await running.event(UserTurnEnded, turn=turn, text=expected.text)
            completed = await running.event(TurnCompleted, turn=turn)
            assert not expected.missing(completed.text), completed.text
            await running.event(ReplySpoken, turn=turn)

    edge_app = edge_lines(Lines.of(app)).apps[0]
    async with (
        bus.run(Orchestration(app).consumer, Execution(app).consumer),
        running_edge(bus, settings, engines=engines, app=edge_app, bridge_after_s=0) as running,  # type: ignore[arg-type]
    ):
        await running.call(talk)
    (started,) = await bus.published(CallStarted)
    assert started.language == script.language
    assert {seen.params["language"] for seen in vendors.deepgram.seen} == {script.language}
    codes = {seen.params["language_code"] for seen in vendors.elevenlabs.seen if "language_code" in seen.params}
    assert codes == {script.language}
    said = " ".join(text for _, text in vendors.elevenlabs.said)
    assert not [word for expected in lines for word in expected.missing(said)]


async def test_two_calls_at_once_are_each_held_in_the_language_of_their_line(
    bus: TestBus,
    settings: Settings,
    *,
    vendors: Vendors,
    engines: Engines,
    speech: LocalSpeech,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(settings.data_dir))  # where the parcels are
    dialled = {"es": "+34910000001", "de": "+49300000001"}
    apps = {code: replace(load_app(script.app), name=f"parcels_{code}") for code, script in TRANSLATED.items()}
    lines = Lines({dialled[code]: app for code, app in apps.items()})
    said = {code: [script.lines[2]] for code, script in TRANSLATED.items()}
    vendors.deepgram.lines_in = {code: [line.text for line in said[code]] for code in said}
    somebody = np.frombuffer(speech.synthesize("Where is my parcel?", 8_000)[0], np.int16)
    under_way = asyncio.Barrier(2)

    async def call(code: str) -> None:
        async def talk(line: PhoneLine) -> None:
            its = (await running.event(CallStarted, to_number=dialled[code])).call
            await running.event(ReplySpoken, turn=0, call=its)
            await under_way.wait()
            for turn, expected in enumerate(said[code], start=1):
                line.say(somebody)
                completed = await running.event(TurnCompleted, turn=turn, call=its)
                assert not expected.missing(completed.text), completed.text
                await running.event(ReplySpoken, turn=turn, call=its)

        await running.call(talk, to_number=dialled[code], from_number=f"{dialled[code][:-1]}9")

    async with (
        bus.run(Orchestration(lines).consumer, Execution(lines).consumer),
        running_edge(bus, settings, engines=engines, app=edge_lines(lines), bridge_after_s=0) as running,  # type: ignore[arg-type]
    ):
        await asyncio.gather(*map(call, dialled))
    for started in await bus.published(CallStarted):
        code = started.language
        journal = await bus.published(None, started.call)
        assert started.to_number == dialled[code]
        heard = [event.text for event in journal if isinstance(event, UserTurnEnded)]
        assert heard == [line.text for line in said[code]]
        assert {event.language for event in journal if isinstance(event, ReplyChunk)} == {code}
    assert sorted(seen.params["language"] for seen in vendors.deepgram.seen) == ["de", "es"]
    spoken = {"es": "", "de": ""}
    for seen in vendors.elevenlabs.seen:
        spoken[seen.params["language_code"]] += "".join(str(message.get("text", "")) for message in seen.messages)
    for code, words in spoken.items():
        assert not [word for line in said[code] for word in line.missing(words)]
    assert "Paket" not in spoken["es"]
    assert "paquete" not in spoken["de"]
