"""One step of a secret capture: asked for and answered over the bus, so that only a placeholder is in the journal.

Orchestration does not know what was said: it follows from the journal alone, also in a replay. It has execution
understand the answer, like a tool that looks something up, with what the edge has put in the vault.
"""

from collections.abc import Iterable
from datetime import date
from typing import Literal

import msgspec

from orchestra.agents.capture.dialogue import (
    Asked,
    Captured,
    Declined,
    GivenUp,
    KeysWanted,
    PendingCapture,
    Step,
)
from orchestra.agents.capture.kinds import Setting
from orchestra.agents.capture.tool import CaptureTool
from orchestra.language.values import values_of
from orchestra_schemas import SECRET


class Said(msgspec.Struct, frozen=True):
    """The caller's words in a turn, or `SECRET`."""

    turn: int
    text: str


class HeardSoFar(msgspec.Struct, frozen=True):
    """What a pending capture has of the value; kept in the vault."""

    value: str = ""
    part: str = ""


class SecretAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The argument of a tool that asks for something secret: what is to be understood.

    Attributes:
        turn: in which the caller has answered.
        pending: what they were asked, without what was heard.
        said: their words since then.
        keyed: they were asked for keys, and these were pressed: digits, or the id of the request that has collected
            them; empty: none. None: they have spoken.
        today: the day of the call.
        country: of the caller's number.

    """

    turn: int
    pending: PendingCapture
    said: tuple[Said, ...] = ()
    keyed: str | None = None
    today: date
    country: str = ""


class SecretStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of such a tool: what follows.

    Attributes:
        outcome: which `Step` it is.
        say: what the caller is asked.
        pending: how the dialogue goes on, without what was heard.
        value: what stands for the value, once it is there.

    """

    outcome: Literal["asked", "keys", "captured", "declined", "given up"]
    say: str = ""
    pending: PendingCapture | None = None
    value: str = ""

    def as_step(self) -> Step:
        """The step as the dialogue returns it."""
        match self.outcome, self.pending:
            case "asked", PendingCapture() as pending:
                return Asked(self.say, pending)
            case "keys", PendingCapture() as pending:
                return KeysWanted(self.say, pending)
            case "captured", _:
                return Captured(self.value)
            case "declined", _:
                return Declined()
            case _:
                return GivenUp()


def understood(
    tool: CaptureTool, answer: SecretAnswer, *, heard: HeardSoFar, words: str, keys: str, language: str
) -> tuple[SecretStep, HeardSoFar]:
    """What follows from the answer in clear, and what was heard of the value so far, or is the whole of it."""
    setting = Setting(values_of(language), answer.today, answer.country)
    pending = msgspec.structs.replace(answer.pending, value=heard.value, part=heard.part)
    step = (
        tool.dialogue.advance(pending, words, setting)
        if answer.keyed is None
        else tool.dialogue.keyed(pending, keys, setting)
    )
    match step:
        case Asked(say, pending):
            return SecretStep(outcome="asked", say=say, pending=_hidden(pending)), _heard(pending)
        case KeysWanted(say, pending):
            return SecretStep(outcome="keys", say=say, pending=_hidden(pending)), _heard(pending)
        case Captured(value):
            return SecretStep(outcome="captured", value=tool.kind.masked(value)), HeardSoFar(value)
        case Declined():
            return SecretStep(outcome="declined"), HeardSoFar()
        case GivenUp():
            return SecretStep(outcome="given up"), HeardSoFar()


def said_in(turns: Iterable[tuple[int, str]]) -> tuple[Said, ...]:
    """The caller's words by turn."""
    return tuple(Said(turn, text) for turn, text in turns)


def _heard(pending: PendingCapture) -> HeardSoFar:
    return HeardSoFar(pending.value, pending.part)


def _hidden(pending: PendingCapture) -> PendingCapture:
    return msgspec.structs.replace(pending, value=SECRET if pending.value else "", part=SECRET if pending.part else "")
