"""The messages of Plivo's audio streams: strict reading, and writing.

Plivo has no message for the end of a stream: it closes the socket.

Source: https://www.plivo.com/docs/voice/audio-streaming/audio-streaming
"""

import base64
from typing import Annotated, Literal

import msgspec

from orchestra.errors import MalformedMessageError, RejectedError
from orchestra.voice.carriers.port import LONGEST_MESSAGE

#: Plivo's time stamps are epoch milliseconds
_LATEST_MS = 10**14


class MediaFormat(msgspec.Struct, frozen=True, rename="camel"):
    """The audio's format: µ-law at 8 kHz, or 16-bit samples, little-endian, at 8 or 16 kHz."""

    encoding: Literal["audio/x-mulaw", "audio/x-l16"]
    sample_rate: Literal[8000, 16000] = 8000


class StartInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Plivo's id of the call, and the stream's."""

    call_id: str
    stream_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
    media_format: MediaFormat


class Start(msgspec.Struct, frozen=True, tag_field="event", tag="start"):
    """The stream begins; the first message. ``extra_headers`` are those of our own document."""

    start: StartInfo
    extra_headers: str | dict[str, str] = ""


class MediaInfo(msgspec.Struct, frozen=True):
    """Audio of one direction, and when it was heard."""

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


class Media(msgspec.Struct, frozen=True, tag_field="event", tag="media", rename="camel"):
    """A piece of the caller's audio."""

    media: MediaInfo
    stream_id: str


class DigitInfo(msgspec.Struct, frozen=True):
    """The key that was pressed."""

    digit: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]


class Digit(msgspec.Struct, frozen=True, tag_field="event", tag="dtmf", rename="camel"):
    """The caller pressed a key."""

    dtmf: DigitInfo
    stream_id: str


class PlayedStream(msgspec.Struct, frozen=True, tag_field="event", tag="playedStream", rename="camel"):
    """Everything sent before the checkpoint of this name was played. It does not come if that was cleared."""

    name: str
    stream_id: str


class ClearedAudio(msgspec.Struct, frozen=True, tag_field="event", tag="clearedAudio", rename="camel"):
    """What was not played is dropped."""

    stream_id: str


Message = Start | Media | Digit | PlayedStream | ClearedAudio


class _Named(msgspec.Struct):
    event: str


_KNOWN = frozenset({"start", "media", "dtmf", "playedStream", "clearedAudio"})
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_decode_named = msgspec.json.Decoder(_Named).decode
_encode = msgspec.json.Encoder().encode


def read(data: str | bytes) -> Message | None:
    """One message of Plivo's; None for a kind that this version does not know.

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
        msg = f"no message of an audio stream: {error}"  # without the message's text, which may contain a token
        raise (MalformedMessageError if kind else RejectedError)(msg) from None


def _kind_of(data: str) -> str:
    """The kind that a message names; empty if it names none."""
    try:
        return _decode_named(data).event
    except (msgspec.DecodeError, RecursionError):
        return ""


def play_audio(audio: bytes, content: MediaFormat) -> str:
    """Have audio played to the caller, after what was sent before."""
    payload = base64.b64encode(audio).decode("ascii")
    return (
        f'{{"event":"playAudio","media":{{"contentType":"{content.encoding}","sampleRate":{content.sample_rate},'
        f'"payload":"{payload}"}}}}'
    )


def checkpoint(stream_id: str, name: str) -> str:
    """Have `PlayedStream` come back once everything sent before it was played."""
    return _encode({"event": "checkpoint", "streamId": stream_id, "name": name}).decode()


def clear_audio(stream_id: str) -> str:
    """Have Plivo drop what was sent and is not played yet."""
    return _encode({"event": "clearAudio", "streamId": stream_id}).decode()
