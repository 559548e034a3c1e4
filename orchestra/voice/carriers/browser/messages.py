"""The messages between a browser and the edge; `orchestra/voice/README.md` describes the protocol."""

from typing import Annotated, Literal

import msgspec

from orchestra.errors import MalformedMessageError

#: sample rates that a page may choose, in Hz
SampleRate = Literal[8000, 16000]


class CallRequest(msgspec.Struct, frozen=True):
    """A page asks for a call, of what line, at what rate; ``key`` is the widget key of another site's page."""

    rate: SampleRate = 16000
    line: str = ""
    key: str = ""


class NextRequest(msgspec.Struct, frozen=True):
    """A page asks what happens next in its call, after its stream of this number; ``tries`` as it was told."""

    call_key: str
    proof: str
    stream: int = 0
    tries: int = 0
    hung_up: bool = False


class Start(msgspec.Struct, frozen=True, tag_field="type", tag="start"):
    """The first message of a stream: whose it is."""

    call: str
    call_key: str
    token: str
    rate: SampleRate
    resumed: bool = False


class Mark(msgspec.Struct, frozen=True, tag_field="type", tag="mark"):
    """The page has played, or dropped, everything before this mark."""

    name: str


class Digit(msgspec.Struct, frozen=True, tag_field="type", tag="digit"):
    """The caller has pressed a key of the keypad."""

    digit: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]


class Skipped(msgspec.Struct, frozen=True, tag_field="type", tag="skipped"):
    """The page has dropped this many ms of the microphone's audio, which the network did not take in time."""

    ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)]


class Hold(msgspec.Struct, frozen=True, tag_field="type", tag="hold"):
    """The caller has put the call on hold, or taken it up again: meanwhile nothing is played, and silence comes."""

    held: bool


class Stop(msgspec.Struct, frozen=True, tag_field="type", tag="stop"):
    """The caller hangs up."""


Message = Start | Mark | Digit | Skipped | Hold | Stop

_MESSAGES: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def read(text: bytes | str) -> Message:
    """The message in this text.

    Raises:
        MalformedMessageError: it is none.

    """
    try:
        return _MESSAGES.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        msg = f"no message of a browser: {error}"
        raise MalformedMessageError(msg) from None


def mark(name: str) -> str:
    """Ask for the mark to come back once everything before it was played."""
    return msgspec.json.encode(Mark(name)).decode()


def clear() -> str:
    """Drop what was not played."""
    return '{"type":"clear"}'


def skipped(ms: int) -> str:
    """Of the microphone's audio so much is missing here."""
    return msgspec.json.encode(Skipped(ms)).decode()


def hold(*, held: bool) -> str:
    """The call is on hold from now on, or no longer."""
    return msgspec.json.encode(Hold(held)).decode()
