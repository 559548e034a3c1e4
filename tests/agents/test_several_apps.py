"""Several apps on one set of workers: a call keeps its app over everything that happens to the workers."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from orchestra import Agent, App, Consumer, Lines, ToolContext, tool
from orchestra.agents.handlers import Orchestration
from orchestra.execution.handlers import Execution
from orchestra.execution.models import ModelRegistry
from orchestra.settings import Settings
from orchestra.testing import TestBus, replay
from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    CallEnded,
    CallStarted,
    Event,
    OperatorPassedOn,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
)
from tests.agents.team import Decide, ScriptedModel, call_of


@tool
def balance(context: ToolContext) -> str:
    """Look up the balance."""
    context.call_state["looked"] = True
    return f"It is {context.resources}."


@tool
def slot() -> str:
    """Look up a free slot."""
    return "At nine."


def office(name: str, *agents: str, **options: Any) -> App:
    tools = {"bank": (balance,), "clinic": (slot,)}[name]
    team = tuple(Agent(name=each, about=each, prompt=f"You answer for the {name}.", tools=tools) for each in agents)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[str]:
        yield f"of the {name}"

    return App(name=name, entry=agents[0], agents=team, greeting=f"The {name}.", lifespan=lifespan, **options)


BANK = office("bank", "desk", transfers=("clinic", "nurse"), redact={"account": "AC[0-9]+"})
CLINIC = office("clinic", "reception", "nurse")
LINES = Lines({"+15550100": BANK, "+15550200": CLINIC})


def workers(lines: Lines, decide: Decide) -> list[Consumer]:
    @asynccontextmanager
    async def models(_: Settings) -> AsyncIterator[ModelRegistry]:
        yield ModelRegistry("scripted", lambda _: ScriptedModel(decide))

    return [Orchestration(lines).consumer, Execution(lines, models).consumer]


def who(prompt: PromptRequested) -> str:
    return f"I am the {prompt.messages[0].content.split()[-1].strip('.')}."


async def begin(bus: TestBus, app: App, **more: Any) -> str:
    call = bus.call()
    number = next(name for name, rule in LINES.plan.rules.items() if rule.versions[0][0][0] == app.name)  # type: ignore[union-attr]
    started = {
        "app": app.name,
        "line": number,
        "to_number": number,
        "from_number": "+15550001",
        "greeting": app.greeting,
    }
    await bus.publish(CallStarted(call=call, **started | {"version": app.version} | more))
    return call


async def say(bus: TestBus, call: str, turn: int, text: str = "hello") -> None:
    await bus.publish(UserTurnEnded(call=call, turn=turn, text=text, at=time.time()))
    await bus.settled()


async def heard(bus: TestBus, call: str) -> list[str]:
    return [event.text for event in await bus.published(ReplyChunk, call)]


async def test_calls_of_two_apps_on_the_same_workers_have_their_own_agents_and_tools(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> Any:
        if prompt.messages[-1].role == "tool":
            return prompt.messages[-1].content
        return [call_of(prompt.tools[0].name)]

    async with bus.run(*workers(LINES, decide)):
        calls = {app.name: await begin(bus, app) for app in (BANK, CLINIC)}
        for call in calls.values():
            await say(bus, call, 1)
    assert (await heard(bus, calls["bank"]))[-1] == "It is of the bank."
    assert (await heard(bus, calls["clinic"]))[-1] == "At nine."
    for app in (BANK, CLINIC):
        journal = [event for event in await bus.published(None, calls[app.name]) if event.source != "test"]
        assert {event.version for event in journal} == {app.version}


async def test_a_call_keeps_its_app_when_other_workers_take_over(bus: TestBus) -> None:
    async with bus.run(*workers(LINES, who)):
        call = await begin(bus, CLINIC)
        await say(bus, call, 1)
    async with bus.run(*workers(LINES, who)):
        await say(bus, call, 2)
    assert await heard(bus, call) == ["I am the clinic.", "I am the clinic."]


async def test_a_changed_app_does_not_change_the_calls_of_the_other(bus: TestBus) -> None:
    async with bus.run(*workers(LINES, who)):
        calls = [await begin(bus, app) for app in (BANK, CLINIC)]
        await bus.settled()
    changed = replace(BANK, apology="Pardon?")
    async with bus.run(*workers(Lines({"+15550100": changed, "+15550200": CLINIC}), who)):
        for call in calls:
            await say(bus, call, 1)
    versions = [(await bus.published(TurnCompleted, call))[0].version for call in calls]
    assert versions == [changed.version, CLINIC.version]
    assert [await heard(bus, call) for call in calls] == [["I am the bank."], ["I am the clinic."]]


async def test_a_call_whose_app_is_gone_is_answered_by_no_other(bus: TestBus) -> None:
    async with bus.run(*workers(LINES, who)):
        call = await begin(bus, CLINIC)
        await bus.settled()
    orchestration, execution = workers(Lines({"+15550100": BANK}), who)
    orchestration.max_attempts = 1
    async with bus.run(orchestration, execution):
        await bus.publish(UserTurnEnded(call=call, turn=1, text="hello", at=time.time()))
        await bus.settled(allow_dead=True)
        assert "'clinic' is not among the lines any more" in (await bus.dead())[0].error
    assert not await heard(bus, call)


def passes_on(to: str) -> Decide:
    def decide(prompt: PromptRequested) -> Any:
        if prompt.app == "clinic":
            return f"Told {' '.join(tool.name for tool in prompt.tools)} {prompt.messages[1].content[-30:]}"
        if prompt.messages[-1].role == "tool":
            return "Good luck."
        return [call_of("transfer_call", f'{{"to": "{to}", "briefing": "Ill; \\"drop\\" <all>"}}')]

    return decide


async def test_a_caller_is_passed_on_to_an_agent_of_another_app_by_its_name(bus: TestBus) -> None:
    async with bus.run(*workers(LINES, passes_on("nurse"))):
        call = await begin(bus, BANK)
        await say(bus, call, 1)
        await say(bus, call, 2)
    (changed,) = await bus.published(AppChanged, call)
    assert (changed.app, changed.agent, changed.previous) == ("clinic", "nurse", "bank")
    assert [event.agent for event in await bus.published(AgentChanged, call)] == ["desk", "nurse"]
    said = await heard(bus, call)
    assert said[:2] == ["Good luck.", "The clinic."]
    assert "slot" in said[2]
    assert "balance" not in said[2]
    assert 'briefing: "Ill; drop all' in " ".join(
        message.content for message in (await bus.published(PromptRequested, call))[-1].messages
    )


async def test_a_transfer_to_nobody_leaves_the_call_where_it_is(bus: TestBus) -> None:
    async with bus.run(*workers(LINES, passes_on("moon"))):
        call = await begin(bus, BANK)
        await say(bus, call, 1)
    (told,) = await bus.published(ToolCompleted, call)
    assert told.failed
    assert "'moon' to transfer to: choose one of clinic, nurse" in told.result
    assert not await bus.published(AppChanged, call)


async def test_an_app_alone_can_pass_nobody_on(bus: TestBus) -> None:
    async with bus.run(*workers(Lines.of(BANK), passes_on("clinic"))):
        call = await begin(bus, BANK)
        await say(bus, call, 1)
    (told,) = await bus.published(ToolCompleted, call)
    assert (told.failed, told.result) == (True, "clinic cannot be reached now: nothing was done.")
    assert not await bus.published(AppChanged, call)


async def test_the_journal_of_a_call_that_was_passed_on_replays_as_it_was(bus: TestBus) -> None:
    decide = passes_on("clinic")
    async with bus.run(*workers(LINES, decide)):
        call = await begin(bus, BANK)
        await say(bus, call, 1)
        await say(bus, call, 2)
        await bus.publish(CallEnded(call=call, turn=2, reason="caller_hung_up"))
        await bus.settled()
    journal: list[Event] = await bus.published(None, call)
    for consumer in workers(LINES, decide):
        result = await replay(journal, consumer)
        assert {output.entry.type for output in result.outputs.of("same")} >= (
            {"app.changed", "agent.changed"} if consumer.name == "orchestration" else {"prompt.completed"}
        )


async def test_a_caller_is_remembered_by_the_app_that_they_called_only(bus: TestBus) -> None:
    lines = Lines(
        {"+15550100": replace(BANK, remembers_callers=True), "+15550200": replace(CLINIC, remembers_callers=True)}
    )
    orchestration = Orchestration(lines)
    async with bus.run(orchestration.consumer):
        await begin(bus, lines.apps[0])
        await begin(bus, lines.apps[1])
        await bus.settled()
    keys = [key async for key in bus.bus.redis.scan_iter("*:caller:*")]
    assert len(keys) == 2


async def test_an_operator_passes_the_caller_on_to_another_app_and_the_running_turn_ends(bus: TestBus) -> None:
    model = ScriptedModel(who, hold_at=1)

    @asynccontextmanager
    async def models(_: Settings) -> AsyncIterator[ModelRegistry]:
        yield ModelRegistry("scripted", lambda _: model)

    async with bus.run(Orchestration(LINES).consumer, Execution(LINES, models).consumer):
        call = await begin(bus, BANK)
        model.hold.clear()
        await bus.publish(UserTurnEnded(call=call, turn=1, text="hello", at=time.time()))
        await model.holding.wait()
        await bus.publish(OperatorPassedOn(call=call, operator="anna", app="clinic", briefing="A sprained ankle."))
        await bus.settled()
        model.hold.set()
        await bus.publish(OperatorPassedOn(call=call, operator="anna", app="zoo"))
        await say(bus, call, 2)
    (changed,) = await bus.published(AppChanged, call)
    assert (changed.app, changed.agent, changed.previous, changed.operator, changed.greeting, changed.version) == (
        "clinic", "reception", "bank", "anna", "The clinic.", CLINIC.version,
    )  # fmt: skip
    assert [(each.turn, each.reason) for each in await bus.published(TurnCancelled, call)] == [(1, "operator")]
    agents = [(each.agent, each.reason) for each in await bus.published(AgentChanged, call)]
    assert agents == [("desk", "entry"), ("reception", "operator")]
    assert (await heard(bus, call))[-1] == "I am the clinic."
    assert "A sprained ankle." in model.prompts[-1].messages[1].content
