"""The messages of Telnyx's media WebSocket: strict reading, and writing.

Sources: https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket,
https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming
"""

import base64
from typing import Annotated, Literal

import msgspec

from orchestra.voice.carriers.json_messages import DigitInfo, MediaInfo, MessageDecoder

#: the least audio that Telnyx takes in one message: 20 ms of µ-law
LEAST_AUDIO = 160


class Connected(msgspec.Struct, tag_field="event", tag="connected"):
    """The socket is open; the first message."""

    version: str = ""


class MediaFormat(msgspec.Struct):
    """The audio's format: the one that we ask for. Telnyx sends the call's own where it cannot transcode it."""

    encoding: Literal["PCMU"]
    sample_rate: Literal[8000] = 8000
    channels: Literal[1] = 1


class StartInfo(msgspec.Struct):
    """Whose stream this is; ``client_state`` as the command that started it had it."""

    call_control_id: str
    media_format: MediaFormat
    client_state: str | None = None


class Start(msgspec.Struct, tag_field="event", tag="start"):
    """The stream begins; the second message."""

    start: StartInfo
    stream_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Media(msgspec.Struct, tag_field="event", tag="media"):
    """A piece of the caller's audio."""

    media: MediaInfo
    stream_id: str


class MarkInfo(msgspec.Struct):
    """The name that we gave the mark."""

    name: str


class Mark(msgspec.Struct, tag_field="event", tag="mark"):
    """Everything sent before this mark was played, or cleared."""

    mark: MarkInfo
    stream_id: str


class Digit(msgspec.Struct, tag_field="event", tag="dtmf"):
    """The caller pressed a key."""

    dtmf: DigitInfo
    stream_id: str


class ErrorInfo(msgspec.Struct):
    """What Telnyx says about a message of ours."""

    code: int | str = ""
    title: str = ""


class Error(msgspec.Struct, tag_field="event", tag="error"):
    """Telnyx did not understand, or could not do, something that we sent."""

    payload: ErrorInfo = msgspec.field(default_factory=ErrorInfo)
    stream_id: str | None = None


class Stop(msgspec.Struct, tag_field="event", tag="stop"):
    """The stream ends: the caller has hung up."""

    stream_id: str


Message = Connected | Start | Media | Mark | Digit | Error | Stop


_KINDS = frozenset({"connected", "start", "media", "mark", "dtmf", "error", "stop"})
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
read = MessageDecoder(_decoder, _KINDS, "message of a media stream").read
_encode = msgspec.json.Encoder().encode


def media(mulaw: bytes) -> str:
    """Have audio played to the caller, after what was sent before: 20 ms to 30 s."""
    payload = base64.b64encode(mulaw).decode("ascii")
    return f'{{"event":"media","media":{{"payload":"{payload}"}}}}'


def mark(name: str) -> str:
    """Have a mark returned once everything sent before it was played."""
    return _encode({"event": "mark", "mark": {"name": name}}).decode()


def clear() -> str:
    """Have Telnyx drop what was sent and is not played yet."""
    return '{"event":"clear"}'
