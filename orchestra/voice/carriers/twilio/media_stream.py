"""The messages of Twilio Media Streams: strict reading, and writing.

Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import base64
from typing import Annotated, Literal

import msgspec

from orchestra.errors import MalformedMessageError, RejectedError
from orchestra.voice.carriers.port import LONGEST_MESSAGE

_LATEST_MS = 10**12


class Connected(msgspec.Struct, tag_field="event", tag="connected"):
    """The socket is open; the first message."""

    protocol: str = ""
    version: str = ""


class MediaFormat(msgspec.Struct):
    """The audio's format: always 8 kHz µ-law, one channel."""

    encoding: Literal["audio/x-mulaw"] = "audio/x-mulaw"
    sample_rate: Literal[8000] = msgspec.field(default=8000, name="sampleRate")
    channels: Literal[1] = 1


class StartInfo(msgspec.Struct, rename="camel"):
    """Whose stream this is; ``custom_parameters`` are those of our own TwiML."""

    call_sid: str
    custom_parameters: dict[str, str] = {}
    media_format: MediaFormat = msgspec.field(default_factory=MediaFormat)


class Start(msgspec.Struct, tag_field="event", tag="start"):
    """The stream begins; the second message."""

    start: StartInfo
    stream_sid: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")] = msgspec.field(name="streamSid")


class MediaInfo(msgspec.Struct):
    """Audio of one direction: µ-law bytes, and milliseconds from the stream's start."""

    payload: bytes
    timestamp: int | float | str | None = None
    track: str | None = "inbound"

    @property
    def is_inbound(self) -> bool:
        """Whether it is the caller's. Audio without a track is."""
        return self.track == "inbound" or self.track is None

    @property
    def timestamp_ms(self) -> int | None:
        """The time stamp as a number; None if there is none."""
        stamp = self.timestamp
        if isinstance(stamp, str):
            stamp = int(stamp[:16]) if stamp.isascii() and stamp.isdecimal() else None
        return int(stamp) if stamp is not None and -_LATEST_MS < stamp < _LATEST_MS else None


class Media(msgspec.Struct, tag_field="event", tag="media"):
    """A piece of the caller's audio."""

    media: MediaInfo
    stream_sid: str = msgspec.field(name="streamSid")


class MarkInfo(msgspec.Struct):
    """The name that we gave the mark."""

    name: str


class Mark(msgspec.Struct, tag_field="event", tag="mark"):
    """Everything sent before this mark was played, or cleared."""

    mark: MarkInfo
    stream_sid: str = msgspec.field(name="streamSid")


class DigitInfo(msgspec.Struct):
    """The key that was pressed."""

    digit: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]


class Digit(msgspec.Struct, tag_field="event", tag="dtmf"):
    """The caller pressed a key."""

    dtmf: DigitInfo
    stream_sid: str = msgspec.field(name="streamSid")


class Stop(msgspec.Struct, tag_field="event", tag="stop"):
    """The stream ends: the caller has hung up, or the call continues without it."""

    stream_sid: str = msgspec.field(name="streamSid")


Message = Connected | Start | Media | Mark | Digit | Stop


class _Named(msgspec.Struct):
    event: str


_KNOWN = frozenset({"connected", "start", "media", "mark", "dtmf", "stop"})
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_decode_named = msgspec.json.Decoder(_Named).decode
_encode = msgspec.json.Encoder().encode


def read(data: str | bytes) -> Message | None:
    """One message of Twilio's; None for a kind that this version does not know.

    Raises:
        MalformedMessageError: a field breaks the protocol; the stream can continue without the message.
        RejectedError: binary, too long, not JSON, not a message.

    """
    if isinstance(data, bytes):
        msg = f"a binary message of {len(data)} bytes"
        raise RejectedError(msg)
    if len(data) > LONGEST_MESSAGE:
        msg = f"a message of {len(data)} characters, more than {LONGEST_MESSAGE}"
        raise RejectedError(msg)
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        kind = _kind_of(data) if isinstance(error, msgspec.ValidationError) else ""
        if kind and kind not in _KNOWN:
            return None
        msg = f"no Media Streams message: {error}"  # without the message's text, which may contain a token
        raise (MalformedMessageError if kind else RejectedError)(msg) from None


def _kind_of(data: str) -> str:
    """The kind that a message names; empty if it names none."""
    try:
        return _decode_named(data).event
    except (msgspec.DecodeError, RecursionError):
        return ""


def media(stream_sid: str, mulaw: bytes) -> str:
    """Have audio played to the caller, after what was sent before."""
    payload = base64.b64encode(mulaw).decode("ascii")
    return f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"{payload}"}}}}'


def mark(stream_sid: str, name: str) -> str:
    """Have a mark returned once everything sent before it was played."""
    return _encode({"event": "mark", "streamSid": stream_sid, "mark": {"name": name}}).decode()


def clear(stream_sid: str) -> str:
    """Have Twilio drop what was sent and is not played yet."""
    return _encode({"event": "clear", "streamSid": stream_sid}).decode()
