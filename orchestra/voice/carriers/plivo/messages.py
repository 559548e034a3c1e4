"""The messages of Plivo's audio streams: strict reading, and writing.

Plivo has no message for the end of a stream: it closes the socket.

Source: https://www.plivo.com/docs/voice/audio-streaming/audio-streaming
"""

import base64
from typing import Annotated, Literal

import msgspec

from orchestra.voice.carriers.json_messages import DigitInfo, MediaInfo, MessageDecoder


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


class Media(msgspec.Struct, frozen=True, tag_field="event", tag="media", rename="camel"):
    """A piece of the caller's audio."""

    media: MediaInfo
    stream_id: str


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


_KINDS = frozenset({"start", "media", "dtmf", "playedStream", "clearedAudio"})
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
read = MessageDecoder(_decoder, _KINDS, "message of an audio stream").read
_encode = msgspec.json.Encoder().encode


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
