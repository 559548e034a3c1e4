"""Reads a prompt's messages as a conversation: what the caller said, the steps taken, and the reply."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestra.agents.caller_notes import is_notes
from orchestra_schemas import Message, ToolCall

HANDOFF = "transfer_to_"


@dataclass(slots=True)
class Step:
    """A tool call and its result; None if the turn was cut off before it."""

    call: ToolCall
    result: str | None = None

    @property
    def is_handoff(self) -> bool:
        """Whether this call handed the caller off to another agent."""
        return self.call.name.startswith(HANDOFF)


@dataclass(slots=True)
class Exchange:
    """One turn: the caller's words, the steps taken, and the reply heard."""

    said: str
    steps: list[Step] = field(default_factory=list)
    reply: str = ""

    @property
    def work(self) -> list[Step]:
        """The steps without handoffs."""
        return [step for step in self.steps if not step.is_handoff]


@dataclass(slots=True)
class Dialogue:
    """The whole conversation; the last exchange is the one to answer now.

    Attributes:
        instructions: the system prompt.
        exchanges: oldest first, never empty.

    """

    instructions: str
    exchanges: list[Exchange]

    @property
    def now(self) -> Exchange:
        """The exchange to answer."""
        return self.exchanges[-1]

    @property
    def earlier(self) -> list[Exchange]:
        """The exchanges before this one, latest first."""
        return self.exchanges[-2::-1]

    def with_words(self, said: str) -> "Dialogue":
        """The same conversation with other words as the caller's latest."""
        return Dialogue(self.instructions, [*self.exchanges[:-1], Exchange(said)])

    @property
    def last_reply(self) -> str:
        """The agent's last reply, empty if there is none."""
        return next((exchange.reply for exchange in self.earlier if exchange.reply), "")


def read(messages: Sequence[Message]) -> Dialogue:
    """The conversation in a prompt's messages.

    Words without an answer (the turn was superseded) are prepended to the caller's next words.
    """
    instructions: list[str] = []
    exchanges = [Exchange(said="")]
    waiting: dict[str, Step] = {}
    for message in messages:
        current = exchanges[-1]
        if message.role == "system":
            instructions.append(message.content)
        elif is_notes(message):
            continue  # not part of the conversation
        elif message.role == "user":
            if current.reply or current.steps:
                exchanges.append(Exchange(said=message.content))
            else:
                current.said = f"{current.said} {message.content}".strip()
        elif message.role == "assistant":
            current.reply = f"{current.reply} {message.content}".strip()
            for call in message.tool_calls:
                waiting[call.id] = step = Step(call)
                current.steps.append(step)
        elif message.tool_call_id in waiting:
            waiting.pop(message.tool_call_id).result = message.content
    return Dialogue("\n".join(instructions), exchanges)
