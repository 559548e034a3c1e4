"""Who plays the caller of a simulated call: the port, and what passes through it."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec


class Spoken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Words of one side, as the caller knows them: what they said, keys included, or what they heard of a reply.

    ``turn`` is the caller's, counted from 1; a reply has that of the turn it answers, 0 for the greeting.
    """

    who: Literal["caller", "agent"]
    text: str
    turn: int
    keys: str = ""
    cut: bool = False


class CallerTurn(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller does next.

    Attributes:
        text: what they say; empty: nothing.
        keys: keys that they press (``0123456789*#``), after what they say.
        hang_up: they hang up after that; at once if they say nothing, otherwise when they have heard the reply.
        satisfied: whether they have got what they wanted, as they see it when they hang up; None: they do not say.
        reason: why they hang up, in their words.

    """

    text: str = ""
    keys: str = ""
    hang_up: bool = False
    satisfied: bool | None = None
    reason: str = ""


class Persona(Protocol):
    """Plays the caller of one call."""

    async def next(self, conversation: Sequence[Spoken]) -> CallerTurn:
        """What the caller does after all that was said so far; it ends with what the agents said, or is empty.

        Raises:
            EngineError: nobody plays the caller any more, for example because the model is down.

        """
        ...
