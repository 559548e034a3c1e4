import asyncio
import time

import pytest

from orchestra.agents.autogen import AgentToolset, AgentTurn
from orchestra.agents.conversation import STILL_RUNNING
from orchestra.agents.tool_guard import TurnContext
from orchestra.errors import FencedError
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    Message,
    PromptCompleted,
    ReplyChunk,
    ReplyInterrupted,
    ToolCompleted,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
)
from tests.agents.team import Line, Parcels, call_of, last, team

BOOK = [call_of("book", '{"day":"Friday"}')]
FIND = [call_of("find_parcel", '{"number":"4271"}')]


def history(line: Line) -> list[tuple[str, str]]:
    """Role and text of what the model was given last, without the system prompt and the greeting."""
    return [(message.role, message.content) for message in line.model.prompts[-1].messages[2:]]


async def test_a_caller_who_interrupts_the_model_stops_it(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine. We close at five.", hold_at=6).running() as line:
        line.model.hold.clear()
        await line.say("when do you open", settle=False)
        await line.model.holding.wait()
        await line.until(ReplyChunk)
        await line.interrupt(1, "We open")
        assert [event.reason for event in await line.events(TurnCancelled)] == ["interrupted"]
        assert line.model.closed_early == 1
        (stopped,) = await line.events(PromptCompleted)
        assert (stopped.finish_reason, stopped.text) == ("cancelled", "We open at nine.")
        line.model.hold.set()
        await line.say("no, when do you close")
    assert history(line) == [
        ("user", "when do you open"),
        ("assistant", "We open —"),
        ("user", "no, when do you close"),
    ]
    assert [turn.turn for turn in await line.events(TurnCompleted)] == [2]


async def test_a_caller_who_interrupts_a_tool_call_stops_it_and_the_agent_does_not_hang(bus: TestBus) -> None:
    async with Line(bus, lambda prompt: FIND if last(prompt).startswith("user: where") else "Yes?").running() as line:
        line.parcels.gate.clear()
        await line.say("where is my parcel", settle=False)
        await line.parcels.waiting.wait()
        await line.interrupt(1, "")
        assert line.parcels.cut_off == 1
        assert [event.reason for event in await line.events(TurnCancelled)] == ["interrupted"]
        await line.say("hello?")
    assert [role for role, _ in history(line)] == ["user", "assistant", "tool", "user"]
    assert [turn.text for turn in await line.events(TurnCompleted)] == ["Yes?"]


async def test_a_tool_that_changes_the_world_is_done_to_its_end_and_remembered(bus: TestBus) -> None:
    async with Line(bus, lambda prompt: BOOK if last(prompt).startswith("user: where") else "Yes?").running() as line:
        line.parcels.gate.clear()
        await line.say("where is my parcel", settle=False)
        await line.parcels.waiting.wait()
        await line.say("hello?", settle=False)
        await line.until(TurnCompleted)
        assert ("tool", STILL_RUNNING) in history(line)
        line.parcels.gate.set()
        await line.until(ToolCompleted)
        await line.say("and now?")
    assert line.parcels.cut_off == 0
    assert len(line.parcels.done) == 1
    assert ("tool", "booked Friday for +15550001") in history(line)


async def test_an_interrupted_reply_is_remembered_up_to_the_words_that_the_caller_heard(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine. We close at five.").running() as line:
        await line.say("when do you open")
        await line.interrupt(1, "We open at nine.")
        await line.say("thanks")
    assert history(line) == [("user", "when do you open"), ("assistant", "We open at nine. —"), ("user", "thanks")]
    assert await line.events(TurnCancelled) == []


async def test_a_newer_turn_replaces_the_running_one(bus: TestBus) -> None:
    async with Line(bus, lambda prompt: f"You said {last(prompt)}").running() as line:
        line.model.hold.clear()
        await line.say("one moment", settle=False)
        await line.model.holding.wait()
        await line.say("when do you open", settle=False)
        await line.until(TurnCancelled)
        line.model.hold.set()
        await bus.settled()
    assert [(event.turn, event.reason) for event in await line.events(TurnCancelled)] == [(1, "superseded")]
    assert [(turn.turn, turn.text) for turn in await line.events(TurnCompleted)] == [
        (2, "You said user: when do you open")
    ]
    assert history(line) == [("user", "one moment"), ("user", "when do you open")]


async def test_of_two_turns_that_come_in_one_breath_the_second_is_answered_and_the_first_is_not_forgotten(
    bus: TestBus,
) -> None:
    async with Line(bus, lambda prompt: f"You said {last(prompt)}").running() as line:
        now = time.time()
        await bus.publish(
            UserTurnEnded(call=line.call, turn=1, text="good morning", at=now),
            UserTurnEnded(call=line.call, turn=2, text="when do you open", at=now),
        )
        await bus.settled()
    completed = await line.events(TurnCompleted)
    assert completed[-1].turn == 2
    assert completed[-1].text == "You said user: when do you open"
    assert [turn for turn in history(line) if turn[0] == "user"] == [
        ("user", "good morning"),
        ("user", "when do you open"),
    ]
    answered = {chunk.turn for chunk in await line.events(ReplyChunk)}
    ended = {event.turn for event in [*completed, *await line.events(TurnCancelled)]}
    assert answered <= ended == {1, 2}


async def test_a_caller_who_interrupts_before_any_model_is_asked_is_not_answered(bus: TestBus) -> None:
    async with Line(bus, lambda _: "Too late.").running() as line:
        await line.bus.publish(
            ReplyInterrupted(call=line.call, turn=1, heard=""),
            UserTurnEnded(call=line.call, turn=1, text="hello", at=time.time()),
        )
        await line.bus.settled()
        line.turn = 1
        assert line.model.prompts == []
        await line.say("are you there")
    assert [event.turn for event in await line.events(TurnCancelled)] == [1]
    assert [event.turn for event in await line.events(TurnCompleted)] == [2]


async def test_a_call_that_ends_stops_what_runs(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine.").running() as line:
        line.model.hold.clear()
        await line.say("when do you open", settle=False)
        await line.model.holding.wait()
        await bus.publish(CallEnded(call=line.call, reason="caller_hung_up"))
        await bus.settled()
        assert [event.reason for event in await line.events(TurnCancelled)] == ["call_ended"]
        assert line.model.closed_early == 1
        await line.say("hello?")
    assert len(line.model.prompts) == 1


async def test_a_turn_older_than_half_a_minute_is_not_answered(bus: TestBus) -> None:
    async with Line(bus, lambda _: "Yes?").running() as line:
        await line.say("hello?", at=time.time() - 31)
        assert [event.reason for event in await line.events(TurnCancelled)] == ["expired"]
        await line.say("hello again?")
    assert history(line) == [("user", "hello?"), ("user", "hello again?")]


async def test_a_slow_tool_is_bridged_with_words(bus: TestBus) -> None:
    async with Line(bus, lambda prompt: FIND if last(prompt).startswith("user") else "In the van.").running() as line:
        line.parcels.gate.clear()
        await line.say("where is my parcel", settle=False)
        await line.until(ReplyChunk)
        line.parcels.gate.set()
        await bus.settled()
    chunks = await line.events(ReplyChunk)
    assert [(chunk.text, chunk.filler, chunk.voice) for chunk in chunks] == [
        ("One moment.", True, "amy"),
        ("In the van.", False, "amy"),
    ]


class _FencedRequests:
    """A worker that has lost the call while its agent calls a tool."""

    async def prompt(self, *_: object) -> PromptCompleted:
        return PromptCompleted(call="07-x", request="r", tool_calls=tuple(FIND))

    async def tool(self, *_: object) -> ToolCompleted:
        msg = "the lease is lost"
        raise FencedError(msg)

    def hand_off(self, *_: str) -> None:
        raise AssertionError


def a_turn(requests: object) -> AgentTurn:
    toolset = AgentToolset(team(Parcels()))
    said = Message(role="user", content="where is it")
    return AgentTurn(toolset, requests, TurnContext(agent="tracking", call="07-x", turn=1), caller_said=said)  # type: ignore[arg-type]


async def test_an_error_inside_a_tool_call_ends_the_turn_and_does_not_hang_the_agent() -> None:
    async with asyncio.timeout(30):
        with pytest.raises(FencedError):
            await a_turn(_FencedRequests()).run()


class _SlowRequests(_FencedRequests):
    def __init__(self) -> None:
        self.called = asyncio.Event()

    async def tool(self, *_: object) -> ToolCompleted:
        self.called.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_worker_that_stops_in_the_middle_of_a_tool_call_leaves_no_task_behind() -> None:
    requests = _SlowRequests()
    work = asyncio.create_task(a_turn(requests).run())
    async with asyncio.timeout(30):
        await requests.called.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        _, pending = await asyncio.wait(left, timeout=30)
        assert not pending
