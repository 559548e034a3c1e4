"""A worker stops in the middle of a turn, the next one goes on: one answer, each tool once."""

from collections import Counter
from contextlib import AsyncExitStack

import pytest

from orchestra.testing import TestBus
from orchestra_schemas import (
    CallStarted,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
)
from tests.agents.team import Line, call_of, last


def decide(prompt: PromptRequested) -> object:
    if prompt.agent == "reception":
        return [call_of("transfer_to_tracking")]
    if last(prompt).startswith("tool: booked"):
        return "It is booked. Good."
    if last(prompt).startswith("tool: It is not known"):
        return "A person will check."
    return [call_of("book", '{"day":"Friday"}')]


async def begin(line: Line) -> None:
    await line.bus.publish(CallStarted(call=line.call, from_number="+15550001", greeting="Hello."))


async def assert_one_answer(line: Line, text: str = "It is booked. Good.") -> None:
    ids = Counter(event.id for event in await line.bus.published(None, line.call))
    assert {event_id: count for event_id, count in ids.items() if count > 1} == {}
    assert len(line.parcels.done) == 1
    assert [turn.text for turn in await line.events(TurnCompleted)] == [text]
    assert " ".join(chunk.text for chunk in await line.events(ReplyChunk)) == text


@pytest.mark.parametrize("wait_for", [PromptRequested, ToolRequested])
async def test_another_orchestration_worker_goes_on_with_the_turn(bus: TestBus, wait_for: type) -> None:
    line = Line(bus, decide)
    async with AsyncExitStack() as execution:
        if wait_for is ToolRequested:
            await execution.enter_async_context(bus.run(line.execution().consumer))
        line.parcels.gate.clear()
        async with bus.run(line.orchestration().consumer):
            await begin(line)
            await line.say("book it please", settle=False)
            await line.until(wait_for)
        if wait_for is PromptRequested:
            await execution.enter_async_context(bus.run(line.execution().consumer))
        line.parcels.gate.set()
        async with bus.run(line.orchestration().consumer):
            await bus.settled()
    await assert_one_answer(line)
    assert len(await line.events(PromptRequested)) == 3


async def test_answers_from_while_no_worker_ran_are_taken_from_the_journal(bus: TestBus) -> None:
    line = Line(bus, decide)
    async with bus.run(line.execution().consumer):
        line.parcels.gate.clear()
        async with bus.run(line.orchestration().consumer):
            await begin(line)
            await line.say("book it please", settle=False)
            await line.parcels.waiting.wait()
        line.parcels.gate.set()
        await line.until(ToolCompleted)
        async with bus.run(line.orchestration().consumer):
            await bus.settled()
    await assert_one_answer(line)


async def test_an_interruption_while_no_worker_ran_ends_the_turn(bus: TestBus) -> None:
    line = Line(bus, decide)
    async with bus.run(line.orchestration().consumer):
        await begin(line)
        await line.say("book it please", settle=False)
        await line.until(PromptRequested)
    await line.interrupt(1, "")
    async with bus.run(line.orchestration().consumer, line.execution().consumer):
        await line.until(TurnCancelled)
        await bus.settled()
    assert line.parcels.done == []
    assert await line.events(TurnCompleted) == []


async def test_another_execution_worker_goes_on_in_the_middle_of_the_reply(bus: TestBus) -> None:
    line = Line(bus, lambda _: "One. Two. Three.", hold_at=2)
    async with bus.run(line.orchestration().consumer):
        line.model.hold.clear()
        async with bus.run(line.execution().consumer):
            await begin(line)
            await line.say("count", settle=False)
            await line.until(ReplyChunk)
        line.model.hold.set()
        async with bus.run(line.execution().consumer):
            await bus.settled()
    assert [(chunk.text, chunk.index) for chunk in await line.events(ReplyChunk)] == [
        ("One.", 0),
        ("Two.", 1),
        ("Three.", 2),
    ]
    assert [turn.text for turn in await line.events(TurnCompleted)] == ["One. Two. Three."]


async def test_a_model_that_answers_otherwise_the_second_time_is_asked_to_go_on(bus: TestBus) -> None:
    answers = iter(["One. Two.", "Eins. Zwei.", "Two more."])
    line = Line(bus, lambda _: next(answers), hold_at=2)
    async with bus.run(line.orchestration().consumer):
        line.model.hold.clear()
        async with bus.run(line.execution().consumer):
            await begin(line)
            await line.say("count", settle=False)
            await line.until(ReplyChunk)
        line.model.hold.set()
        async with bus.run(line.execution().consumer):
            await bus.settled()
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["One.", "Two more."]
    assert [message.content for message in line.model.prompts[-1].messages[-2:-1]] == ["One."]


async def test_a_tool_whose_outcome_is_unknown_is_not_run_again(bus: TestBus) -> None:
    line = Line(bus, decide)
    async with bus.run(line.orchestration().consumer):
        line.parcels.gate.clear()
        async with bus.run(line.execution().consumer):
            await begin(line)
            await line.say("book it please", settle=False)
            await line.parcels.waiting.wait()
        line.parcels.gate.set()
        async with bus.run(line.execution().consumer):
            await bus.settled()
    (completed,) = await line.events(ToolCompleted)
    assert completed.failed
    assert line.parcels.done == []
    assert [turn.text for turn in await line.events(TurnCompleted)] == ["A person will check."]


async def test_a_tool_that_may_run_twice_is_run_again_with_the_same_key(bus: TestBus) -> None:
    def find(prompt: PromptRequested) -> object:
        return [call_of("find_parcel", '{"number":"1"}')] if last(prompt).startswith("user") else "In the van."

    line = Line(bus, find)
    async with bus.run(line.orchestration().consumer):
        line.parcels.gate.clear()
        async with bus.run(line.execution().consumer):
            await begin(line)
            await line.say("where is my parcel", settle=False)
            await line.until(ReplyChunk)  # the filler: published by the first attempt only
        line.parcels.gate.set()
        async with bus.run(line.execution().consumer):
            await bus.settled()
    (requested,) = await line.events(ToolRequested)
    assert line.parcels.done == [f"found 1 ({requested.id})"]
    assert line.parcels.cut_off == 1
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["One moment.", "In the van."]


async def test_nothing_of_a_finished_turn_is_left_in_its_state(bus: TestBus) -> None:
    async with Line(bus, decide).running() as line:
        await line.say("book it please")
    redis, call = bus.bus.redis, line.call
    assert await redis.hkeys(bus.bus.key(call, "conversation", call)) == [b"conversation"]
    assert await redis.hkeys(bus.bus.key(call, "execution", call)) == [b"caller_number"]
