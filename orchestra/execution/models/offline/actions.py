"""The two actions there are, and what every policy looks at to choose one."""

from dataclasses import dataclass
from typing import Any

from orchestra.execution.models.offline.dialogue import HANDOFF, Dialogue
from orchestra_schemas import ToolSchema

SEARCH, END, TRANSFER = "search_knowledge", "end_call", "transfer_call"
KEYPAD, KEYS = "collect_digits", "press_keys"
#: tools of the platform: when they are called is decided by what they are, not by how they are described
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
    """The conversation and what can be done in it.

    Attributes:
        dialogue: the conversation.
        tools: what may be called now; after a handoff no further handoffs, so that agents do not play ping-pong.
        handed: the caller was handed to this agent in this very turn.
        at: when the caller spoke, epoch seconds.

    """

    dialogue: Dialogue
    tools: tuple[ToolSchema, ...]
    handed: bool
    at: float

    @property
    def said(self) -> str:
        """What the caller has said and waits for an answer to."""
        return self.dialogue.now.said

    @property
    def own(self) -> tuple[ToolSchema, ...]:
        """The agent's own tools: neither handoffs nor built in."""
        return tuple(t for t in self.tools if t.name not in BUILTIN and not t.name.startswith(HANDOFF))

    def has(self, name: str) -> bool:
        """Whether a tool may be called now."""
        return any(tool.name == name for tool in self.tools)

    def tool(self, name: str) -> ToolSchema | None:
        """The tool of that name, if it may be called now."""
        return next((tool for tool in self.tools if tool.name == name), None)
