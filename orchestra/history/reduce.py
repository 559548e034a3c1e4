"""The only fold of a journal. Every other question about a call is answered by a view of the resulting history."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from orchestra.history.call import CallHistory, Turn
from orchestra.history.call_record import reduce_record
from orchestra.history.earlier_calls import background_of
from orchestra.history.resume import reduce_resume
from orchestra.history.turn import begin_with_reply, end_caller_turn, reduce_turn, without_messages
from orchestra_schemas import (
    AgentChanged,
    BackchannelHeard,
    CallAnalysed,
    CallEnded,
    CallEndRequested,
    CallGreeted,
    CallResumed,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    CallVariablesRequested,
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
    PromptCompleted,
    PromptRequested,
    ProviderFailed,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TransferAccepted,
    TransferFailed,
    TurnCancelled,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
)

#: events with a turn's number that do not prove that the turn exists
_OF_THE_CALL = (
    CallStarted,
    CallVariablesRequested,
    CallVariablesSet,
    CallGreeted,
    ConsentGiven,
    ConsentRefused,
    CallAnalysed,
    CallEnded,
    AgentChanged,
    LanguageChanged,
    PromptRequested,
    BackchannelHeard,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    OperatorWhispered,
)
_ENDINGS = (CallEndRequested, CallTransferRequested)
#: events that a person wants to see in a timeline, in addition to what was said
_MILESTONES = (
    AgentChanged,
    CallAnalysed,
    CallEndRequested,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    CallTransferred,
    CallVariablesSet,
    ConsentGiven,
    ConsentRefused,
    DigitPressed,
    DigitsRequested,
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


def history_of(events: Iterable[Event]) -> CallHistory:
    """The history of a call from its events, in the order of its journal, which may have gaps."""
    history = CallHistory()
    for event in events:
        history = reduce(history, event)
    return history


def reduce(history: CallHistory, event: Event) -> CallHistory:
    """The history after one more event of the call."""
    clock_at = event.at if isinstance(event, CallStarted) else history.clock_at or event.at
    changed: dict[str, Any] = {
        "call": history.call or event.call,
        "record": reduce_record(history.record, event),
        "resume": reduce_resume(history.resume, event),
        "events": history.events + 1,
        "clock_at": clock_at,
        "last_at": max(history.last_at, event.at),
    }
    if history.first is None:
        changed["first"] = without_messages(event) if isinstance(event, PromptRequested) else event
        changed["record"] = replace(changed["record"], call=event.call)
    if isinstance(event, _MILESTONES):
        changed["milestones"] = (*history.milestones, (history.events, event))
    if isinstance(event, BackchannelHeard):  # its transcripts had the number of a turn that has not begun
        changed["turns"] = tuple(turn for turn in history.turns if turn.number <= event.turn)
    turn = _turn(history, event, clock_at)
    if turn is not None:
        changed["turns"] = _with_turn(changed.get("turns", history.turns), turn)
        if turn.number > 0 and isinstance(event, PromptCompleted | TurnCompleted):
            changed |= {"model": turn.model, "version": turn.version}
    return replace(history, **changed, **_call(history, event))


def _call(history: CallHistory, event: Event) -> dict[str, Any]:  # noqa: C901 - one for each kind of event
    """The fields of the call as a whole that the event changes."""
    changed: dict[str, Any] = {}
    match event:
        case CallStarted(version=version):
            changed = {"started": event, "version": version, "greeting": event.greeting}
        case CallVariablesSet(variables=variables):
            changed = {"answered_variables": variables}
        case CallGreeted(greeting=greeting):
            changed = {"greeting": f"{history.greeting} {greeting}".strip()}
        case CallEnded():
            changed = {"ended": event}
        case CallAnalysed():
            changed = {"analyses": (*history.analyses, event)}
        case AgentChanged(agent=agent):
            changed = {"agent": agent}
        case PromptRequested() if not history.background:
            changed = {"background": background_of(event)}
        case UserSpeechStarted(at=at):
            changed = {"speaking_at": history.speaking_at or at}
        case TranscriptFinal(confidence=confidence):
            changed = {"confidence": min(history.confidence, confidence)}
        case UserTurnEnded() | BackchannelHeard():
            changed = {"speaking_at": None, "confidence": 1.0}
        case _:
            pass
    return changed


def _turn(history: CallHistory, event: Event, clock_at: float) -> Turn | None:
    """The event's turn, updated; None if the event belongs to no turn."""
    index = bisect_left(history.turns, event.turn, key=_number)
    known = index < len(history.turns) and history.turns[index].number == event.turn
    if known:
        turn = history.turns[index]
    elif isinstance(event, _OF_THE_CALL) or (isinstance(event, _ENDINGS) and event.operator):
        return None
    else:
        turn = Turn(number=event.turn, agent=history.agent)
        if isinstance(event, ReplySpoken | ReplyInterrupted) and history.turns:
            turn = begin_with_reply(turn, event, history.turns[-1], event.at - clock_at)
    match event:
        case UserTurnEnded():
            return end_caller_turn(
                turn,
                event,
                index=history.events,
                clock_at=clock_at,
                speaking_at=history.speaking_at or 0.0,
                confidence=history.confidence,
                agent=history.agent,
            )
        case PromptCompleted() | TurnCompleted():
            # a turn that names no model or version has those of the call so far
            before = replace(turn, model=turn.model or history.model, version=history.version)
            return reduce_turn(before, event, index=history.events, clock_at=clock_at)
        case _:
            return reduce_turn(turn, event, index=history.events, clock_at=clock_at)


def _with_turn(turns: tuple[Turn, ...], turn: Turn) -> tuple[Turn, ...]:
    index = bisect_left(turns, turn.number, key=_number)
    known = index < len(turns) and turns[index].number == turn.number
    return (*turns[:index], turn, *turns[index + known :])


def _number(turn: Turn) -> int:
    return turn.number
