"""A call at work is read from the bus once for each lease, and again when what is known here may not be committed."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from orchestra.agents.call_cache import CONVERSATION, CallCache
from orchestra.agents.conversation import Conversation
from orchestra.bus import Context
from orchestra_schemas import PromptCompleted

CALL = "07-0199a2b4-77f0-7abc-8def-000000000001"


@dataclass
class Stored:
    """What Redis has of a call, and how often it was read."""

    fields: dict[str, bytes] = field(default_factory=dict)
    reads: int = 0

    async def all(self) -> dict[str, bytes]:
        self.reads += 1
        return self.fields


@dataclass
class Handling:
    """The parts of a `Context` that a live call looks at."""

    state: Stored
    lease: str = "worker:1"
    attempt: int = 1


def handling(stored: Stored, **options: Any) -> Context:
    return cast("Context", Handling(stored, **options))


async def agent_of(calls: CallCache, context: Context) -> str:
    async with calls.open(CALL, context, entry="reception") as active:
        return active.conversation.agent


async def _fail(calls: CallCache, context: Context) -> None:
    async with calls.open(CALL, context, entry="reception") as active:
        active.conversation.agent = "never committed"
        active.conversation.turn = 1 // 0


async def test_under_one_lease_a_call_is_read_once() -> None:
    calls, stored = CallCache(), Stored({CONVERSATION: Conversation(agent="tracking").encode()})
    assert [await agent_of(calls, handling(stored)) for _ in range(3)] == ["tracking"] * 3
    assert stored.reads == 1


async def test_a_handler_sees_the_changes_of_the_one_before() -> None:
    calls, stored = CallCache(), Stored()
    async with calls.open(CALL, handling(stored), entry="reception") as active:
        active.conversation.agent = "complaints"
    assert await agent_of(calls, handling(stored)) == "complaints"


async def test_under_another_lease_it_is_read_again() -> None:
    calls, stored = CallCache(), Stored()
    await agent_of(calls, handling(stored))
    stored.fields[CONVERSATION] = Conversation(agent="redelivery").encode()
    assert await agent_of(calls, handling(stored, lease="worker:2")) == "redelivery"


async def test_after_a_handling_that_failed_it_is_read_again() -> None:
    calls, stored = CallCache(), Stored({CONVERSATION: Conversation(agent="tracking").encode()})
    with pytest.raises(ZeroDivisionError):
        await _fail(calls, handling(stored))
    assert await agent_of(calls, handling(stored)) == "tracking"


async def test_a_second_attempt_reads_it_again() -> None:
    calls, stored = CallCache(), Stored()
    await agent_of(calls, handling(stored))
    await agent_of(calls, handling(stored, attempt=2))
    assert stored.reads == 2


async def test_answers_of_a_finished_turn_are_forgotten() -> None:
    calls, stored = CallCache(), Stored()
    async with calls.open(CALL, handling(stored), entry="reception") as active:
        active.deliver(PromptCompleted(call=CALL, turn=1, request="one"))
        active.deliver(PromptCompleted(call=CALL, turn=2, request="two"))
        active.conversation.turn = 1
    async with calls.open(CALL, handling(stored), entry="reception") as active:
        assert list(active.steps) == ["two"]


async def test_a_call_that_has_ended_is_not_remembered() -> None:
    calls, stored = CallCache(), Stored()
    async with calls.open(CALL, handling(stored), entry="reception") as active:
        active.conversation.ended = True
    await agent_of(calls, handling(stored))
    assert stored.reads == 2
