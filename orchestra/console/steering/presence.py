"""Who of the operators is in a call, and whether it still runs: a fold of its journal."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferred,
    Event,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorTookOver,
    TransferFailed,
)


class Presence(msgspec.Struct, frozen=True):
    """The operators of a call.

    Attributes:
        state: whether there is anything to step into: a call that a carrier was told to connect to a person has no
            audio at an edge, unless the person declines.
        listeners: who listens, each with the console at which they do; ``listening`` has their names.
        speaking: who has taken over; empty if the agents speak.
        agent: who speaks otherwise; empty if it is not known yet.
        app: the app that has the call.

    """

    state: str = "unknown"
    listeners: frozenset[tuple[str, str]] = frozenset()
    speaking: str = ""
    agent: str = ""
    app: str = ""

    @property
    def running(self) -> bool:
        """Whether an edge has the call."""
        return self.state == "running"

    @property
    def listening(self) -> tuple[str, ...]:
        """The names of those who listen, sorted, each once."""
        return tuple(sorted({operator for operator, _ in self.listeners}))

    def for_pages(self) -> dict[str, Any]:
        """What pages are told: it names operators, and no consoles."""
        names = ("state", "listening", "speaking", "agent", "app")
        return {name: getattr(self, name) for name in names}


def presence_of(events: Iterable[Event]) -> Presence:
    """Who is in a call, according to its journal."""
    presence = Presence()
    for event in events:
        presence = reduce_presence(presence, event)
    return presence


def reduce_presence(presence: Presence, event: Event) -> Presence:
    """The same after one more event; the same object if nothing changed."""
    match event:
        case CallStarted() | CallEnded() | CallTransferred() | CallResumed() | TransferFailed():
            return _with_state(presence, event)
        case AgentChanged(agent=agent):
            return replace(presence, agent=agent)
        case AppChanged(app=app, agent=agent):
            return replace(presence, app=app, agent=agent)
        case _:
            return _with_operator(presence, event)


def _with_state(presence: Presence, event: Event) -> Presence:
    if isinstance(event, CallEnded):
        return replace(presence, state="ended", listeners=frozenset(), speaking="")
    if presence.state == "ended":
        return presence
    if isinstance(event, CallTransferred):
        return replace(presence, state="transferred", speaking="")
    if isinstance(event, CallStarted):
        presence = replace(presence, app=event.app)
    return replace(presence, state="running")


def _with_operator(presence: Presence, event: Event) -> Presence:
    match event:
        case OperatorJoined(listens=True):
            return replace(presence, listeners=presence.listeners | {(event.operator, event.console)})
        case OperatorLeft(listens=True):
            return replace(presence, listeners=presence.listeners - {(event.operator, event.console)})
        case OperatorTookOver(operator=operator) if not presence.speaking:
            return replace(presence, speaking=operator)
        case (
            OperatorHandedBack(operator=operator)
            | OperatorPassedOn(operator=operator)
            | OperatorLeft(operator=operator)
        ) if operator == presence.speaking:
            return replace(presence, speaking="")
        case _:
            return presence
