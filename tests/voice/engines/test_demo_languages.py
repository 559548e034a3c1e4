"""The demo in Spanish and German: its own workers, the whole edge, and the vendors' clients and servers."""

from collections.abc import AsyncIterator

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
from orchestra_schemas import CallStarted, ReplySpoken, TurnCompleted, UserTurnEnded
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
