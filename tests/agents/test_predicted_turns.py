"""A turn whose end is only predicted: the agents begin, and nothing happens that could not be taken back."""

import time

import pytest

from orchestra.agents import ToolContext, tool
from orchestra.agents.builtin import collect_digits, press_keys
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    CallEndRequested,
    CallTransferRequested,
    DigitsRequested,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ToolCall,
    ToolCompleted,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from tests.agents.team import Line, Parcels, book, call_of, find_parcel, last, team


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


async def test_a_tool_with_effects_waits_until_the_predicted_turn_has_ended(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return "It is booked." if last(prompt).startswith("tool") else [call_of("book", '{"day":"Monday"}')]

    async with Line(bus, decide).running() as line:
        await predict(line, "where is my parcel")
        await line.until(PromptCompleted)
        assert line.parcels.done == []
        await confirm(line, "where is my parcel")
    kinds = await line.kinds()
    assert kinds.index("UserTurnEnded") < kinds.index("ToolRequested")
    assert len(line.parcels.done) == 1
    assert [chunk.text for chunk in await line.events(ReplyChunk)][-1] == "It is booked."


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


def find_then_tell(prompt: PromptRequested) -> object:
    if last(prompt).startswith("tool"):
        return f"It is {last(prompt).removeprefix('tool: ')}."
    return [call_of("find_parcel", '{"number":"4271"}')]


async def test_an_idempotent_tool_runs_in_a_predicted_turn_and_its_result_is_used_once_it_has_ended(
    bus: TestBus,
) -> None:
    async with Line(bus, find_then_tell).running() as line:
        await predict(line, "where is my parcel")
        await line.until(PromptCompleted, 2)
        assert not await line.events(TurnCompleted)
        await confirm(line, "Where is my parcel?")
    (asked,), (found,) = await line.events(ToolRequested), await line.events(ToolCompleted)
    assert (asked.predicted, found.predicted, len(line.parcels.done)) == (True, True, 1)
    assert (await line.events(TurnCompleted))[-1].text == "It is found four two seven one."


async def test_the_result_of_an_idempotent_tool_is_forgotten_if_the_caller_goes_on(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return find_then_tell(prompt) if "parcel" in prompt.messages[-1].content + last(prompt) else "Which one?"

    async with Line(bus, decide).running() as line:
        line.parcels.gate.clear()
        await predict(line, "where is my parcel")
        await line.parcels.waiting.wait()
        await line.bus.publish(UserTurnResumed(call=line.call, turn=line.turn))
        line.parcels.gate.set()
        await line.bus.settled()
        await line.say("and my invoice")
    messages = (await line.events(PromptRequested))[-1].messages
    assert [message.content for message in messages][1:] == ["Hello.", "and my invoice"]


@tool(idempotent=True)
def identify(context: ToolContext) -> str:
    """Identify the caller."""
    context.call_state["identified"] = context.call_state.get("identified", 0) + 1
    return "identified"


def identifying(bus: TestBus) -> Line:
    def decide(prompt: PromptRequested) -> object:
        return "Thank you." if last(prompt).startswith("tool") else [call_of("identify")]

    parcels = Parcels()
    return Line(bus, decide, app=team(parcels, tools=(identify,)))


async def test_a_predicted_turns_change_of_the_state_is_seen_in_it_and_kept_only_if_it_ends(bus: TestBus) -> None:
    async with identifying(bus).running() as line:
        await predict(line, "where is my parcel")
        await line.until(ReplyChunk)
        assert [prompt.call_state for prompt in await line.events(PromptRequested)] == [{}, {"identified": 1}]
        await line.bus.publish(UserTurnResumed(call=line.call, turn=line.turn))
        await line.bus.settled()
        await predict(line, "where is my parcel please")
        await line.until(ReplyChunk, 2)
        assert (await line.events(ToolRequested))[1].call_state == {}
        await confirm(line, "where is my parcel please")
        await line.say("thanks")
    assert (await line.events(PromptRequested))[4].call_state == {"identified": 1}


@pytest.mark.parametrize("dies", ["before the end", "after the end"])
async def test_a_worker_that_takes_a_predicted_turn_over_keeps_what_its_tool_has_noted(bus: TestBus, dies: str) -> None:
    line = identifying(bus)
    async with line.running():
        await predict(line, "where is my parcel")
        await line.until(ReplyChunk)
        if dies == "after the end":
            await bus.publish(
                UserTurnEnded(call=line.call, turn=1, text="where is my parcel", at=time.time(), predicted=True)
            )
    async with bus.run(line.orchestration().consumer, line.execution().consumer):
        if dies == "before the end":
            await confirm(line, "where is my parcel")
        await line.bus.settled()
        await line.say("thanks")
    assert len(await line.events(ToolRequested)) == 2
    assert (await line.events(PromptRequested))[2].call_state == {"identified": 1}
    assert [completed.turn for completed in await line.events(TurnCompleted)] == [1, 2]


@pytest.mark.parametrize(
    "call",
    [
        call_of("end_call"),
        call_of("transfer_call"),
        call_of("collect_digits", '{"question":"Which number?"}'),
        call_of("press_keys", '{"keys":"1"}'),
        call_of("book", '{"day":"Monday"}'),
        call_of("agreed", "{}"),
    ],
    ids=lambda call: call.name,
)
async def test_what_acts_on_the_call_or_asks_the_caller_waits_for_the_end_of_the_turn(
    bus: TestBus, call: ToolCall
) -> None:
    @tool(idempotent=True, needs_confirmation="Shall I?")
    def agreed() -> str:
        """Do it."""
        return "done"

    parcels = Parcels()
    app = team(parcels, tools=(find_parcel, book, collect_digits, press_keys, agreed))
    async with Line(bus, lambda _: [call], app=app).running() as line:
        await predict(line, "where is my parcel")
        await line.until(PromptCompleted)
        await line.bus.publish(UserTurnResumed(call=line.call, turn=line.turn))
        await line.bus.settled()
    asked = {ToolRequested, ToolCompleted, CallEndRequested, CallTransferRequested, DigitsRequested, ReplyChunk}
    assert not asked & {type(event) for event in await bus.published(None, line.call)}
    assert parcels.done == []


async def test_a_prompt_of_a_turn_that_goes_on_still_counts_its_tokens(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine in the morning.", hold_at=3).running() as line:
        line.model.hold.clear()
        await predict(line, "when do you open")
        await line.model.holding.wait()
        await line.bus.publish(UserTurnResumed(call=line.call, turn=line.turn))
        await line.bus.settled()
    (answer,) = await line.events(PromptCompleted)
    assert (answer.finish_reason, answer.model, answer.tokens_estimated) == ("cancelled", "scripted", True)
    assert answer.completion_tokens == 3
    assert answer.prompt_tokens > 0


async def test_a_worker_counts_predictions_and_what_the_wrong_ones_have_used(bus: TestBus) -> None:
    line = Line(bus, lambda _: "At nine.")
    orchestration = line.orchestration()
    async with bus.run(orchestration.consumer, line.execution().consumer):
        await predict(line, "when do you")
        await line.until(ReplyChunk)
        await bus.publish(UserTurnResumed(call=line.call, turn=line.turn))
        await bus.settled()
        await predict(line, "when do you open")
        await line.until(ReplyChunk, 2)
        await confirm(line, "when do you open")
        page = {name: read() for name, (_, read) in orchestration.consumer.counters.items()}
    assert (page["orchestra_predicted_turns_total"], page["orchestra_predicted_turns_right_total"]) == (2, 1)
    assert page["orchestra_wasted_prompts_total"] == 1


async def test_a_tool_with_effects_of_a_predicted_turn_runs_once_though_both_workers_die_while_it_runs(
    bus: TestBus,
) -> None:
    def decide(prompt: PromptRequested) -> object:
        return "So it is." if last(prompt).startswith("tool") else [call_of("book", '{"day":"Monday"}')]

    line = Line(bus, decide)
    line.parcels.gate.clear()
    async with line.running():
        await predict(line, "where is my parcel")
        await line.until(PromptCompleted)
        await bus.publish(
            UserTurnEnded(call=line.call, turn=1, text="where is my parcel", at=time.time(), predicted=True)
        )
        await line.parcels.waiting.wait()
    line.parcels.gate.set()
    async with bus.run(line.orchestration().consumer, line.execution().consumer):
        await bus.settled()
    assert len(line.parcels.done) <= 1
    assert len(await line.events(ToolRequested)) == len(await line.events(ToolCompleted)) == 1
    assert [completed.turn for completed in await line.events(TurnCompleted)] == [1]


async def test_a_worker_that_dies_in_a_predicted_turn_leaves_nothing_of_it_if_the_caller_goes_on(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return find_then_tell(prompt) if last(prompt) != "user: and my invoice" else "Which one?"

    line = Line(bus, decide)
    async with line.running():
        await predict(line, "where is my parcel")
        await line.until(ToolCompleted)
    async with bus.run(line.orchestration().consumer, line.execution().consumer):
        await bus.publish(UserTurnResumed(call=line.call, turn=line.turn))
        await bus.settled()
        await line.say("and my invoice")
    assert [event.turn for event in await line.events(TurnCompleted)] == [2]
    messages = (await line.events(PromptRequested))[-1].messages
    assert [message.content for message in messages][1:] == ["Hello.", "and my invoice"]
