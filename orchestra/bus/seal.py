"""The header of an event, filled in at the moment it is published, and the fields of its stream entry."""

from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from orchestra.bus import keys
from schemas import Event, tag_of

_encode = msgspec.json.Encoder().encode
#: per type: its stream, its tag, whether it carries audio
_kinds: dict[type[Event], tuple[str, bytes, bool]] = {}


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """What goes into the stream entry of an event."""

    stream: str
    type: bytes
    call: str
    id: str
    body: bytes
    audio: bytes | None

    def fields(self) -> list[str | bytes]:
        """Names and values in turn, as XADD takes them."""
        plain: list[str | bytes] = ["type", self.type, "call", self.call, "id", self.id, "body", self.body]
        return plain if self.audio is None else [*plain, "audio", self.audio]


def trace_of(call: str, event_id: str) -> str:
    """The W3C traceparent of an event: the call's trace, and a span that follows from the event's id."""
    return f"00-{keys.trace_id(call)}-{blake2b(event_id.encode(), digest_size=8).hexdigest()}-01"


def fill(event: Event, event_id: str, at: float, source: str, cause: str) -> Event:
    """The event with its header: what the producer has set itself (``at``, ``trace``) stays."""
    return replace(
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
    known = _kinds.get(kind)
    if known is None:
        known = _kinds[kind] = (kind.stream, tag_of(kind).encode(), "audio" in kind.__struct_fields__)
    stream, tag, has_audio = known
    if not has_audio:
        return Sealed(stream, tag, event.call, event.id, _encode(event), None)
    audio: bytes = event.audio  # type: ignore[attr-defined]
    return Sealed(stream, tag, event.call, event.id, _encode(replace(event, audio=b"")), audio)
