"""A recorded call as the lines of a conversation: who said what, when; tools, hand-overs, interruptions."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestra.cli.ui.console import AGENT, CALLER, QUIET, WARNING, as_called, ending, shortened
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    DigitPressed,
    DigitsRequested,
    Event,
    ProviderFailed,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TransferAccepted,
    TransferFailed,
    TurnCancelled,
    UserTurnEnded,
)
from tests.history.oracle.dialogue import Turn, dialogue

_LAST_WORDS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the conversation: ``at_s`` seconds after the call began, and how it looks."""

    at_s: float
    who: str
    what: str
    style: str = ""
    who_style: str = ""


def told(events: Sequence[Event], holes: Sequence[tuple[float, str]] = ()) -> list[Line]:
    """The lines of one call in the order in which they were heard, or happened.

    Args:
        events: of the call, in the order of its journal.
        holes: what is missing, each with its moment (epoch seconds).

    """
    if not events:
        return []
    began_at = next((event.at for event in events if isinstance(event, CallStarted)), events[0].at)
    places = _places(events)
    lines = [(place, line) for turn in dialogue(events).turns for place, line in _turn(turn, places)]
    arguments: dict[str, str] = {}
    for place, event in enumerate(events):
        if isinstance(event, ToolRequested):
            arguments[event.id] = as_called(event.name, event.arguments)
        elif (line := _happened(event, event.at - began_at, arguments)) is not None:
            lines.append((place, line))
    lines += [(-1, Line(max(0.0, at - began_at), "", what, WARNING)) for at, what in holes]
    return [line for _, line in sorted(lines, key=lambda pair: (pair[1].at_s, pair[0]))]


def _places(events: Sequence[Event]) -> dict[tuple[int, bool], int]:
    """Where in the journal each turn's words are known: the caller's (True), and those of the reply (False)."""
    places: dict[tuple[int, bool], int] = {}
    for place, event in enumerate(events):
        if isinstance(event, UserTurnEnded | ReplySpoken | ReplyInterrupted | ReplyChunk):
            places.setdefault((event.turn, isinstance(event, UserTurnEnded)), place)
    return places


def _turn(turn: Turn, places: dict[tuple[int, bool], int]) -> list[tuple[int, Line]]:
    lines: list[tuple[int, Line]] = []
    if turn.said_from_s is not None:
        said = Line(turn.said_from_s, "caller", turn.said or "(nothing was understood)", CALLER, CALLER)
        lines.append((places.get((turn.number, True), 0), said))
    who, place = turn.agent or ("greeting" if turn.number == 0 else "agent"), places.get((turn.number, False), 0)
    if turn.heard:
        lines.append((place, Line(turn.heard_from_s or 0.0, who, turn.heard, "", AGENT)))
    elif turn.meant:
        at_s = turn.said_to_s or turn.said_from_s or 0.0
        lines.append((place, Line(at_s, who, f"(not heard) {turn.meant}", QUIET, AGENT)))
    return lines


def _happened(event: Event, at_s: float, arguments: dict[str, str]) -> Line | None:
    text, style = "", QUIET
    match event:
        case CallStarted(from_number=number, direction=direction):
            way = "to" if direction == "outbound" else "from"
            number = event.to_number if direction == "outbound" else number
            text = f"call {event.call} {way} {number or 'a hidden number'}"
        case AgentChanged(previous="", agent=agent):
            text = f"{agent} takes the call"
        case AgentChanged(previous=previous, agent=agent, reason=reason):
            text = f"{previous} → {agent} ({reason})"
        case ToolCompleted(request=request, name=name, result=result, duration_ms=duration_ms):
            called = arguments.get(request, f"{name}()")
            failed = " failed" if event.failed else ""
            text = f"{called} →{failed} {shortened(result)} [{duration_ms:.0f} ms]"
        case ReplyInterrupted(heard=heard):
            last = " ".join(heard.split()[-_LAST_WORDS:])
            text, style = f"interrupted after “… {last}”" if last else "interrupted", WARNING
        case CallEndRequested() | CallTransferRequested() | CallEnded():
            text = ending(event)
        case _:
            text, style = _rarely(event)
    return Line(max(0.0, at_s), "", text, style) if text else None


def _rarely(event: Event) -> tuple[str, str]:
    text, style = "", QUIET
    match event:
        case CallResumed(source=source):
            text, style = f"{source} resumes the call from its journal", WARNING
        case DigitPressed(digit=digit):
            text = f"the caller presses {digit}"
        case DigitsRequested(digits=digits):
            text = f"the agent presses {digits}"
        case TransferAccepted(target=target):
            text = f"{target} has heard the briefing and takes the call"
        case TransferFailed(target=target, reason=reason):
            text, style = f"{target} does not take the call ({reason}): it is back with the agents", WARNING
        case ProviderFailed(service=service, provider=provider, fallback=fallback):
            text, style = f"{provider} ({service}) failed{f', {fallback} replaces it' if fallback else ''}", WARNING
        case TurnCancelled(reason=reason, turn=turn) if reason != "interrupted":
            text = f"turn {turn} was cancelled: {reason.replace('_', ' ')}"
        case _:
            pass
    return text, style
