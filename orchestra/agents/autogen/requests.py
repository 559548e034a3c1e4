"""What the agents ask of the platform during one turn."""

from collections.abc import Coroutine
from typing import Any, Literal, Protocol

from orchestra.agents.agent import Agent
from orchestra.agents.capture.dialogue import PendingCapture
from orchestra_schemas import Message, PromptCompleted, ToolCall, ToolCompleted, ToolSchema

ToolChoice = Literal["auto", "none", "required"]


class Requests(Protocol):
    """The port through which a turn reaches models, tools and the caller."""

    def prompt(
        self,
        agent: Agent,
        messages: tuple[Message, ...],
        tools: tuple[ToolSchema, ...],
        tool_choice: ToolChoice,
        *,
        silent: bool = False,
    ) -> Coroutine[Any, Any, PromptCompleted]:
        """Have a model answer. It is asked at once, and its words are spoken as they come, unless ``silent``."""
        ...

    async def tool(self, agent: Agent, call: ToolCall) -> ToolCompleted:
        """Have a tool run."""
        ...

    def hand_off(self, agent: str, previous: str) -> None:
        """Another agent speaks from here on."""
        ...

    def say(self, agent: Agent, text: str, messages: tuple[Message, ...], asks: PendingCapture | None = None) -> None:
        """Have the caller hear these words as they are; no model has written them. ``messages``: what came before.

        ``asks``: for what they ask the caller.
        """
        ...
