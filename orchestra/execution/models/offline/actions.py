"""The two possible actions, and the situation in which a policy chooses one."""

from dataclasses import dataclass
from typing import Any

from orchestra.execution.models.offline.dialogue import HANDOFF, Dialogue
from orchestra_schemas import ToolSchema

SEARCH, END, TRANSFER = "search_knowledge", "end_call", "transfer_call"
KEYPAD, KEYS = "collect_digits", "press_keys"
#: built-in tools: rules decide when to call them, not their descriptions
BUILTIN = frozenset({SEARCH, END, TRANSFER, KEYPAD, KEYS})


@dataclass(frozen=True, slots=True)
class Say:
    """Say something and wait for the caller."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """Call a tool."""

    tool: str
    arguments: dict[str, Any]


Action = Say | Call


@dataclass(frozen=True, slots=True)
class Situation:
    """The conversation, and what can be done in it.

    Attributes:
        dialogue: the conversation.
        tools: the tools that may be called now; no second handoff in a turn, so that agents do not hand off in circles.
        handed: the caller was handed off to this agent in this turn.
        at: when the caller spoke, in epoch seconds.

    """

    dialogue: Dialogue
    tools: tuple[ToolSchema, ...]
    handed: bool
    at: float

    @property
    def said(self) -> str:
        """The caller's words to answer."""
        return self.dialogue.now.said

    @property
    def own(self) -> tuple[ToolSchema, ...]:
        """The agent's own tools: neither handoffs nor built-in ones."""
        return tuple(t for t in self.tools if t.name not in BUILTIN and not t.name.startswith(HANDOFF))

    def has(self, name: str) -> bool:
        """Whether a tool may be called now."""
        return any(tool.name == name for tool in self.tools)

    def tool(self, name: str) -> ToolSchema | None:
        """The tool of that name, if it may be called now."""
        return next((tool for tool in self.tools if tool.name == name), None)
