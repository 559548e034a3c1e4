"""Decides what comes next in a turn, before AutoGen gets the answer of a model. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from orchestra.agents.autogen.state import TurnState
from orchestra.agents.builtin import CLOSING
from orchestra_schemas import ToolCall

#: prompts of one turn, the last of them without tools: no turn calls tools for ever
PROMPTS = 6
#: tool calls of one turn
CALLS_OF_TURN = 16


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model; ``offer_tools``: it may call tools and hand off."""

    offer_tools: bool


@dataclass(frozen=True, slots=True)
class Say:
    """Say this; no model is asked."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """Make this tool call; no model is asked."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class Stop:
    """The turn is over, with what has been said."""


def next_step(state: TurnState, offered: Collection[str]) -> Ask | Say | Call | Stop:
    """What to do next.

    ::

        closing tool has run, last words said with it      -> Stop
        the guard refused a call and has words for it      -> Say
        the caller agreed to a call                        -> Call
        closing tool has run, last words missing           -> Ask without tools
        too many prompts or calls                          -> Ask without tools
        else                                               -> Ask

    Args:
        state: the turn so far.
        offered: names of the tools and handoffs that the agent has now.

    """
    closing = _closing_calls(state)
    if closing and state.said[-closing - 1].content:
        return Stop()
    if state.say_instead:
        return Say(state.say_instead)
    if state.agreed is not None and state.agreed.name in offered:
        return Call(state.agreed)
    spent = state.prompts >= PROMPTS - 1 or state.calls >= CALLS_OF_TURN
    return Ask(offer_tools=not closing and not spent)


def _closing_calls(state: TurnState) -> int:
    """How many tools the last step ran, if after each of them only last words are said; else 0."""
    names = []
    for message in reversed(state.said):
        if message.role != "tool":
            break
        names.append(message.name)
    return len(names) if all(name in CLOSING for name in names) else 0
