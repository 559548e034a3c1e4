"""A model that is broken, or talked into it, does no more than a turn can need, and leaves nothing that is refused."""

import json
import re

import pytest

from orchestra.testing import TestBus
from orchestra_schemas import Message, PromptRequested, ToolCall, ToolCompleted, ToolRequested, TurnCompleted
from tests.agents.team import Line, call_of, last


async def played(bus: TestBus, decide: object) -> Line:
    async with Line(bus, decide).running() as line:  # type: ignore[arg-type]
        await line.say("where is my parcel")
    return line


def books(start: int, count: int) -> list[ToolCall]:
    return [call_of("book", json.dumps({"day": str(day)}), f"c{day}") for day in range(start, start + count)]


async def test_an_answer_runs_eight_tools_and_a_turn_sixteen(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return books(1000 * prompt.step, 300) if prompt.tools else "Booked."

    line = await played(bus, decide)
    assert len(line.parcels.done) == 16
    requested = [len(prompt.messages[-1:]) for prompt in line.model.prompts]
    assert len(requested) == 3  # 8, 8, and the words
    assert (await line.events(TurnCompleted))[0].text == "Booked."


async def test_the_same_call_again_and_again_in_one_answer_is_one(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        same = ['{"day":"x"}', '{"day": "x"}', ' {"day":"x"}']
        return [call_of("book", arguments) for arguments in same * 100] if last(prompt).startswith("user") else "Done."

    line = await played(bus, decide)
    assert len(line.parcels.done) == 1
    assert len(await line.events(ToolCompleted)) == 1


async def test_the_next_answer_does_not_repeat_a_tool_with_side_effects(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return [call_of("book", '{"day":"x"}')] if prompt.tools else "Done."

    line = await played(bus, decide)
    assert len(line.parcels.done) == 1
    told = [message.content for message in line.model.prompts[-1].messages if message.role == "tool"]
    assert told[0].startswith("booked")
    assert all("has just been made" in content for content in told[1:])


async def test_the_same_call_may_be_made_again_after_another(bus: TestBus) -> None:
    moves = iter(["x", "y", "x"])

    def decide(_: PromptRequested) -> object:
        day = next(moves, None)
        return [call_of("book", json.dumps({"day": day}))] if day else "Done."

    line = await played(bus, decide)
    assert [deed.split()[1] for deed in line.parcels.done] == ["x", "y", "x"]


@pytest.mark.parametrize(
    "name",
    [
        "find-parcel",
        "functions.find_parcel",
        "Find_Parcel",
        " find_parcel\n",
        "find_parcel<|channel|>x",
        "find_parcel()",
    ],
)
async def test_a_name_that_is_nearly_a_tools_is_that_tool(bus: TestBus, name: str) -> None:
    def decide(prompt: PromptRequested) -> object:
        return [call_of(name, '{"number":"1"}')] if last(prompt).startswith("user") else "In the van."

    line = await played(bus, decide)
    assert [requested.name for requested in await line.events(ToolRequested)] == ["find_parcel"]


STRANGE = [
    call_of("fly to the moon!" * 10, '{"a":1}', ""),
    call_of("book", '{"day": "4', "x" * 300),
    call_of("book", "[1]", "c 1"),
    call_of("find_parcel", "null", "c1"),
    call_of("", "{}", ""),
    call_of("find_parcel", '{"number":"1"}', "c1"),
]


async def test_nothing_goes_back_that_a_strict_server_refuses(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        if last(prompt) == "user: again":
            return "Yes."
        return STRANGE if last(prompt).startswith("user") else "Well."

    async with Line(bus, decide).running() as line:
        await line.say("where is my parcel")
        await line.say("again")
    check_strict(line.model.prompts[-1].messages)


def check_strict(messages: tuple[Message, ...]) -> None:
    """What strict servers want of the calls in a conversation."""
    ids = [call.id for message in messages for call in message.tool_calls]
    assert len(ids) == len(set(ids)) >= 5
    assert [message.tool_call_id for message in messages if message.role == "tool"] == ids
    for message in messages:
        assert message.content or message.tool_calls
        for call in message.tool_calls:
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", call.name)
            assert isinstance(json.loads(call.arguments), dict)
