"""Redaction at rest: agents and tools work with what callers say, and the server holds none of it."""

from dataclasses import replace

import msgspec
import pytest

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, PromptRequested, ReplyChunk, ToolCompleted
from tests.agents.team import Line, Move, call_of, last
from tests.bus.test_sealing import everything_in

NUMBER = "555 010 1234"
SAID = f"my number is {NUMBER}"
SPOKEN = "There is a parcel for five five five, zero one zero, one two three four."


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"redact_at_rest": True})


def decide(prompt: PromptRequested) -> Move:
    said = last(prompt)
    if said == f"user: {SAID}":
        return [call_of("find_parcel", msgspec.json.encode({"number": NUMBER}).decode())]
    if said.startswith("tool: "):
        return f"There is a parcel for {NUMBER}."
    heard = [message.content for message in prompt.messages]
    wanted = {SAID, SPOKEN}
    return "Yes." if wanted <= set(heard) else f"No: {heard}"


async def test_a_number_reaches_models_tools_and_later_turns_though_workers_are_others(bus: TestBus) -> None:
    line = Line(bus, decide)
    line.app = replace(line.app, entry="tracking")
    started = CallStarted(call=line.call, from_number="+15550001", greeting="Hello.", variables={"name": "Annabel"})
    async with line.running(started):
        await line.say(SAID)
    assert [deed.partition(" (")[0] for deed in line.parcels.done] == [f"found {NUMBER}"]
    held = await everything_in(bus)
    assert [clear for clear in (NUMBER, "one two three four", "Annabel") if clear in held] == []
    assert "There is a parcel for [phone]." in held
    async with bus.run(line.orchestration().consumer, line.execution().consumer):  # with nothing in their memory
        await line.say("Is that so?")
    replies = [event.text for event in await bus.bus.journal(line.call, in_clear=True) if isinstance(event, ReplyChunk)]
    assert replies == [SPOKEN, "Yes."]
    (result,) = [event for event in await bus.bus.journal(line.call, in_clear=True) if isinstance(event, ToolCompleted)]
    assert NUMBER in result.result
