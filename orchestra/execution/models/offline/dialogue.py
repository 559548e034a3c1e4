"""A prompt's messages read as a conversation: what the caller said, what was done about it, what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestra.agents.notes import is_notes
from orchestra_schemas import Message, ToolCall

HANDOFF = "transfer_to_"


@dataclass(slots=True)
class Step:
    """A tool call and its result; None while there is none (the turn was cut off)."""

    call: ToolCall
    result: str | None = None

    @property
    def is_handoff(self) -> bool:
        """Whether this call handed the caller to another agent."""
        return self.call.name.startswith(HANDOFF)


@dataclass(slots=True)
class Exchange:
    """One turn: the caller's words, the steps taken, the agent's words as far as they were heard."""

    said: str
    steps: list[Step] = field(default_factory=list)
    reply: str = ""

    @property
    def work(self) -> list[Step]:
        """The steps that did something, handoffs left out."""
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
        """All exchanges before this one, the latest first."""
        return self.exchanges[-2::-1]

    def with_words(self, said: str) -> "Dialogue":
        """The same conversation, had the caller said this now."""
        return Dialogue(self.instructions, [*self.exchanges[:-1], Exchange(said)])

    @property
    def last_reply(self) -> str:
        """What the agent said last, empty if nothing."""
        return next((exchange.reply for exchange in self.earlier if exchange.reply), "")


def read(messages: Sequence[Message]) -> Dialogue:
    """The conversation in a prompt's messages.

    What the caller said without an answer (the turn was superseded) is the beginning of what they said next.
    """
    instructions: list[str] = []
    exchanges = [Exchange(said="")]
    waiting: dict[str, Step] = {}
    for message in messages:
        current = exchanges[-1]
        if message.role == "system":
            instructions.append(message.content)
        elif is_notes(message):
            continue  # nobody has said that now
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
