"""The messages of Telnyx's media WebSocket: strict reading, and writing.

Sources: https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket,
https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming
"""

import base64
from typing import Annotated, Literal

import msgspec

from orchestra.errors import MalformedMessageError, RejectedError
from orchestra.voice.carriers.port import LONGEST_MESSAGE

_LATEST_MS = 10**12
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


class MediaInfo(msgspec.Struct):
    """Audio of one direction: µ-law bytes, and milliseconds from the stream's start."""

    payload: bytes
    timestamp: int | float | str | None = None
    track: str | None = "inbound"

    @property
    def is_inbound(self) -> bool:
        """Whether it is the caller's. Audio without a track is."""
        return self.track in ("inbound", "inbound_track", None)

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
    stream_id: str


class MarkInfo(msgspec.Struct):
    """The name that we gave the mark."""

    name: str


class Mark(msgspec.Struct, tag_field="event", tag="mark"):
    """Everything sent before this mark was played, or cleared."""

    mark: MarkInfo
    stream_id: str


class DigitInfo(msgspec.Struct):
    """The key that was pressed."""

    digit: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]


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


class _Named(msgspec.Struct):
    event: str


_KNOWN = frozenset({"connected", "start", "media", "mark", "dtmf", "error", "stop"})
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_decode_named = msgspec.json.Decoder(_Named).decode
_encode = msgspec.json.Encoder().encode


def read(data: str | bytes) -> Message | None:
    """One message of Telnyx's; None for a kind that this version does not know.

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
        msg = f"no message of a media stream: {error}"  # without the message's text, which may contain a token
        raise (MalformedMessageError if kind else RejectedError)(msg) from None


def _kind_of(data: str) -> str:
    """The kind that a message names; empty if it names none."""
    try:
        return _decode_named(data).event
    except (msgspec.DecodeError, RecursionError):
        return ""


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
