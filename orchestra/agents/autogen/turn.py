"""One turn of the agents: they are built, asked, hand over to one another, and are stopped."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import HandoffMessage
from autogen_core import CancellationToken

from orchestra.agents.agent import Agent
from orchestra.agents.autogen.cast import Cast
from orchestra.agents.autogen.client import PROMPTS, PromptClient, ToolChoice
from orchestra.agents.autogen.workbench import CallContext, ToolBench
from schemas import Message, PromptCompleted, ToolCall, ToolCompleted, ToolSchema

#: how often the caller may change hands in one turn
_HANDOFFS = 2


class Steps(Protocol):
    """What the agents ask of the platform during one turn."""

    async def prompt(
        self, agent: Agent, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...], tool_choice: ToolChoice
    ) -> PromptCompleted:
        """Have a model answer. Its words are spoken while they come."""
        ...

    async def tool(self, agent: Agent, call: ToolCall) -> ToolCompleted:
        """Have a tool run."""
        ...

    def handed_over(self, agent: str, previous: str) -> None:
        """Another agent speaks from here on."""
        ...


class AgentTurn:
    """One turn: from the caller's words to the agents' last.

    Attributes:
        agent: name of the agent that speaks now.
        said: the messages of this turn so far, the caller's first.
        apologised: a prompt failed, and the caller was told so.

    """

    def __init__(
        self, cast: Cast, steps: Steps, *, agent: str, number: int, history: Sequence[Message], caller_said: Message
    ) -> None:
        self.cast = cast
        self.steps = steps
        self.agent = agent
        self.number = number
        self.history = history
        self.said = [caller_said]
        self.apologised = False
        self.token = CancellationToken()
        self.broken: Exception | None = None

    def cancel(self) -> None:
        """Stop at the next moment at which the agents wait."""
        self.token.cancel()

    async def run(self) -> bool:
        """Let the agents work until they have answered: True, or were cancelled: False.

        Raises:
            EngineError: a prompt failed, or gave no answer.
            OrchestraError: a step could not be asked for.

        """
        client = PromptClient(self)
        seen = {self.agent}
        try:
            while True:
                response = await self._build(client, seen).on_messages([], self.token)
                if not isinstance(response.chat_message, HandoffMessage):
                    return True
                previous, self.agent = self.agent, response.chat_message.target
                seen.add(self.agent)
                self.steps.handed_over(self.agent, previous)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self.token.is_cancelled() or (task is not None and task.cancelling()):
                raise
            return False
        finally:
            self.token.cancel()  # whatever AutoGen still waits for

    def _build(self, client: PromptClient, seen: set[str]) -> AssistantAgent:
        agent = self.cast.agents[self.agent]
        open_to = [name for name in agent.handoffs if name not in seen] if len(seen) <= _HANDOFFS else []
        return AssistantAgent(
            agent.name,
            client,
            workbench=ToolBench(self),
            handoffs=[self.cast.handoffs[name] for name in open_to],
            model_context=CallContext(self),
            system_message=agent.instructions,
            max_tool_iterations=PROMPTS,
        )

    @property
    def reply(self) -> str:
        """All that the agents have said in this turn."""
        return " ".join(message.content for message in self.said if message.role == "assistant" and message.content)
