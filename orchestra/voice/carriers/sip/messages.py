"""What gateway and edge say to each other: requests and steps over HTTP, and the start of a media stream."""

from typing import Annotated

import msgspec

from orchestra.errors import MalformedMessageError
from orchestra.voice.carriers.browser.messages import SampleRate
from orchestra.voice.carriers.port import Parties
from orchestra_schemas.calls import AnsweredBy, Direction, EndReason

CALLS_PATH, STREAM_PATH = "/sip/calls", "/sip/stream"

_Text = Annotated[str, msgspec.Meta(max_length=256)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class GatewayCall(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls whom, as the gateway has it from SIP; ``provider_call`` is the gateway's id of the call."""

    provider_call: Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
    from_number: _Text = ""
    to_number: _Text = ""
    direction: Direction = "inbound"
    variables: Annotated[dict[_Text, Annotated[str, msgspec.Meta(max_length=1024)]], msgspec.Meta(max_length=32)] = {}

    def parties(self, call: str, stream: int = 0) -> Parties:
        """The same as the edge has it."""
        return Parties(
            call, self.provider_call, self.from_number, self.to_number, self.direction, stream, self.variables
        )


# -- the gateway asks


class OfferRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call comes in; with ``call``, one that an edge had us place was answered."""

    parties: GatewayCall
    call: _Text = ""
    answered_by: AnsweredBy | None = None


class NextRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The stream of this number has ended; with ``end_reason``, so has the call."""

    parties: GatewayCall
    stream: _Count = 0
    tries: _Count = 0
    end_reason: EndReason | None = None


class TransferRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer is over: the person has the caller now, or did not take the call; ``status`` in SIP's own words."""

    parties: GatewayCall
    accepted: bool
    stream: _Count = 0
    tries: _Count = 0
    status: _Text = ""
    end_reason: EndReason | None = None


class EndedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call that an edge had us place was not answered."""

    parties: GatewayCall
    end_reason: EndReason


class BriefingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The person of a transfer has answered: what do they hear? The answer is speech, 16-bit samples at 8 kHz."""

    parties: GatewayCall


# -- the edge answers with what happens next


class ConnectStep(msgspec.Struct, frozen=True, kw_only=True, tag="connect"):
    """Open a stream with this token."""

    call: str
    token: str
    stream: int
    resumed: bool = False
    answered_by: str = ""


class BusyStep(msgspec.Struct, frozen=True, kw_only=True, tag="busy"):
    """All lines are in use."""


class AskAgainStep(msgspec.Struct, frozen=True, kw_only=True, tag="ask_again"):
    """The journal cannot be read at the moment."""

    tries: int
    after_ms: int


class HangUpStep(msgspec.Struct, frozen=True, kw_only=True, tag="hang_up"):
    """The call is over."""


class TransferStep(msgspec.Struct, frozen=True, kw_only=True, tag="transfer"):
    """Connect the caller to a person: a number or a SIP address; ``hold_music`` is a path at the edge, or empty."""

    target: str
    briefing: str = ""
    hold_music: str = ""


GatewayStep = ConnectStep | BusyStep | AskAgainStep | HangUpStep | TransferStep


# -- the media stream


class Start(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="start"):
    """The first message of a stream: whose it is. The others are those of the browser line."""

    parties: GatewayCall
    call: str
    token: str
    rate: SampleRate
    resumed: bool = False
    answered_by: str = ""


class PressKeys(msgspec.Struct, frozen=True, tag_field="type", tag="press"):
    """The edge has the gateway press these keys, after the audio before them."""

    keys: str


_START: msgspec.json.Decoder[Start] = msgspec.json.Decoder(Start)


def read_start(text: bytes | str) -> Start:
    """The start of a stream.

    Raises:
        MalformedMessageError: it is none.

    """
    try:
        return _START.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        msg = f"no start of a gateway's stream: {error}"
        raise MalformedMessageError(msg) from None
