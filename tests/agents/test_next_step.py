"""What comes next in a turn follows from its state alone."""

from typing import Any

import pytest

from orchestra.agents.autogen.next_step import CALLS_OF_TURN, PROMPTS, Ask, Call, Say, Stop, next_step
from orchestra.agents.autogen.state import TurnState
from orchestra.agents.tool_guard import TurnContext
from orchestra_schemas import Message, ToolCall

BOOK = ToolCall(id="c1", name="book", arguments='{"day":"Friday"}')
END = ToolCall(id="c2", name="end_call", arguments="{}")
SAID = Message(role="user", content="book it")


def turn(*said: Message, **fields: Any) -> TurnState:
    context = TurnContext(agent="desk", call="07-x", turn=1)
    return TurnState(context=context, said=[SAID, *said], agent="desk", agents={"desk"}, **fields)


def called(*calls: ToolCall, words: str = "") -> tuple[Message, ...]:
    answers = (Message(role="tool", name=call.name, content="done", tool_call_id=call.id) for call in calls)
    return (Message(role="assistant", content=words, tool_calls=calls), *answers)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        pytest.param(turn(), Ask(offer_tools=True), id="the caller has spoken"),
        pytest.param(turn(*called(BOOK)), Ask(offer_tools=True), id="a tool has run"),
        pytest.param(turn(agreed=BOOK), Call(BOOK), id="the caller has agreed to a call"),
        pytest.param(turn(agreed=END), Ask(offer_tools=True), id="the agent cannot make the call that was agreed to"),
        pytest.param(turn(*called(BOOK), say_instead="On Friday?"), Say("On Friday?"), id="a call was refused aloud"),
        pytest.param(turn(*called(END)), Ask(offer_tools=False), id="only the last words are missing"),
        pytest.param(turn(*called(END, words="Bye.")), Stop(), id="the last words came with the call"),
        pytest.param(turn(*called(BOOK, END, words="Bye.")), Ask(offer_tools=True), id="another tool ran beside it"),
        pytest.param(turn(prompts=PROMPTS - 1), Ask(offer_tools=False), id="the last prompt of a turn"),
        pytest.param(turn(calls=CALLS_OF_TURN), Ask(offer_tools=False), id="as many calls as a turn may make"),
    ],
)
def test_the_next_step_follows_from_the_state(state: TurnState, step: object) -> None:
    assert next_step(state, ["book"]) == step
