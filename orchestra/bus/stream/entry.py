"""A stream entry as it is read, its body not decoded yet."""

from typing import Any

import msgspec

from orchestra.bus.keys import JOURNAL, MEDIA
from orchestra.bus.redis.reply import text
from orchestra.bus.sealing import Sealing
from orchestra_schemas import Event, decode

#: what decoding the JSON of other producers raises: it is invalid, incomplete, not UTF-8, or nested too deep
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
#: an entry in a RESP2 reply: id, then its fields and values in turn
Raw = list[Any]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry of a partition's journal (``stream`` "events") or media stream.

    ``stream_id`` is Redis's id (``1763830000000-0``), ``id`` the event's own. ``body`` is JSON, ``audio`` raw samples.
    ``sealed`` is what the body was before placeholders were put in it (`orchestra.bus.sealing`).
    """

    stream_id: str
    partition: int
    stream: str
    type: str
    call: str
    id: str
    body: bytes
    audio: bytes | None = None
    sealed: bytes = b""

    def opened(self, sealing: Sealing | None) -> "Entry":
        """The entry with its body in clear, if it was sealed and can be opened."""
        body = sealing.open(self.call, self.id, self.sealed) if sealing is not None and self.sealed else None
        return self if body is None else msgspec.structs.replace(self, body=body, sealed=b"")

    def event(self) -> Event | None:
        """The event, or None if its type is unknown here.

        Raises:
            orchestra_schemas.DecodeError: the body does not match its type.

        """
        fields = {b"type": self.type.encode(), b"call": self.call.encode(), b"id": self.id.encode(), b"body": self.body}
        if self.audio is not None:
            fields[b"audio"] = self.audio
        return decode(fields)


_AS_WE_WRITE = [b"type", b"call", b"id", b"body"]


def read_entry(raw: Raw, partition: int, stream: str) -> Entry:
    """The entry of a reply. A missing field is empty: another producer may have written it."""
    values: list[bytes] = raw[1] or []
    if values[::2] == _AS_WE_WRITE:
        _, tag, _, call, _, event_id, _, body = values
        try:
            return Entry(raw[0].decode(), partition, stream, tag.decode(), call.decode(), event_id.decode(), body)
        except UnicodeDecodeError:
            pass  # bytes of another producer: read below, where they stay visible
    fields = dict(zip(values[::2], values[1::2], strict=False))
    return Entry(
        stream_id=raw[0].decode(),
        partition=partition,
        stream=stream,
        type=text(fields.get(b"type", b"")),
        call=text(fields.get(b"call", b"")),
        id=text(fields.get(b"id", b"")),
        body=fields.get(b"body", b""),
        audio=fields.get(b"audio"),
        sealed=fields.get(b"sealed", b""),
    )


def raw_of(entry: Entry) -> Raw:
    """An entry in the form of a reply."""
    values = [b"type", entry.type.encode(), b"call", entry.call.encode(), b"id", entry.id.encode(), b"body", entry.body]
    if entry.sealed:
        values += [b"sealed", entry.sealed]
    if entry.audio is not None:
        values += [b"audio", entry.audio]
    return [entry.stream_id.encode(), values]


def stream_of(key: bytes) -> str:
    """``events`` or ``media``, from the key of a stream."""
    return MEDIA if key.endswith(b":media") else JOURNAL
