"""The first prompt of a turn is published before AutoGen is built: it has to be the one that AutoGen then asks for."""

from typing import Any

import pytest

from orchestra.agents.autogen import AgentToolset, AgentTurn
from orchestra.agents.confirmation import PendingConfirmation
from orchestra.agents.tool_guard import TurnContext
from orchestra_schemas import Message, PromptCompleted, ToolCall
from tests.agents.team import Parcels, team

_FOUND = ToolCall(id="call_1", name="find_parcel", arguments='{"number":"4271"}')
_BOOKED = ToolCall(id="call_2", name="book", arguments='{"day":"Friday"}')
_BEFORE = (
    Message(role="assistant", content="Welcome."),
    Message(role="user", content="where is it"),
    Message(role="assistant", content="I look.", tool_calls=(_FOUND, _BOOKED)),
    Message(role="tool", name="find_parcel", content="in the van", tool_call_id="call_1"),
    Message(role="tool", name="book", content="done", tool_call_id="call_2"),
    Message(role="assistant", content="It is in —"),
)


class _Requests:
    """Notes what is asked, and answers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def _answer(self) -> PromptCompleted:
        return PromptCompleted(call="07-x", request="r", text="Yes.")

    def prompt(self, *prompt: Any) -> Any:
        self.asked.append(prompt)
        return self._answer()


async def asked(*, prefetch: bool, agent: str = "tracking", **context_fields: Any) -> list[tuple[Any, ...]]:
    """What is asked in a turn."""
    requests = _Requests()
    context = TurnContext(agent=agent, call="07-x", turn=2, **context_fields)
    said = Message(role="user", content="and when")
    turn = AgentTurn(AgentToolset(team(Parcels())), requests, context, caller_said=said)  # type: ignore[arg-type]
    if prefetch:
        turn.prefetch()
        assert len(requests.asked) == 1
    assert await turn.run()
    return requests.asked


@pytest.mark.parametrize("agent", ["reception", "tracking"])
@pytest.mark.parametrize("notes", ["", "They called yesterday."])
async def test_the_prefetched_prompt_is_the_one_that_autogen_asks_for(agent: str, notes: str) -> None:
    alone = await asked(prefetch=False, agent=agent, conversation=_BEFORE, notes=notes)
    assert len(alone) == 1
    assert await asked(prefetch=True, agent=agent, conversation=_BEFORE, notes=notes) == alone


async def test_nothing_is_prefetched_once_the_caller_has_agreed_to_a_tool() -> None:
    question = PendingConfirmation(turn=1, tool="book", arguments="{}", question="Shall I book it?")
    turn = AgentTurn(
        AgentToolset(team(Parcels())),
        _Requests(),  # type: ignore[arg-type]
        TurnContext(agent="tracking", call="07-x", turn=2, asked=question, answer="yes"),
        caller_said=Message(role="user", content="yes"),
    )
    turn.prefetch()
    assert turn.state.prompts == 0
