"""Arguments of every shape that models are known to write: checked, asked about and judged before anything runs."""

import json

import pytest

from orchestra import ToolContext, ToolUse, rule, tool
from orchestra.agents import Rule, Tool
from orchestra.agents.tool import read_arguments
from orchestra.errors import RejectedError
from orchestra.testing import TestBus
from orchestra_schemas import PromptRequested, ReplyChunk, ToolRequested, TurnCompleted
from tests.agents.team import Line, Parcels, call_of, last, team

DEEP = '{"note":' * 50_000 + "1" + "}" * 50_000
#: what stands for no arguments at all
NOTHING = ["null", "", " ", "{}", '"{}"', '""', '"null"', " null ", "\n{}\n"]
#: what is no object, or none that this tool takes
WRONG = [
    "[]", "0", "1", "true", "false", "[{}]", "[null]", '"yes"', '"[]"', "NaN", "Infinity", "-0.0", "1e999",
    "{", "}", '{"note":', "{'note':1}", "{}{}", "None", '{"note":NaN}', '{"note":1e999}', '{"note":"\\ud800"}',
    '{"other":1}', '{"note":{"note":1}}', '{"note":[[[[1]]]]}', DEEP, "[" * 100_000, '"' + "\\" * 999, "x" * 1_000_000,
]  # fmt: skip


@tool(needs_confirmation="Shall I cancel everything?")
async def cancel(context: ToolContext, note: str = "") -> str:
    """Cancel everything."""
    context.resources.done.append(f"cancelled {note}")
    return "cancelled"


@tool
async def wipe(context: ToolContext, note: str = "") -> str:
    """Wipe everything."""
    context.resources.done.append(f"wiped {note}")
    return "wiped"


def line_of(bus: TestBus, which: Tool, arguments: str, *rules: Rule) -> Line:
    def decide(prompt: PromptRequested) -> object:
        return [call_of(which.name, arguments)] if last(prompt).startswith("user") else "Well."

    parcels = Parcels()
    line = Line(bus, decide, app=team(parcels, tools=(which,), rules=rules))
    line.parcels = parcels
    return line


@pytest.mark.parametrize("arguments", NOTHING)
async def test_no_arguments_are_asked_about_first_however_they_are_written(bus: TestBus, arguments: str) -> None:
    async with line_of(bus, cancel, arguments).running() as line:
        await line.say("where is my parcel")
        assert line.parcels.done == []
        assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["Shall I cancel everything?"]
        await line.say("yes")
    assert line.parcels.done == ["cancelled "]


@rule
def never(use: ToolUse) -> str | None:
    return "We never wipe." if use.tool == "wipe" else None


@pytest.mark.parametrize("arguments", [*NOTHING, '{"note":"x"}', '"{\\"note\\":\\"x\\"}"', '{"note":7}'])
async def test_a_rule_judges_arguments_of_every_shape(bus: TestBus, arguments: str) -> None:
    async with line_of(bus, wipe, arguments, never).running() as line:
        await line.say("where is my parcel")
    assert line.parcels.done == []
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["We never wipe."]


@pytest.mark.parametrize("arguments", WRONG, ids=lambda text: text[:20])
@pytest.mark.parametrize("which", [cancel, wipe], ids=lambda each: each.name)
async def test_arguments_that_are_not_an_object_are_rejected_with_a_reason(
    bus: TestBus, which: Tool, arguments: str
) -> None:
    async with line_of(bus, which, arguments).running() as line:
        await line.say("where is my parcel")
    assert line.parcels.done == []
    (completed,) = await line.events(TurnCompleted)
    assert (completed.failed, completed.text) == (False, "Well.")
    assert "wrong arguments for" in last(line.model.prompts[-1])
    wanted = [call for message in line.model.prompts[-1].messages for call in message.tool_calls]
    assert isinstance(json.loads(wanted[0].arguments), dict)


async def test_the_tool_runs_with_exactly_the_arguments_that_were_checked(bus: TestBus) -> None:
    async with line_of(bus, wipe, '"{\\"note\\": \\"x\\"}"').running() as line:
        await line.say("where is my parcel")
    (requested,) = await line.events(ToolRequested)
    assert requested.arguments == '{"note":"x"}'
    assert line.parcels.done == ["wiped x"]


@pytest.mark.parametrize("arguments", [text for text in WRONG if not text.startswith('{"') or text == DEEP])
def test_only_an_object_is_read(arguments: str) -> None:
    with pytest.raises(RejectedError, match="wrong arguments for send"):
        read_arguments("send", arguments)
