"""A caller who does not want to be recorded any more tells the agent."""

from dataclasses import replace

from orchestra.testing import TestBus
from orchestra_schemas import ConsentRefused, PromptRequested, ToolCompleted
from tests.agents.team import Line, Parcels, call_of, last, team

APP = replace(team(Parcels()), consent="May we record this call?", asks_consent=True)


def tools_of(agent: str, consent: str | None) -> list[str]:
    app = replace(APP, consent=consent)
    return [tool.name for tool in app.tools_of(app.team[agent])]


def test_agents_of_an_app_with_a_consent_of_its_own_can_stop_the_recording() -> None:
    assert "stop_recording" in tools_of(APP.entry, "Recorded.")
    assert "stop_recording" not in tools_of(APP.entry, None)
    assert "stop_recording" not in tools_of(APP.entry, "")
    assert APP.version != replace(APP, asks_consent=False).version != replace(APP, consent=None).version


async def test_the_tool_withdraws_the_consent_and_the_agent_goes_on(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return "Where were we?" if last(prompt).startswith("tool") else [call_of("stop_recording")]

    async with Line(bus, decide, app=APP).running() as line:
        await line.say("please do not record this")
    (refused,) = await line.events(ConsentRefused)
    assert (refused.by, refused.turn) == ("request", 1)
    (completed,) = await line.events(ToolCompleted)
    assert completed.result == "All right, this call is not recorded."
