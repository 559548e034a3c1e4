"""Simulated calls: what a conversation by text or by voice gives, and what becomes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.persona import Spoken
from orchestra.history.call import CallHistory
from orchestra.history.views.turn_summaries import TurnSummary
from orchestra.lines import AppId
from orchestra_schemas import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCall:
    """A call that was held with a simulated caller.

    Attributes:
        call: its id.
        events: its journal.
        history: the same, reduced.
        invalid: why it proves nothing: the caller left the role, or nobody played them. Empty: it counts.
        broken_off: why the agents, or the line, did not go on with it. Empty: it was held to its end.
        wait_ms: what the caller waited for each reply: from their last word to the first of the reply.

    """

    call: str
    events: Sequence[Event]
    history: CallHistory
    invalid: str = ""
    broken_off: str = ""
    wait_ms: tuple[float, ...] = ()


class Conversation(Protocol):
    """Holds one call between a simulated caller and the app, by text or by voice; several at a time."""

    async def __call__(self, caller: SimulatedCaller, resources: Mapping[AppId, Any]) -> HeldCall:
        """Hold the call to its end.

        Args:
            caller: decides what the caller says; `StrayedError` makes the call invalid, and ends it.
            resources: what the tools get in this call, by app.

        """
        ...


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run has not passed: what was checked, in which turn of the call (0: the whole), and the reason."""

    what: str
    reason: str
    turn: int = 0


class SimulatedRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of a scenario.

    Attributes:
        scenario: its name.
        seed: of the run.
        call: its id in its journal.
        passed: whether it is a success; None: it is invalid and does not count.
        invalid: why it does not.
        failures: why it is none.
        ended: the reason of `CallEnded`, or ``turn_limit``.
        conversation: what the caller has said and heard.
        turns: the same turns as the system knows them, with the tools.
        wait_ms: what the caller waited for each reply.
        duration_s: of the run.

    """

    scenario: str
    seed: int
    call: str = ""
    passed: bool | None
    invalid: str = ""
    failures: tuple[Failure, ...] = ()
    ended: str = ""
    conversation: tuple[Spoken, ...] = ()
    turns: tuple[TurnSummary, ...] = ()
    wait_ms: tuple[float, ...] = ()
    duration_s: float = 0.0
