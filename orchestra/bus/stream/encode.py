"""Fills in the header of an event when it is published, and encodes it as a stream entry."""

from functools import lru_cache
from os import urandom

import msgspec
from msgspec.structs import replace

from orchestra.bus import keys
from orchestra.bus.sealing import Sealing
from orchestra_schemas import Event, carried, tag_of

#: per type: its stream, its tag, whether it carries audio
_kinds: dict[type[Event], tuple[str, bytes, bool]] = {}
_span_ids: list[str] = []


class EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    """The stream entry of an event; ``sealed`` is empty where nothing of it is hidden."""

    stream: str
    type: bytes
    call: str
    id: str
    body: bytes
    audio: bytes | None
    sealed: bytes = b""

    def fields(self) -> list[str | bytes]:
        """Names and values in turn, as XADD takes them."""
        plain: list[str | bytes] = ["type", self.type, "call", self.call, "id", self.id, "body", self.body]
        if self.sealed:
            return [*plain, "sealed", self.sealed]
        return plain if self.audio is None else [*plain, "audio", self.audio]


def fill_header(event: Event, event_id: str, at: float, source: str, cause: str, *, version: str = "") -> Event:
    """The event with its header; ``at``, ``trace`` and ``version`` stay as they are if the producer has set them.

    The trace is a W3C traceparent: the call's trace, and a span of the event's own.
    """
    trace = event.trace
    if not trace:
        try:
            span = _span_ids.pop()
        except IndexError:
            span = _more_span_ids()
        trace = f"{_trace_prefix(event.call)}{span}-01"
    known = event.version or version
    return replace(event, id=event_id, at=event.at or at, source=source, cause=cause, trace=trace, version=known)


def _more_span_ids() -> str:
    """A random 64-bit id in hex. More of them are made in advance: one by one they take three times as long."""
    pool = urandom(8 * 1024).hex()
    _span_ids.extend(pool[start : start + 16] for start in range(0, len(pool) - 16, 16))
    return pool[-16:]


@lru_cache(maxsize=4096)
def _trace_prefix(call: str) -> str:
    return f"00-{keys.trace_id(call)}-"


def encode_event(event: Event, sealing: Sealing | None = None) -> EncodedEvent:
    """Encode an event whose header is complete; what ``sealing`` hides of it is sealed.

    Raises:
        orchestra_schemas.EncodeError: it has a value that cannot be encoded.

    """
    stream, tag, has_audio = _kinds.get(type(event)) or _kind(type(event))
    audio: bytes | None = None
    if has_audio:  # as a field of its own: base64 within the JSON would take a third more
        audio = event.audio  # type: ignore[attr-defined]
        event = replace(event, audio=b"")
    event, body = carried(event)
    if sealing is None or not sealing.seals or has_audio:
        return EncodedEvent(stream, tag, event.call, event.id, body, audio)
    body, sealed = sealing.seal(event.call, tag.decode(), event.id, body)
    return EncodedEvent(stream, tag, event.call, event.id, body, audio, sealed)


def _kind(event_type: type[Event]) -> tuple[str, bytes, bool]:
    known = (event_type.stream, tag_of(event_type).encode(), "audio" in event_type.__struct_fields__)
    _kinds[event_type] = known
    return known
