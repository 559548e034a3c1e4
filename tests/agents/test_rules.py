"""Rules on tool calls and handoffs: let pass, change, refuse with what to say instead."""

import pytest

from orchestra import Handoff, Sentence, ToolUse, rule
from orchestra.agents.rule import Rule
from orchestra.errors import AppError
from orchestra.testing import TestBus
from orchestra_schemas import AgentChanged, PromptRequested, ReplyChunk, ToolCompleted, ToolRequested, TurnCompleted
from tests.agents.team import Line, Parcels, call_of, last, team

BOOK = call_of("book", '{"day":"Sunday"}')


def line_with(bus: TestBus, *rules: Rule, calls: tuple[object, ...] = (BOOK,)) -> Line:
    """A call whose tracking agent makes these calls at once, and then says what it was told."""

    def decide(prompt: PromptRequested) -> object:
        return list(calls) if last(prompt).startswith("user") else f"I heard {last(prompt)}"

    parcels = Parcels()
    line = Line(bus, decide, app=team(parcels, rules=rules))
    line.parcels = parcels
    return line


@rule
def never_on_sunday(use: ToolUse) -> str | None:
    return "We do not deliver on Sundays." if use.arguments.get("day") == "Sunday" else None


@rule
def saturday_at_the_latest(use: ToolUse) -> ToolUse | None:
    return use.instead(day="Saturday") if use.tool == "book" else None


async def test_a_refused_tool_does_not_run_and_the_caller_hears_the_words_of_the_rule(bus: TestBus) -> None:
    async with line_with(bus, never_on_sunday).running() as line:
        await line.say("where is my parcel")
    assert await line.events(ToolRequested) == []
    assert line.parcels.done == []
    assert [(chunk.text, chunk.agent, chunk.voice) for chunk in await line.events(ReplyChunk)] == [
        ("We do not deliver on Sundays.", "tracking", "amy")
    ]
    assert (await line.events(TurnCompleted))[0].text == "We do not deliver on Sundays."
    assert len(line.model.prompts) == 1


async def test_a_refusal_and_its_words_are_part_of_the_conversation(bus: TestBus) -> None:
    async with line_with(bus, never_on_sunday).running() as line:
        await line.say("where is my parcel")
        await line.say("and now")
    roles = [(message.role, message.content) for message in line.model.prompts[-1].messages[3:-1]]
    assert roles == [
        ("assistant", ""),
        ("tool", "Not done: this is not allowed here. The caller is told: We do not deliver on Sundays."),
        ("assistant", "We do not deliver on Sundays."),
    ]


async def test_a_tool_call_that_a_rule_changed_runs_as_changed(bus: TestBus) -> None:
    async with line_with(bus, saturday_at_the_latest).running() as line:
        await line.say("where is my parcel")
    (requested,) = await line.events(ToolRequested)
    assert requested.arguments == '{"day":"Saturday"}'
    assert line.parcels.done == [f"booked Saturday for +15550001 ({requested.id})"]


async def test_rules_see_the_changes_of_earlier_rules(bus: TestBus) -> None:
    async with line_with(bus, saturday_at_the_latest, never_on_sunday).running() as line:
        await line.say("where is my parcel")
    assert len(line.parcels.done) == 1


async def test_a_rule_may_have_another_tool_called(bus: TestBus) -> None:
    @rule
    def ask_a_person(use: ToolUse) -> ToolUse | None:
        return use.instead("transfer_call", briefing="a booking") if use.tool == "book" else None

    async with line_with(bus, ask_a_person).running() as line:
        await line.say("where is my parcel")
    assert [(event.name, event.arguments) for event in await line.events(ToolRequested)] == [
        ("transfer_call", '{"briefing":"a booking"}')
    ]


async def test_a_rule_knows_the_callers_words(bus: TestBus) -> None:
    seen: list[ToolUse] = []

    @rule
    def watch(use: ToolUse) -> None:
        seen.append(use)

    async with line_with(bus, watch).running() as line:
        await line.say("where is my parcel")
    (use,) = seen
    assert (use.tool, use.arguments, use.agent, use.turn) == ("book", {"day": "Sunday"}, "tracking", 1)
    assert (use.caller_said, use.caller_number, use.call) == ("where is my parcel", "+15550001", line.call)


async def test_a_refused_call_among_several_has_to_be_made_on_its_own(bus: TestBus) -> None:
    calls = (call_of("find_parcel", '{"number":"1"}', "c1"), call_of("book", '{"day":"Sunday"}', "c2"))
    async with line_with(bus, never_on_sunday, calls=calls).running() as line:
        await line.say("where is my parcel")
    assert [event.name for event in await line.events(ToolRequested)] == ["find_parcel"]
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == [
        "I heard tool: Not done: call it again, on its own."
    ]


@rule
def broken(use: ToolUse) -> None:
    raise RuntimeError(use.tool)


@rule
def confused(use: ToolUse) -> int:
    return 7


@pytest.mark.parametrize("faulty", [broken, confused])
async def test_a_tool_call_is_not_made_if_its_rule_fails(bus: TestBus, faulty: Rule) -> None:
    async with line_with(bus, faulty).running() as line:
        await line.say("where is my parcel")
    assert line.parcels.done == []
    assert await line.events(ToolCompleted) == []
    assert (await line.events(TurnCompleted))[0].text == "I heard tool: Not done: this is not allowed here."


@rule
def no_billing(step: Handoff) -> str | None:
    return "Our billing office is closed." if step.target == "billing" else None


@rule
def tracking_instead(step: Handoff) -> Handoff | None:
    return step.instead("tracking") if step.target == "billing" else None


def hand_over(prompt: PromptRequested) -> object:
    return [call_of("transfer_to_billing")] if prompt.agent == "reception" else f"I am {prompt.agent}."


async def test_a_refused_handoff_is_not_made(bus: TestBus) -> None:
    async with Line(bus, hand_over, app=team(Parcels(), rules=(no_billing,))).running() as line:
        await line.say("hello")
        await line.say("hello again")
    assert [change.agent for change in await line.events(AgentChanged)] == ["reception"]
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["Our billing office is closed."] * 2
    calls = [call.name for message in line.model.prompts[-1].messages for call in message.tool_calls]
    assert calls == ["transfer_to_billing"]


async def test_a_changed_handoff_leads_to_the_other_agent(bus: TestBus) -> None:
    async with Line(bus, hand_over, app=team(Parcels(), rules=(tracking_instead,))).running() as line:
        await line.say("hello")
    assert [change.agent for change in await line.events(AgentChanged)] == ["reception", "tracking"]


def test_the_annotation_of_a_rule_chooses_its_subject() -> None:
    assert (never_on_sunday.subject, no_billing.subject) == (ToolUse, Handoff)
    assert rule(_about_a_sentence).subject is Sentence
    with pytest.raises(AppError, match="must take one argument annotated"):
        rule(_about_text)


def _about_a_sentence(sentence: Sentence) -> None:
    return


def _about_text(text: str) -> None:
    return
