"""A turn whose end is only predicted: the agents begin, and nothing happens that could not be taken back."""

import time

from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from tests.agents.team import Line, call_of, last


async def predict(line: Line, text: str) -> None:
    line.turn += 1
    await line.bus.publish(UserTurnPredicted(call=line.call, turn=line.turn, text=text, at=time.time()))


async def confirm(line: Line, text: str) -> None:
    event = UserTurnEnded(call=line.call, turn=line.turn, text=text, at=time.time(), predicted=True)
    await line.bus.publish(event)
    await line.bus.settled()


async def test_the_reply_to_a_predicted_turn_is_made_once_before_the_turn_ends(bus: TestBus) -> None:
    async with Line(bus, lambda _: "At nine.").running() as line:
        await predict(line, "when do you open")
        await line.until(ReplyChunk)
        assert not await line.events(TurnCompleted)
        await confirm(line, "When do you open?")
        await line.say("thanks")
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["At nine.", "At nine."]
    assert [completed.turn for completed in await line.events(TurnCompleted)] == [1, 2]
    messages = (await line.events(PromptRequested))[1].messages
    assert [message.content for message in messages][1:] == ["Hello.", "When do you open?", "At nine.", "thanks"]


async def test_a_tool_waits_until_the_predicted_turn_has_ended(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return "It is found." if last(prompt).startswith("tool") else [call_of("find_parcel", '{"number":"4271"}')]

    async with Line(bus, decide).running() as line:
        await predict(line, "where is my parcel")
        await line.until(PromptCompleted)
        assert line.parcels.done == []
        await confirm(line, "where is my parcel")
    kinds = await line.kinds()
    assert kinds.index("UserTurnEnded") < kinds.index("ToolRequested")
    assert len(line.parcels.done) == 1
    assert [chunk.text for chunk in await line.events(ReplyChunk)][-1] == "It is found."


async def test_nothing_of_a_turn_that_goes_on_is_remembered_or_done(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        if last(prompt) == "user: where is my parcel":
            return [call_of("book", '{"day":"Monday"}')]
        return "Which one?"

    async with Line(bus, decide).running() as line:
        await predict(line, "where is my parcel")
        await line.until(PromptRequested)
        await line.bus.publish(UserTurnResumed(call=line.call, turn=line.turn))
        await line.bus.settled()
        await line.say("where is my invoice")
    assert line.parcels.done == []
    assert not await line.events(ToolCompleted)
    cancelled = await line.events(TurnCancelled)
    assert [(event.turn, event.reason) for event in cancelled] == [(1, "resumed")]
    assert [completed.turn for completed in await line.events(TurnCompleted)] == [2]
    messages = (await line.events(PromptRequested))[1].messages
    assert [message.content for message in messages][1:] == ["Hello.", "where is my invoice"]
    changes = [(change.agent, change.previous) for change in await line.events(AgentChanged)]
    assert changes[:3] == [("reception", ""), ("tracking", "reception"), ("reception", "tracking")]


async def test_a_predicted_turn_is_finished_by_the_worker_that_takes_the_call_over(bus: TestBus) -> None:
    line = Line(bus, lambda _: "At nine.")
    async with line.running():
        await predict(line, "when do you open")
        await line.until(ReplyChunk)
    async with bus.run(line.orchestration().consumer, line.execution().consumer):
        await confirm(line, "When do you open?")
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["At nine."]
    assert [completed.turn for completed in await line.events(TurnCompleted)] == [1]
