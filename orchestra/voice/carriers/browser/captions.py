"""What a page shows of its call: the words of both sides, who speaks, the tools, and how long each turn took."""

from collections.abc import Callable, Mapping
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

_WORDS: Mapping[type[Event], Callable[[Any], dict[str, Any]]] = {
    TranscriptPartial: lambda event: {"of": "caller", "text": event.text, "so_far": True},
    TranscriptFinal: lambda event: {"of": "caller", "text": event.text, "so_far": True},
    UserTurnEnded: lambda event: {"of": "caller", "text": event.text},
    SentenceSpoken: lambda event: {"of": "agent", "sentence": event.text},
    ReplySpoken: lambda event: {"of": "agent", "text": event.text, "agent": event.agent},
    ReplyInterrupted: lambda event: {"of": "agent", "text": event.heard, "interrupted": True},
}
_WORK: Mapping[type[Event], Callable[[Any], dict[str, Any]]] = {
    AgentChanged: lambda event: {"of": "speaker", "agent": event.agent},
    ToolRequested: lambda event: {"of": "tool", "tool": event.name, "state": "runs"},
    ToolCompleted: lambda event: {"of": "tool", "tool": event.name, "state": "failed" if event.failed else "done"},
    TurnMeasured: lambda event: {"of": "wait", "ms": round(event.total_ms)},
}
_CAPTIONS = {**_WORDS, **_WORK}

#: the types of event that a page of a web site is told about, whoever opens it, and one of this machine
SHOWN_TO_SITES, SHOWN = tuple(_WORDS), tuple(_CAPTIONS)


def caption(event: Event) -> str:
    """The message to the page about an event of one of the `SHOWN` types."""
    return msgspec.json.encode({"type": "caption", "turn": event.turn, **_CAPTIONS[type(event)](event)}).decode()
