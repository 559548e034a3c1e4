"""A message to an endpoint: one event, redacted, in the form that the Standard Webhooks specification recommends."""

from datetime import UTC, datetime

import msgspec

from orchestra.bus import Entry
from orchestra.bus.stream.stream_id import StreamId
from orchestra.errors import RejectedError
from orchestra.telemetry.redaction import Redaction

_LONGEST_ID = 256


class Message(msgspec.Struct, frozen=True):
    """What is posted: ``body`` is JSON with ``type``, ``timestamp`` and ``data``, the event; ``id`` is the event's.

    ``queued_at`` (epoch seconds) is when it began to wait for its endpoint.
    """

    id: str
    type: str
    queued_at: float
    body: bytes


class EventHeader(msgspec.Struct):
    """What is needed of an event, whoever published it."""

    at: float = 0.0
    app: str = ""


_read = msgspec.json.Decoder(EventHeader).decode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Message).decode


def message_of(entry: Entry, redaction: Redaction | None, queued_at: float) -> tuple[Message, EventHeader]:
    """The message of an event, and the event's header.

    Raises:
        RejectedError: the event is not JSON, or its id cannot be a header; another producer has written it.

    """
    if not (entry.id.isascii() and entry.id.isprintable() and 0 < len(entry.id) <= _LONGEST_ID) or " " in entry.id:
        msg = f"the event's id cannot be sent: {entry.id[:80]!a}"
        raise RejectedError(msg)
    try:
        header = _read(entry.body)
        moment = datetime.fromtimestamp(header.at or StreamId.parse(entry.stream_id).ms / 1000, UTC)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError, OSError) as error:
        msg = f"the event is not valid: {error}"
        raise RejectedError(msg) from None
    body = entry.body if redaction is None else redaction.event(entry.call, entry.type, entry.body)
    return Message(entry.id, entry.type, queued_at, payload(entry.type, moment, body)), header


def payload(kind: str, moment: datetime, data: bytes) -> bytes:
    """The body of a message: ``data`` is JSON."""
    stamp = moment.isoformat(timespec="milliseconds").removesuffix("+00:00")
    return b'{"type":"%s","timestamp":"%sZ","data":%s}' % (kind.encode(), stamp.encode(), data)


def pack(message: Message) -> bytes:
    """A message as it waits in Redis."""
    return _pack(message)


def unpack(packed: bytes) -> Message:
    """The message that `pack` packed."""
    return _unpack(packed)
