"""The header of an event, filled in at the moment it is published, and the fields of its stream entry."""

import hashlib
from typing import NamedTuple

import msgspec

from orchestra.bus import keys
from schemas import Event, tag_of

_encode = msgspec.json.Encoder().encode
_tags: dict[type[Event], bytes] = {}


class Sealed(NamedTuple):
    """What goes into the stream entry of an event."""

    stream: str
    type: bytes
    call: str
    id: str
    body: bytes
    audio: bytes | None

    def fields(self) -> list[str | bytes]:
        """Names and values in turn, as XADD takes them."""
        plain = ["type", self.type, "call", self.call, "id", self.id, "body", self.body]
        return plain if self.audio is None else [*plain, "audio", self.audio]


def trace_of(call: str, event_id: str) -> str:
    """The W3C traceparent of an event: the call's trace, and a span that follows from the event's id."""
    return f"00-{keys.trace_id(call)}-{hashlib.blake2b(event_id.encode(), digest_size=8).hexdigest()}-01"


def fill(event: Event, *, event_id: str, at: float, source: str, cause: str = "") -> Event:
    """The event with its header: what the producer has set itself (``at``, ``trace``) stays."""
    return msgspec.structs.replace(
        event,
        id=event_id,
        at=event.at or at,
        source=source,
        cause=cause,
        trace=event.trace or trace_of(event.call, event_id),
    )


def seal(event: Event) -> Sealed:
    """The entry of an event whose header is complete."""
    kind = type(event)
    tag = _tags.get(kind)
    if tag is None:
        tag = _tags[kind] = tag_of(kind).encode()
    audio: bytes | None = getattr(event, "audio", None)
    body = _encode(event) if audio is None else _encode(msgspec.structs.replace(event, audio=b""))
    return Sealed(kind.stream, tag, event.call, event.id, body, audio)
