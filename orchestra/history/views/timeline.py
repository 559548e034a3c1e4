"""A call as the lines of a conversation: who said what, when; tools, handoffs, interruptions. Without colours."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from orchestra.bus.stream.entry import UNREADABLE
from orchestra.counted import counted
from orchestra.history.call import CallHistory
from orchestra.history.views.dialogue import DialogueTurn, dialogue, speaker_of
from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    BackchannelHeard,
    CallAnalysed,
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallScreened,
    CallStarted,
    CallTransferRequested,
    CallVariablesSet,
    ConsentGiven,
    ConsentRefused,
    DigitPressed,
    DigitsRequested,
    Event,
    LanguageChanged,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    OperatorWhispered,
    ProviderFailed,
    ReplyInterrupted,
    ToolCompleted,
    ToolRequested,
    TransferAccepted,
    TransferFailed,
    TurnCancelled,
)

Kind = Literal["caller", "reply", "not_heard", "event", "warning"]

_LAST_WORDS = 6
_LONGEST_RESULT = 90
_WHY = {
    "heard": "the caller speaks it",
    "asked": "the caller has asked for it",
    "chosen": "an agent has changed it",
    "agent": "the agent speaks it",
    "app": "the app speaks it",
}


class Line(msgspec.Struct, frozen=True):
    """One line, ``at_s`` seconds after the call began; ``who`` is empty if nobody speaks."""

    at_s: float
    who: str
    what: str
    kind: Kind = "event"


def timeline(history: CallHistory, gaps: Sequence[tuple[float, str]] = ()) -> list[Line]:
    """The lines of one call, in the order in which they were heard or happened.

    Args:
        history: the history of the call.
        gaps: the gaps in its journal, each with its time (epoch seconds).

    """
    if history.first is None:
        return []
    begins = (event.at for _, event in history.milestones if isinstance(event, CallStarted))
    began_at = next(begins, history.first.at)
    lines = [*_spoken(history), *_happened(history, began_at)]
    lines += [(-1, Line(max(0.0, at - began_at), "", what, "warning")) for at, what in gaps]
    return [line for _, line in sorted(lines, key=lambda pair: (pair[1].at_s, pair[0]))]


def _spoken(history: CallHistory) -> Iterator[tuple[int, Line]]:
    """The spoken lines, each with the index of its event."""
    indices = {turn.number: (turn.said_index or 0, turn.reply_index or 0) for turn in history.turns}
    for turn in dialogue(history).turns:
        said_index, reply_index = indices[turn.number]
        if turn.said_from_s is not None:
            yield said_index, Line(turn.said_from_s, "caller", turn.transcript or "(nothing was understood)", "caller")
        if (line := _reply(turn)) is not None:
            yield reply_index, line


def _reply(turn: DialogueTurn) -> Line | None:
    who = speaker_of(turn)
    if turn.reply_heard:
        return Line(turn.heard_from_s or 0.0, who, turn.reply_heard, "reply")
    if turn.reply:
        return Line(turn.said_to_s or turn.said_from_s or 0.0, who, f"(not heard) {turn.reply}", "not_heard")
    return None


def _happened(history: CallHistory, began_at: float) -> Iterator[tuple[int, Line]]:
    tool_calls: dict[str, str] = {}
    for index, event in history.milestones:
        if isinstance(event, ToolRequested):
            tool_calls[event.id] = as_call(event)
        elif (description := describe(event, tool_calls)) is not None:
            what, kind = description
            yield index, Line(max(0.0, event.at - began_at), "", what, kind)


def describe(  # noqa: PLR0911 - one for each kind of event
    event: Event, tool_calls: Mapping[str, str]
) -> tuple[str, Kind] | None:
    """The event in words; None if it is of no interest to a person.

    Args:
        event: an event of the call.
        tool_calls: tool calls as text (`as_call`), by the id of their request.

    """
    match event:
        case CallStarted(direction=direction, from_number=number):
            outbound = direction == "outbound"
            number = (event.to_number if outbound else number) or "a hidden number"
            return f"call {event.call} {'to' if outbound else 'from'} {number}", "event"
        case AgentChanged(previous="", agent=agent):
            return f"{agent} takes the call", "event"
        case AgentChanged(previous=previous, agent=agent, reason=reason):
            return f"{previous} → {agent} ({reason})", "event"
        case ToolCompleted(request=request, name=name, duration_ms=duration_ms):
            failed = " failed" if event.failed else ""
            called, result = tool_calls.get(request, f"{name}()"), shortened(event.result)
            return f"{called} →{failed} {result} [{duration_ms:.0f} ms]", "event"
        case ReplyInterrupted(heard=heard, stopped_by=operator):
            last = " ".join(heard.split()[-_LAST_WORDS:])
            how = f"stopped by {operator}" if operator else "interrupted"
            return f"{how} after “… {last}”" if last else how, "warning"
        case CallEndRequested(operator=operator):
            return f"{operator or 'the agent'} ends the call", "event"
        case CallEnded(reason=reason, duration_s=duration_s):
            return f"call ended after {duration_s:.1f} s: {reason.replace('_', ' ')}", "event"
        case _:
            return _rare(event)


def _rare(event: Event) -> tuple[str, Kind] | None:  # noqa: PLR0911 - one for each kind of event
    match event:
        case CallAnswered(by=by):
            return f"a {by} answers" if by != "human" else "a person answers", "event"
        case CallScreened(status=status, heard=heard):
            return f"call screening, {status}: “{heard}”", "event"
        case CallResumed(source=source):
            return f"{source} resumes the call from its journal", "warning"
        case DigitPressed(digit=digit):
            return f"the caller presses {digit}", "event"
        case DigitsRequested(digits=digits):
            return f"the agent presses {digits}", "event"
        case BackchannelHeard(text=text):
            return f"the caller only shows that they listen: “{text}”", "event"
        case ProviderFailed(service=service, provider=provider, fallback=fallback):
            return f"{provider} ({service}) failed{f', {fallback} replaces it' if fallback else ''}", "warning"
        case TurnCancelled(reason=reason, turn=turn) if reason not in {"interrupted", "operator"}:
            return f"turn {turn} was cancelled: {reason.replace('_', ' ')}", "event"
        case LanguageChanged(language=language, reason=reason):
            return f"the call goes on in {language} ({_WHY.get(reason, reason)})", "event"
        case _:
            return _transfer(event)


def _variables(event: CallVariablesSet) -> tuple[str, Kind]:
    took = f"[{event.duration_ms:.0f} ms]"
    if event.error:
        return f"the app was asked about the call, in vain: {event.error} {took}", "warning"
    return f"the app knows of the call: {', '.join(event.variables) or 'nothing'} {took}", "event"


def _analysed(event: CallAnalysed) -> tuple[str, Kind]:
    said = [f"summary: {shortened(event.summary)}"] if event.summary else []
    said += [f"success: {'yes' if event.success else 'no'}"] if event.success is not None else []
    said += [f"{counted(len(event.extracted), 'value')} extracted"] if event.extracted else []
    for each in event.verdicts:
        untold = "no verdict" if each.error else "cannot tell"
        what = untold if each.passed is None else "passed" if each.passed else "not passed"
        said.append(f"{each.judge}: {what}")
    failed = bool(event.errors) or event.success is False or any(each.passed is False for each in event.verdicts)
    return f"analysed: {'; '.join([*said, *event.errors]) or 'nothing found'}", "warning" if failed else "event"


def _transfer(event: Event) -> tuple[str, Kind] | None:  # noqa: PLR0911 - one for each kind of event
    match event:
        case CallTransferRequested(target=target, operator=operator):
            return f"{operator or 'the agent'} transfers the call to {target}", "event"
        case TransferAccepted(target=target):
            return f"{target} has heard the briefing and takes the call", "event"
        case TransferFailed(target=target, reason=reason):
            return f"{target} does not take the call ({reason}): it is back with the agents", "warning"
        case CallVariablesSet():
            return _variables(event)
        case CallAnalysed():
            return _analysed(event)
        case AppChanged(app=app, agent=agent):
            return f"the caller is passed on to {app}, where {agent} answers", "event"
        case ConsentGiven() | ConsentRefused():
            return _consent(event), "event"
        case _:
            return _operator(event)


def _consent(event: ConsentGiven | ConsentRefused) -> str:
    if isinstance(event, ConsentRefused):
        asked = "has not said whether the call" if event.by == "nothing" else "does not want that the call"
        return f"the caller {asked} is recorded: it is not"
    return (
        "the caller knows that the call is recorded" if event.by == "notice" else "the caller agrees to the recording"
    )


def _operator(event: Event) -> tuple[str, Kind] | None:  # noqa: PLR0911 - one for each kind of event
    match event:
        case OperatorJoined(operator=operator, listens=listens):
            return f"{operator} {'listens' if listens else 'is in the call'}", "event"
        case OperatorSaid(operator=operator, text=text):
            return f"{operator} has the agent say: “{text}”", "event"
        case OperatorWhispered(operator=operator, note=note):
            return f"{operator} whispers to the agents: “{note}”", "event"
        case OperatorTookOver(operator=operator):
            return f"{operator} takes the call over", "warning"
        case OperatorHandedBack(operator=operator, note=note):
            return f"{operator} hands the call back{f': “{note}”' if note else ''}", "event"
        case OperatorPassedOn(operator=operator, briefing=note):
            to = event.agent or event.app
            return f"{operator} passes the caller on to {to}{f': “{note}”' if note else ''}", "event"
        case OperatorLeft(operator=operator, reason=reason, listens=listens):
            what = "no longer listens" if listens else "has left the call"
            return f"{operator} {what}{f' ({reason})' if reason else ''}", "event"
        case _:
            return None


def as_call(event: ToolRequested) -> str:
    """A tool call as text: ``find_parcel(number="4271")``."""
    try:
        given = msgspec.json.decode(event.arguments, type=dict[str, object])
    except UNREADABLE:
        return f"{event.name}({event.arguments})"
    values = ", ".join(f"{key}={msgspec.json.encode(value).decode()}" for key, value in given.items())
    return f"{event.name}({values})"


def shortened(text: str) -> str:
    """A text on one line that is not too long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_RESULT else flat[: _LONGEST_RESULT - 1] + "…"
