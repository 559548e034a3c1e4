"""What tools note for the rest of a call: read by tools and rules, kept once, whichever worker goes on."""

import asyncio
from typing import Any

import msgspec
import pytest
import structlog

from orchestra import Handoff, Sentence, ToolContext, ToolFailed, ToolUse, rule, tool
from orchestra.agents import Rule, Tool
from orchestra.evaluation.recorded_tools import RecordedTools
from orchestra.execution.call_state import LARGEST, changes
from orchestra.history.reduce import history_of
from orchestra.history.views.turn_summaries import call_summary
from orchestra.testing import TestBus
from orchestra_schemas import AgentChanged, CallStarted, PromptRequested, ReplyChunk, ToolCompleted, ToolRequested
from tests.agents.team import Line, Parcels, call_of, last, team


@tool
async def identify(pin: str, context: ToolContext) -> str:
    """Identify the caller."""
    tries = context.call_state["tries"] = context.call_state.get("tries", 0) + 1
    if pin != "1234":
        msg = f"Wrong, {tries} times."
        raise ToolFailed(msg)
    del context.call_state["tries"]
    context.call_state["identified"] = {"as": "Ann"}
    return "It is Ann."


@tool
def recall(context: ToolContext) -> str:
    """Say what is known."""
    return str(context.call_state)


@rule
def only_identified(use: ToolUse) -> str | None:
    return None if use.tool == "identify" or "identified" in use.call_state else "Your PIN first, please."


@rule
def no_names(sentence: Sentence) -> str | None:
    return None if "Ann" not in sentence.text or sentence.call_state.get("identified") else "I may not say."


@rule
def only_known_to_billing(step: Handoff) -> str | None:
    return None if step.target != "billing" or step.call_state.get("identified") else "Not yet."


def line_of(bus: TestBus, *rules: Rule, tools: tuple[Tool, ...] = (identify, recall)) -> Line:
    def decide(prompt: PromptRequested) -> object:
        said = last(prompt)
        if not said.startswith("user: where is my parcel "):
            return said.partition(": ")[2]
        name, _, argument = said.removeprefix("user: where is my parcel ").partition(" ")
        return [call_of(name, f'{{"pin":"{argument}"}}' if argument else "{}")]

    return Line(bus, decide, app=team(Parcels(), tools=tools, rules=rules))


async def results(line: Line) -> list[str]:
    return [event.result for event in await line.events(ToolCompleted)]


async def test_tools_of_later_turns_see_the_call_state_of_earlier_ones(bus: TestBus) -> None:
    async with line_of(bus).running() as line:
        await line.say("where is my parcel identify 1")
        await line.say("where is my parcel identify 2")
        await line.say("where is my parcel recall")
        await line.say("where is my parcel identify 1234")
        await line.say("where is my parcel recall")
    assert await results(line) == [
        "Wrong, 1 times.",
        "Wrong, 2 times.",
        "{'tries': 2}",
        "It is Ann.",
        "{'identified': {'as': 'Ann'}}",
    ]
    assert [event.noted for event in await line.events(ToolCompleted)] == [
        {"tries": 1},
        {"tries": 2},
        {},
        {"tries": None, "identified": {"as": "Ann"}},
        {},
    ]


async def test_rules_on_tools_sentences_and_handoffs_see_it(bus: TestBus) -> None:
    async with line_of(bus, only_identified, no_names, only_known_to_billing).running() as line:
        await line.say("where is my parcel recall")
        await line.say("where is my parcel transfer_to_billing")
        await line.say("Ann?")
        await line.say("where is my parcel identify 1234")
        await line.say("Ann?")
        await line.say("where is my parcel recall")
        await line.say("where is my parcel transfer_to_billing")
    assert [chunk.text for chunk in await line.events(ReplyChunk)][:3] == [
        "Your PIN first, please.",
        "Not yet.",
        "I may not say.",
    ]
    assert "Ann?" in [chunk.text for chunk in await line.events(ReplyChunk)]
    assert (await results(line))[-1] == "{'identified': {'as': 'Ann'}}"
    assert [change.agent for change in await line.events(AgentChanged)][-1] == "billing"


async def test_it_outlives_both_workers_also_in_the_middle_of_a_turn(bus: TestBus) -> None:
    line = line_of(bus)
    async with bus.run(line.execution().consumer):
        async with bus.run(line.orchestration().consumer):
            await bus.publish(CallStarted(call=line.call, greeting="Hello."))
            await line.say("where is my parcel identify 1")
            await line.say("where is my parcel identify 2", settle=False)
            await line.until(ToolRequested, 2)  # and nobody takes up the answer
        await line.until(ToolCompleted, 2)
    async with bus.run(line.orchestration().consumer, line.execution().consumer):
        await bus.settled()
        await line.say("where is my parcel recall")
    assert await results(line) == ["Wrong, 1 times.", "Wrong, 2 times.", "{'tries': 2}"]


async def test_tools_that_run_at_once_do_not_take_each_others_notes_away(bus: TestBus) -> None:
    met = asyncio.Barrier(2)

    @tool
    async def left(context: ToolContext) -> str:
        """Note left."""
        context.call_state["left"] = 1
        await met.wait()
        return "left"

    @tool
    async def right(context: ToolContext) -> str:
        """Note right."""
        await met.wait()
        context.call_state["right"] = [2]
        return "right"

    def decide(prompt: PromptRequested) -> object:
        if last(prompt).startswith("user: where is my parcel"):
            return [call_of("left", call_id="c1"), call_of("right", call_id="c2")]
        return [call_of("recall")] if last(prompt).startswith("user") else "Well."

    line = Line(bus, decide, app=team(Parcels(), tools=(left, right, recall)))
    async with line.running():
        await line.say("where is my parcel")
        await line.say("and?")
    assert (await results(line))[-1] in ("{'left': 1, 'right': [2]}", "{'right': [2], 'left': 1}")


async def test_a_tool_that_breaks_or_is_too_slow_notes_nothing(bus: TestBus) -> None:
    @tool
    def breaks(context: ToolContext) -> str:
        """Break."""
        context.call_state["broken"] = True
        raise KeyError

    @tool(timeout_s=0.05)
    async def hangs(context: ToolContext) -> str:
        """Hang."""
        context.call_state["hung"] = True
        await asyncio.Event().wait()
        raise AssertionError

    async with line_of(bus, tools=(breaks, hangs, recall)).running() as line:
        for name in ("breaks", "hangs", "recall"):
            await line.say(f"where is my parcel {name}")
    assert (await results(line))[-1] == "{}"


async def test_values_that_cannot_be_stored_are_logged_and_the_others_are_stored(bus: TestBus) -> None:
    @tool
    def notes(context: ToolContext) -> str:
        """Note."""
        context.call_state.update({"good": 1, "bad": object(), "large": "x" * LARGEST})
        return "done"

    with structlog.testing.capture_logs() as log:
        async with line_of(bus, tools=(notes, recall)).running() as line:
            await line.say("where is my parcel notes")
            await line.say("where is my parcel recall")
    assert await results(line) == ["done", "{'good': 1}"]
    problems = [entry["problem"] for entry in log if entry["event"] == "tool.call_state"]
    assert problems[0].startswith("'bad' is not kept: ")
    assert problems[1] == f"'large' is not kept: it would be larger than {LARGEST} bytes"


def test_a_recorded_answer_changes_the_call_state_like_the_recorded_tool() -> None:
    requested = ToolRequested(call="07-x", id="r1", turn=1, agent="desk", name="identify", arguments='{"pin":"1234"}')
    noted = {"identified": True}
    completed = ToolCompleted(call="07-x", turn=1, request="r1", name="identify", result="It is Ann.", noted=noted)
    recorded = RecordedTools("recorded")
    recorded.enter(
        "07-y", [step for turn in call_summary(history_of([requested, completed])).turns for step in turn.tools]
    )
    assert recorded(msgspec.structs.replace(requested, call="07-y")) == (False, "It is Ann.")
    assert recorded.noted("r1") == noted


@pytest.mark.parametrize(
    ("before", "after", "noted"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {}, {"a": None}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({}, {"a": None}, {}),
        ({}, {"a": (1, 2)}, {"a": [1, 2]}),
    ],
)
def test_only_changes_of_the_call_state_are_published(
    before: dict[str, Any], after: dict[str, Any], noted: dict[str, Any]
) -> None:
    assert changes(before, after) == (noted, [])
