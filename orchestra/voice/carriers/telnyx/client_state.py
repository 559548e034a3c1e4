"""What Telnyx keeps for us with a call: it comes back in every webhook of the call, and in the `start` of its stream.

Only the holder of the API key can set it. Source: ``client_state`` of
https://developers.telnyx.com/api-reference/call-commands/answer
"""

import base64
import binascii

import msgspec

from orchestra.errors import RejectedError
from orchestra.language.registry import DEFAULT_CODE
from orchestra.voice.carriers.port import Connect, Parties
from orchestra_schemas.calls import Direction

_LONGEST = 8_192


class ClientState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one leg.

    Attributes:
        call: our id of the call.
        stream: the number of the call's media stream that was offered last; of the one before a transfer.
        token: opens that stream.
        caller: on the leg to the person of a transfer: Telnyx's id of the caller's leg. Empty on that one.
        music: on the leg to the person: the caller hears music meanwhile.
        busy: what a caller hears for whom there is no line, in ``language``.

    """

    call: str = ""
    stream: int = 0
    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    token: str = ""
    resumed: bool = False
    answered_by: str = ""
    caller: str = ""
    music: bool = False
    busy: str = ""
    language: str = DEFAULT_CODE

    @classmethod
    def of(cls, step: Connect, token: str) -> "ClientState":
        """The state of a leg whose audio is to be connected."""
        parties = step.parties
        return cls(
            call=parties.call,
            stream=parties.stream,
            from_number=parties.from_number,
            to_number=parties.to_number,
            direction=parties.direction,
            token=token,
            resumed=step.resumed,
            answered_by=step.answered_by,
        )

    @classmethod
    def decode(cls, text: str | None) -> "ClientState":
        """Read it; where there is none, a state without a call.

        Raises:
            RejectedError: it is not ours.

        """
        try:
            return msgspec.json.decode(base64.b64decode(text[:_LONGEST], validate=True), type=cls) if text else cls()
        except (ValueError, binascii.Error, msgspec.DecodeError):
            msg = "the client state is not one of ours"
            raise RejectedError(msg) from None

    def encode(self) -> str:
        """As Telnyx keeps it: base64."""
        return base64.b64encode(msgspec.json.encode(self)).decode()

    def parties(self, provider_call: str, stream: int | None = None) -> Parties:
        """Who calls whom, by this state."""
        return Parties(
            call=self.call,
            provider_call=provider_call,
            from_number=self.from_number,
            to_number=self.to_number,
            direction=self.direction,
            stream=self.stream if stream is None else stream,
        )
