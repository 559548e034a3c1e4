"""What a page shows of its call: the words of both sides, who speaks, the tools, and how long each turn took."""

from functools import singledispatch
from typing import Any

import msgspec

from orchestra_schemas import (
    AgentChanged,
    Event,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnMeasured,
    UserTurnEnded,
)

#: the types of event that a page is told about
SHOWN: tuple[type[Event], ...] = (
    AgentChanged,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnMeasured,
    UserTurnEnded,
)


def caption(event: Event) -> str:
    """The message to the page about this event; empty where it shows nothing of it."""
    shown = _of(event)
    return msgspec.json.encode({"type": "caption", "turn": event.turn, **shown}).decode() if shown else ""


@singledispatch
def _of(event: Event) -> dict[str, Any]:
    del event
    return {}


@_of.register
def _(event: TranscriptPartial) -> dict[str, Any]:
    return {"of": "caller", "text": event.text, "so_far": True}


@_of.register
def _(event: TranscriptFinal) -> dict[str, Any]:
    return {"of": "caller", "text": event.text, "so_far": True}


@_of.register
def _(event: UserTurnEnded) -> dict[str, Any]:
    return {"of": "caller", "text": event.text}


@_of.register
def _(event: SentenceSpoken) -> dict[str, Any]:
    return {"of": "agent", "sentence": event.text}


@_of.register
def _(event: ReplySpoken) -> dict[str, Any]:
    return {"of": "agent", "text": event.text, "agent": event.agent}


@_of.register
def _(event: ReplyInterrupted) -> dict[str, Any]:
    return {"of": "agent", "text": event.heard, "interrupted": True}


@_of.register
def _(event: AgentChanged) -> dict[str, Any]:
    return {"of": "speaker", "agent": event.agent}


@_of.register
def _(event: ToolRequested) -> dict[str, Any]:
    return {"of": "tool", "tool": event.name, "state": "runs"}


@_of.register
def _(event: ToolCompleted) -> dict[str, Any]:
    return {"of": "tool", "tool": event.name, "state": "failed" if event.failed else "done"}


@_of.register
def _(event: TurnMeasured) -> dict[str, Any]:
    return {"of": "wait", "ms": round(event.total_ms)}
