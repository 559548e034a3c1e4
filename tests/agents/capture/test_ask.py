"""A caller who is asked for a value, in a call with both workers."""

import json
import time
from dataclasses import replace
from typing import Annotated

import pytest

from orchestra import ToolContext, tool
from orchestra.agents.capture import Digits, Email, Phone, ask
from orchestra.agents.tool import Tool
from orchestra.errors import AppError
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    CallStarted,
    CallTransferRequested,
    DigitPressed,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
    UserTurnEnded,
)
from tests.agents.team import Line, Parcels, call_of, last, team

PARCEL = ask(Digits(4), "Which parcel is it?", name="ask_parcel")


def asks(prompt: PromptRequested) -> object:
    """An agent that asks for the parcel, and says what it got."""
    if prompt.messages[-1].role == "tool":
        return f"Got {prompt.messages[-1].content}."
    return [call_of("ask_parcel")]


def line_of(bus: TestBus, decide: object = asks, tools: tuple[Tool, ...] = (PARCEL,)) -> Line:
    parcels = Parcels()
    line = Line(bus, decide, app=team(parcels, tools=tools))
    line.parcels = parcels
    return line


async def said(line: Line) -> list[str]:
    return [chunk.text for chunk in await line.events(ReplyChunk)]


async def test_the_value_is_asked_for_read_back_and_given_to_the_agent(bus: TestBus) -> None:
    async with line_of(bus).running() as line:
        for words in ("where is my parcel", "four three seven one", "no, four two", "yes"):
            await line.say(words)
    assert await said(line) == [
        "Which parcel is it?",
        "4 3, 7 1. Is that right?",
        "4 2, 7 1. Is that right?",
        "Got four two seven one.",
    ]
    (completed,) = await line.events(ToolCompleted)
    assert (completed.name, completed.result, completed.noted) == ("ask_parcel", "4271", {"ask_parcel": "4271"})


async def test_no_model_is_asked_until_the_value_is_there(bus: TestBus) -> None:
    async with line_of(bus).running() as line:
        for words in ("where is my parcel", "four two", "seven one", "yes"):
            await line.say(words)
    assert len(line.model.prompts) == 2
    roles = [message.role for message in line.model.prompts[-1].messages[-3:]]
    assert roles == ["user", "assistant", "tool"]


async def test_words_of_another_agent_do_not_move_the_caller_while_they_are_asked(bus: TestBus) -> None:
    email = ask(Email, name="ask_parcel")
    async with line_of(bus, tools=(email,)).running() as line:
        for words in ("where is my parcel", "invoices at example dot com", "yes"):
            await line.say(words)
    assert [change.agent for change in await line.events(AgentChanged)] == ["reception", "tracking"]
    assert last(line.model.prompts[-1]) == "tool: invoices@example.com"


async def test_a_tool_runs_with_the_values_that_it_needs_once_they_are_there(bus: TestBus) -> None:
    @tool(needs=(PARCEL, ask(Phone("US"), name="ask_phone")))
    async def send(day: Annotated[str, "which day"], context: ToolContext) -> str:
        """Send a parcel again."""
        parcels: Parcels = context.resources
        parcels.done.append(f"{day} {context.call_state['ask_parcel']} {context.call_state['ask_phone']}")
        return "sent"

    def sends(prompt: PromptRequested) -> object:
        return "Done." if last(prompt) == "tool: sent" else [call_of("send", json.dumps({"day": "Friday"}))]

    async with line_of(bus, sends, tools=(send,)).running() as line:
        for words in ("where is my parcel", "4271", "yes", "415 555 2671", "yes"):
            await line.say(words)
    assert line.parcels.done == ["Friday 4271 +14155552671"]
    assert [event.name for event in await line.events(ToolRequested)] == ["ask_parcel", "ask_phone", "send"]
    assert len(line.model.prompts) == 2


async def test_a_yes_over_what_is_read_back_does_not_count(bus: TestBus) -> None:
    async with line_of(bus).running() as line:
        await line.say("where is my parcel")
        await line.say("four two seven one")
        await line.interrupt(2, "four two")
        await line.say("yes")
        await line.say("yes")
    assert (await said(line))[1:] == ["4 2, 7 1. Is that right?"] * 2 + ["Got four two seven one."]


async def test_what_is_read_back_again_is_said_slower(bus: TestBus) -> None:
    async with line_of(bus).running() as line:
        for words in ("where is my parcel", "four two seven one", "what", "slower please", "yes"):
            await line.say(words)
    assert [chunk.speed for chunk in await line.events(ReplyChunk)] == [None, None, 0.85, 0.748, 0.88]


async def test_two_calls_are_asked_at_once_each_in_its_language(bus: TestBus) -> None:
    app = replace(team(Parcels(), tools=(ask(Digits(4), name="ask_parcel"),)), languages=("en", "es"))
    async with Line(bus, asks, app=app).running() as line:
        spanish = bus.call()
        await bus.publish(CallStarted(call=spanish, from_number="+15550002", greeting="Hola.", language="es"))
        words = (("where is my parcel",) * 2, ("four three seven one", "cuatro dos"), ("no, four two", "uno nueve"))
        for turn, (english, other) in enumerate((*words, ("yes", "sí")), 1):
            said = ((line.call, english), (spanish, other))
            await bus.publish(*(UserTurnEnded(call=call, turn=turn, text=text, at=time.time()) for call, text in said))
            await bus.settled()
    values = [
        completed.result for call in (line.call, spanish) for completed in await bus.published(ToolCompleted, call)
    ]
    assert values == ["4271", "4219"]
    assert [chunk.text for chunk in await bus.published(ReplyChunk, spanish)][
        2
    ] == "cuatro dos, uno nueve. ¿Es correcto?"


async def test_who_does_not_want_to_tell_is_with_the_agent_again(bus: TestBus) -> None:
    async with line_of(bus).running() as line:
        await line.say("where is my parcel")
        await line.say("I don't have it with me")
    assert last(line.model.prompts[-1]).startswith("tool: Not given")


async def test_who_is_not_understood_presses_keys(bus: TestBus) -> None:
    async with line_of(bus).running() as line:
        for words in ("where is my parcel", "what", "sorry"):
            await line.say(words, settle=words != "sorry")
        await line.until(ToolRequested)
        await line.until(ReplyChunk, 3)
        await bus.publish(*(DigitPressed(call=line.call, turn=3, digit=digit) for digit in "4271"))
        await bus.settled()
    assert last(line.model.prompts[-1]) == "tool: 4271"


async def test_who_is_never_understood_gets_a_person(bus: TestBus) -> None:
    spoken_only = ask(Digits(4), "Which parcel is it?", name="ask_parcel", keys=False)
    async with line_of(bus, tools=(spoken_only,)).running() as line:
        for words in ("where is my parcel", "what", "sorry", "hm"):
            await line.say(words)
    (transfer,) = await line.events(CallTransferRequested)
    assert "Which parcel is it?" in transfer.briefing
    assert (await said(line))[-1] == "I am putting you through to a person now."
    assert len(line.model.prompts) == 1


async def test_without_a_person_the_agent_goes_on(bus: TestBus) -> None:
    alone = ask(Digits(4), name="ask_parcel", keys=False, tries=1, to_person=False)
    async with line_of(bus, tools=(alone,)).running() as line:
        await line.say("where is my parcel")
        await line.say("what")
    assert last(line.model.prompts[-1]).startswith("tool: Not understood")


def test_what_a_tool_needs_and_how_it_is_asked_for_are_part_of_the_apps_version() -> None:
    def version(*needs: Tool) -> str:
        @tool(needs=needs)
        def send() -> str:
            """Send a parcel again."""
            return "sent"

        return team(Parcels(), tools=(send, PARCEL)).version

    patient = ask(Digits(4), "Which parcel is it?", name="ask_parcel", tries=4)
    assert len({version(), version(PARCEL), version(patient)}) == 3


@pytest.mark.parametrize("make", [lambda: ask(Digits), lambda: ask("digits"), lambda: ask(Email, tries=0)])
def test_a_wrong_ask_says_what_to_write(make: object) -> None:
    with pytest.raises(AppError, match="ask"):
        make()
