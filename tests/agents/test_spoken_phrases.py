"""The platform's own words are normalized for speech like those of a model."""

from dataclasses import replace

from orchestra import tool
from orchestra.errors import EngineError
from orchestra.testing import TestBus
from orchestra_schemas import PromptRequested, ReplyChunk, TurnCompleted
from tests.agents.team import Line, Parcels, call_of, find_parcel, last, team

FIND = [call_of("find_parcel", '{"number":"4271"}')]


async def test_an_apology_is_said_in_words(bus: TestBus) -> None:
    def fails(_: PromptRequested) -> str:
        msg = "no model"
        raise EngineError(msg)

    app = replace(team(Parcels()), apology="Please call **0800 1234** again.")
    async with Line(bus, fails, app=app).running() as line:
        await line.say("hello")
    (chunk,), (turn,) = await line.events(ReplyChunk), await line.events(TurnCompleted)
    assert chunk.text == turn.text == "Please call zero eight zero zero, one two three four again."


async def test_a_filler_is_said_in_words(bus: TestBus) -> None:
    parcels = Parcels()
    slow = tool(name="find_parcel", filler="That takes 20 seconds.", idempotent=True)(find_parcel.function)
    app = team(parcels, tools=(slow,))
    assert app.fillers == (("That takes twenty seconds.", "amy", 1.0, "en"),)
    line = Line(bus, lambda prompt: FIND if last(prompt).startswith("user") else "In the van.", app=app)
    async with line.running():
        parcels.gate.clear()
        await line.say("where is my parcel", settle=False)
        await line.until(ReplyChunk)
        parcels.gate.set()
        await bus.settled()
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["That takes twenty seconds.", "In the van."]
