"""What is known in the middle of a turn. Plain data: nothing of AutoGen, no clock, no bus."""

from dataclasses import dataclass, field

import msgspec

from orchestra.agents.capture.dialogue import PendingCapture
from orchestra.agents.confirmation import PendingConfirmation
from orchestra.agents.tool_guard import Refusal, TurnContext
from orchestra_schemas import Message, ToolCall


@dataclass(slots=True, kw_only=True)
class TurnState:
    """A turn in progress, from the caller's words to the agents' last.

    Attributes:
        context: the call when the turn began; a confirmation is taken out once its tool call has been made.
        said: the messages of this turn so far, the caller's first.
        agent: name of the agent that speaks now.
        agents: everyone who has spoken in this turn.
        agreed: a tool call that the caller has just agreed to; it is made before any model is asked.
        approved: tool calls as the guard let them pass, by the id of the call: no other runs.
        refused: tool calls and handoffs that are not made, by the id of the call.
        say_instead: what the caller hears in their place, and has not heard yet.
        asked: what the caller is asked in this turn before a tool may run.
        capture: the value that the caller is asked for in this turn.
        rules: names of the rules that stopped or changed a tool call or handoff.
        prompts: how many prompts there were.
        calls: how many tool calls and handoffs the models have made.
        last_calls: those of the last answer that made any, by name and arguments.
        apologized: a prompt failed, and execution has apologized to the caller.
        error: the exception of a step in which AutoGen must not see one; the next prompt raises it.

    """

    context: TurnContext
    said: list[Message]
    agent: str
    agents: set[str]
    agreed: ToolCall | None = None
    approved: dict[str, ToolCall] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    say_instead: str = ""
    asked: PendingConfirmation | None = None
    capture: PendingCapture | None = None
    rules: dict[str, None] = field(default_factory=dict)
    prompts: int = 0
    calls: int = 0
    last_calls: set[tuple[str, str]] = field(default_factory=set)
    apologized: bool = False
    error: Exception | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation up to now."""
        return (*self.context.conversation, *self.said)

    @property
    def reply(self) -> str:
        """Everything that the agents have said in this turn."""
        return " ".join(message.content for message in self.said if message.role == "assistant" and message.content)

    def current_context(self) -> TurnContext:
        """The call as it is now, for the guard."""
        return msgspec.structs.replace(self.context, agent=self.agent, conversation=self.messages)

    def hand_off(self, agent: str) -> None:
        """Another agent speaks from here on."""
        self.agent = agent
        self.agents.add(agent)
