"""The trace of a call as it leaves the platform: the spans of its history, redacted."""

from collections.abc import Sequence
from operator import attrgetter

from msgspec.structs import replace

from orchestra.history.reduce import history_of
from orchestra.history.turn import without_messages
from orchestra.history.views.spans import Span, Value, spans
from orchestra.telemetry.redaction import Chain, Redaction
from orchestra_schemas import Event, PromptRequested

#: attributes of every span that hold nothing personal
_IDS = frozenset({"conversation.id", "gen_ai.conversation.id"})


def slim(event: Event) -> Event:
    """The event without what no span shows: prompts are long, and a call has many."""
    return without_messages(event) if isinstance(event, PromptRequested) else event


def spans_of(events: Sequence[Event], redaction: Redaction | None = None) -> list[Span]:
    """The spans of a call from its events, root first; the order of the events does not matter."""
    found = spans(history_of(sorted(events, key=attrgetter("at"))))
    return found if redaction is None else _redacted(found, redaction)


def _redacted(found: Sequence[Span], redaction: Redaction) -> list[Span]:
    chain = Chain(redaction)  # a number that is spread over several spans is found, too

    def text(span: Span, key: str, value: Value) -> Value:
        return chain(f"{span.name} {key}", value) if isinstance(value, str) and key not in _IDS else value

    return [
        replace(
            span,
            attributes={key: text(span, key, value) for key, value in span.attributes.items()},
            error=redaction.text(span.error),
        )
        for span in found
    ]
