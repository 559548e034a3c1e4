from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from orchestra.agents.lines import app_id
from orchestra.demo import app
from orchestra.evaluation.sandbox import Candidate
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.disturbances import Disturbances
from orchestra.evaluation.simulation.rule_based_persona import RuleBasedPersona
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.evaluation.simulation.voice_conversation import open_voice_conversations
from orchestra.settings import Settings
from orchestra.simulator.audio_files import read_channels
from orchestra.simulator.audio_measure import find_sounds

HOURS = Scenario(
    name="hours",
    goal="know until when the depot is open",
    opening="What are your opening hours?",
    words=("eight",),
    max_turns=1,
    disturbances=Disturbances(noise="street", snr_db=25.0, packet_loss=0.01),
)


@pytest.mark.integration
async def test_a_persona_talks_with_the_demo_app_by_voice(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert app.lifespan is not None
    async with AsyncExitStack() as opened:
        resources = {app_id(app): await opened.enter_async_context(app.lifespan())}
        candidate = Candidate(app=app, settings=settings, tools="live")
        hold = await opened.enter_async_context(open_voice_conversations(candidate, recordings=tmp_path / "calls"))
        caller = SimulatedCaller(HOURS, RuleBasedPersona(HOURS), 1)
        held = await hold(caller, resources)
    assert (held.broken_off, held.invalid) == ("", "")
    assert held.history.ended is not None
    assert [(said.who, said.turn) for said in caller.conversation[:3]] == [("agent", 0), ("caller", 1), ("agent", 1)]
    assert caller.conversation[0].text == app.greeting
    assert "eight" in caller.conversation[2].text
    assert "opening hours" in held.history.turns[1].transcript.lower()
    assert 0 < min(held.wait_ms) <= max(held.wait_ms) < 10_000
    said, heard = read_channels(tmp_path / "calls" / f"{held.call}.wav")
    assert find_sounds(said)
    assert len(find_sounds(heard)) > 1
