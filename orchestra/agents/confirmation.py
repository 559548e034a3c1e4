"""The question that a caller has to agree to before a tool runs."""

import msgspec


class PendingConfirmation(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call that waits until the caller agrees to it.

    Attributes:
        turn: number of the turn in which the caller was asked.
        tool: the tool's name.
        arguments: its arguments as JSON text.
        question: what the caller was asked.

    """

    turn: int
    tool: str
    arguments: str
    question: str

    def is_for(self, tool: str, arguments: str) -> bool:
        """Whether the caller was asked about exactly this call."""
        return tool == self.tool and msgspec.json.decode(arguments) == msgspec.json.decode(self.arguments)
