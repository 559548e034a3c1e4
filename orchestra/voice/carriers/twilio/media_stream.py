"""The messages of Twilio Media Streams: strict reading, and writing.

Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import base64
from typing import Annotated, Literal

import msgspec

from orchestra.voice.carriers.json_messages import DigitInfo, MediaInfo, MessageDecoder


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


class Digit(msgspec.Struct, tag_field="event", tag="dtmf"):
    """The caller pressed a key."""

    dtmf: DigitInfo
    stream_sid: str = msgspec.field(name="streamSid")


class Stop(msgspec.Struct, tag_field="event", tag="stop"):
    """The stream ends: the caller has hung up, or the call continues without it."""

    stream_sid: str = msgspec.field(name="streamSid")


Message = Connected | Start | Media | Mark | Digit | Stop


_KINDS = frozenset({"connected", "start", "media", "mark", "dtmf", "stop"})
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
read = MessageDecoder(_decoder, _KINDS, "Media Streams message").read
_encode = msgspec.json.Encoder().encode


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
