"""Encodes events as the fields of a stream entry, and decodes them.

An entry has the fields ``type``, ``call``, ``id`` and ``body`` (readable JSON), and ``audio`` (raw bytes) for audio
chunks. A reader can filter on ``type`` without decoding the body. Where personal data is not to be kept, the body has
placeholders, and ``sealed`` is the body of before, encrypted (`orchestra.bus.sealing`).
"""

from collections.abc import Mapping

import msgspec

from orchestra_schemas.body import carried
from orchestra_schemas.choices import with_later_words
from orchestra_schemas.event import Event, event_types, tag_of
from orchestra_schemas.media import AudioChunk

Fields = dict[bytes, bytes]


class DecodeError(ValueError):
    """A stream entry is not a valid event of its type."""


_decoders: dict[bytes, msgspec.json.Decoder[Event]] = {}


def _decoder(tag: bytes) -> msgspec.json.Decoder[Event] | None:
    decoder = _decoders.get(tag)
    if decoder is None:
        event_type = event_types().get(tag.decode("utf-8", "replace"))
        if event_type is None:
            return None
        decoder = _decoders[tag] = msgspec.json.Decoder(event_type)
    return decoder


def encode(event: Event) -> Fields:
    """The fields of the stream entry for this event.

    Raises:
        EncodeError: it holds a value that no entry can carry.

    """
    audio = event.audio if isinstance(event, AudioChunk) else None
    event, body = carried(event if audio is None else msgspec.structs.replace(event, audio=b""))
    fields = {
        b"type": tag_of(type(event)).encode(),
        b"call": event.call.encode(),
        b"id": event.id.encode(),
        b"body": body,
    }
    if audio is not None:
        fields[b"audio"] = audio
    return fields


def _decoded(decoder: msgspec.json.Decoder[Event], fields: Mapping[bytes, bytes]) -> Event:
    try:
        return decoder.decode(fields[b"body"])
    except msgspec.ValidationError:
        event = with_later_words(event_types()[fields[b"type"].decode()], fields[b"body"])
        if event is None:
            raise
        return event


def decode(fields: Mapping[bytes, bytes]) -> Event | None:
    """The event of a stream entry, or None if this version does not know its type.

    Of later versions it may have fields that are not known here, which are left out, and words where there is a fixed
    choice of them (`with_later_words`).

    Raises:
        DecodeError: a field is missing, or the body is not valid for the type.

    """
    try:
        decoder = _decoder(fields[b"type"])
        if decoder is None:
            return None
        event = _decoded(decoder, fields)
    except KeyError as missing:
        msg = f"stream entry has no field {missing}"
        raise DecodeError(msg) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"body of a {fields[b'type'].decode('utf-8', 'replace')} event: {error}"
        raise DecodeError(msg) from error
    if isinstance(event, AudioChunk):
        return msgspec.structs.replace(event, audio=fields.get(b"audio", b""))
    return event
