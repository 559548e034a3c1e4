"""The messages of Vonage's media WebSocket: binary frames of audio both ways, and JSON beside them.

Source: https://developer.vonage.com/en/voice/voice-api/guides/websockets
"""

import json
import re

import msgspec

from orchestra.errors import MalformedMessageError
from orchestra.voice.carriers.json_messages import Key
from orchestra.voice.carriers.port import LONGEST_MESSAGE
from orchestra_schemas.calls import Direction

#: Vonage sends frames of 20 ms, and plays only such
FRAME_MS = 20
#: of those that Vonage has, the ones that the speech engines take, in Hz
_RATES = {"8000": 8000, "16000": 16000}
_CONTENT_TYPE = re.compile(r"audio/l16; ?rate=([0-9]{4,5})")


class Connected(msgspec.Struct, frozen=True, tag_field="event", tag="websocket:connected"):
    """The first message of a stream: its format, and the headers that we gave for it."""

    content_type: str = msgspec.field(name="content-type")
    token: str = ""
    call: str = ""
    leg: str = ""
    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    resumed: str = ""
    answered_by: str = ""

    @property
    def sample_rate(self) -> int:
        """Of the audio in both directions, in Hz.

        Raises:
            MalformedMessageError: it is no format that we can take.

        """
        found = _CONTENT_TYPE.fullmatch(self.content_type)
        if found is None or found[1] not in _RATES:
            msg = f"audio as {self.content_type[:60]!r}: 16-bit samples at {' or '.join(_RATES)} Hz are asked for"
            raise MalformedMessageError(msg)
        return _RATES[found[1]]


class Digit(msgspec.Struct, frozen=True, tag_field="event", tag="websocket:dtmf"):
    """The caller has pressed a key."""

    digit: Key


class MarkPayload(msgspec.Struct, frozen=True):
    """What we gave to be sent back."""

    mark: str


class Notified(msgspec.Struct, frozen=True, tag_field="event", tag="websocket:notify"):
    """All audio before our `notify` was played."""

    payload: MarkPayload


class Cleared(msgspec.Struct, frozen=True, tag_field="event", tag="websocket:cleared"):
    """The audio that was not played is dropped."""


Message = Connected | Digit | Notified | Cleared

_MESSAGES: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_KNOWN = {"websocket:connected", "websocket:dtmf", "websocket:notify", "websocket:cleared"}


def read(text: str) -> Message | None:
    """The message in this text; None for an event that we do not know, and Vonage may add.

    Raises:
        MalformedMessageError: it is none.

    """
    try:
        if len(text) > LONGEST_MESSAGE:
            msg = f"a message of {len(text)} characters"
            raise MalformedMessageError(msg)
        return _MESSAGES.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        if _is_unknown_event(text):
            return None
        msg = f"no message of Vonage's: {error}"
        raise MalformedMessageError(msg) from None


def _is_unknown_event(text: str) -> bool:
    try:
        event = json.loads(text).get("event")
    except (ValueError, AttributeError, RecursionError):
        return False
    return isinstance(event, str) and event.startswith("websocket:") and event not in _KNOWN


def frame_bytes(sample_rate: int) -> int:
    """The size of a frame at this rate: 320 or 640 bytes."""
    return sample_rate * FRAME_MS // 1000 * 2


def notify(mark: str) -> str:
    """Ask to be told once everything before it was played."""
    return json.dumps({"action": "notify", "payload": {"mark": mark}})


def clear() -> str:
    """Have what was not played dropped."""
    return '{"action":"clear"}'
