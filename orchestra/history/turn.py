"""The part of the fold that concerns one turn: the turn after one more of its events."""

from typing import Any

from msgspec.structs import replace

from orchestra.history.call import PromptStep, Sentence, ToolStep, Turn
from orchestra_schemas import (
    AgentChanged,
    CallEndRequested,
    CallTransferRequested,
    DigitPressed,
    Event,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TurnCancelled,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

#: about the length of a spoken word with its pause, in seconds
_WORD_S = 0.4


def without_messages(event: PromptRequested) -> PromptRequested:
    """The request without its messages and tools: prompts are long, and a call has many."""
    return replace(event, messages=(), tools=())


def reduce_turn(turn: Turn, event: Event, *, index: int, clock_at: float) -> Turn:
    """The turn after one more of its events.

    Args:
        turn: the turn so far.
        event: an event of this turn.
        index: of the event in the journal.
        clock_at: the zero of the call's clock, epoch seconds.

    """
    at_s = round(max(0.0, event.at - clock_at), 3)
    changed: dict[str, Any]
    match event:
        case ReplyChunk():
            changed = _chunk(turn, event, index)
        case SentenceSpoken(text=text):
            changed = {"sentences": (*turn.sentences, Sentence(text, at_s))}
        case ReplySpoken(text=text) | ReplyInterrupted(heard=text):
            changed = _heard(turn, event, text, index, at_s)
        case TurnMeasured():
            changed = _measured(turn, event)
        case PromptRequested() | PromptCompleted() | ToolRequested() | ToolCompleted() | TurnCompleted():
            changed = _step(turn, event)
        case _:
            changed = _noted(turn, event)
    return replace(turn, last_at=max(turn.last_at, event.at), **changed)


def end_caller_turn(
    turn: Turn, event: UserTurnEnded, *, index: int, clock_at: float, speaking_at: float, confidence: float, agent: str
) -> Turn:
    """The turn after the event that ends the caller's part of it.

    Args:
        turn: the turn so far.
        event: the event that ends it.
        index: of the event in the journal.
        clock_at: the zero of the call's clock, epoch seconds.
        speaking_at: when the caller began to speak, epoch seconds; 0 if unknown.
        confidence: the STT engine's lowest since the previous turn.
        agent: the agent that speaks with the caller.

    """
    ended_at = event.speech_ended_at or event.at
    began_at = min(speaking_at or ended_at, ended_at)
    said_from_s = turn.said_from_s
    return replace(
        turn,
        ended=event,
        said_to=event.operator,
        prediction="hit" if turn.prediction == "open" else turn.prediction,
        transcript=join(turn.transcript, event.text),
        said_from_s=round(max(0.0, began_at - clock_at), 3) if said_from_s is None else said_from_s,
        said_to_s=round(max(0.0, ended_at - clock_at), 3),
        confidence=min(turn.confidence, confidence),
        speaker=agent,
        said_index=index if turn.said_index is None else turn.said_index,
        last_at=max(turn.last_at, event.at),
    )


def begin_with_reply(turn: Turn, event: ReplySpoken | ReplyInterrupted, before: Turn, at_s: float) -> Turn:
    """A turn in which the caller has said nothing; no event tells when its words began, so their number does."""
    text = event.text if isinstance(event, ReplySpoken) else event.heard
    earliest_s = max(before.said_to_s or 0.0, before.heard_to_s or 0.0)
    return replace(turn, heard_from_s=round(max(earliest_s, at_s - len(text.split()) * _WORD_S), 3))


def join(text: str, more: str) -> str:
    """Both texts, with a space between them."""
    return f"{text} {more}".strip()


def _chunk(turn: Turn, event: ReplyChunk, index: int) -> dict[str, Any]:
    changed: dict[str, Any] = {
        "speaker": event.agent or turn.speaker,
        "reply_index": index if turn.reply_index is None else turn.reply_index,
    }
    if not event.filler:
        changed |= {"agent": event.agent or turn.agent, "reply": join(turn.reply, event.text)}
        if turn.first_ms is None:
            changed["first_ms"] = _since_caller(turn, event)
    return changed


def _heard(turn: Turn, event: ReplySpoken | ReplyInterrupted, text: str, index: int, at_s: float) -> dict[str, Any]:
    return {
        "reply_heard": join(turn.reply_heard, text),
        "last_heard": text,
        "heard_to_s": at_s,
        "interrupted": turn.interrupted or (isinstance(event, ReplyInterrupted) and not event.stopped_by),
        "spoken_by": event.operator or turn.spoken_by,
        "reply_index": index if turn.reply_index is None else turn.reply_index,
    }


def _measured(turn: Turn, event: TurnMeasured) -> dict[str, Any]:
    changed: dict[str, Any] = {"latencies": (*turn.latencies, event)}
    if turn.heard_from_s is None and turn.said_to_s is not None:
        changed["heard_from_s"] = round(turn.said_to_s + event.total_ms / 1000, 3)
    return changed


def _noted(turn: Turn, event: Event) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    match event:
        case TranscriptFinal():
            changed = {"finals": (*(turn.finals[:-1] if event.joined else turn.finals), event)}
        case UserTurnPredicted():
            changed = {"prediction": "open"}
        case UserTurnResumed(reason=reason):
            changed = {"discarded": True, "prediction": reason}
        case DigitPressed(digit=digit):
            changed = {"keys": turn.keys + digit}
        case AgentChanged(agent=agent):
            changed = {"agent": agent}
        case CallEndRequested(operator=""):
            changed = {"closing": "ended"}
        case CallTransferRequested(operator=""):
            changed = {"closing": "transferred"}
        case TurnCancelled(reason=reason):
            changed = {"cancelled": reason}
        case _:
            pass
    return changed


def _step(
    turn: Turn, event: PromptRequested | PromptCompleted | ToolRequested | ToolCompleted | TurnCompleted
) -> dict[str, Any]:
    """The turn after an event of agents or execution."""
    match event:
        case PromptRequested():
            return {"prompts": (*turn.prompts, PromptStep(without_messages(event)))}
        case PromptCompleted():
            return {"prompts": _answered(turn.prompts, event), **_answered_by(turn, event)}
        case ToolRequested():
            return {"tools": (*turn.tools, ToolStep(event))}
        case ToolCompleted():
            return {"tools": _with_result(turn.tools, event)}
        case TurnCompleted():
            return _completed(turn, event)


def _answered(steps: tuple[PromptStep, ...], event: PromptCompleted) -> tuple[PromptStep, ...]:
    for index in range(len(steps) - 1, -1, -1):
        requested = steps[index].requested
        if requested is not None and requested.id == event.request:
            return (*steps[:index], PromptStep(requested, event), *steps[index + 1 :])
    return (*steps, PromptStep(None, event))


def _with_result(steps: tuple[ToolStep, ...], event: ToolCompleted) -> tuple[ToolStep, ...]:
    for index in range(len(steps) - 1, -1, -1):
        requested = steps[index].requested
        if requested is not None and requested.id == event.request:
            return (*steps[:index], ToolStep(requested, event), *steps[index + 1 :])
    return (*steps, ToolStep(None, event))


def _answered_by(turn: Turn, event: PromptCompleted | TurnCompleted) -> dict[str, Any]:
    return {
        "rules": tuple(dict.fromkeys((*turn.rules, *event.rules))),
        "model": event.model or turn.model,
        "version": event.version or turn.version,
    }


def _completed(turn: Turn, event: TurnCompleted) -> dict[str, Any]:
    return {
        **_answered_by(turn, event),
        "completed": event,
        "agent": event.agent or turn.agent,
        "failed": turn.failed or event.failed,
        "answer_ms": _since_caller(turn, event),
    }


def _since_caller(turn: Turn, event: Event) -> float | None:
    """Ms from the end of the caller's turn; None if either time is unknown."""
    ended_at = turn.ended.at if turn.ended is not None else 0.0
    return None if not ended_at or not event.at else max(0.0, event.at - ended_at) * 1000
