"""The addresses that Vonage is told to ask, with what is known of the call in them.

Vonage signs the body of a webhook and not its address, so an address is signed here: nobody can ask about another call.
What follows a media stream is asked in the name of the stream's own leg, not of the caller's, so the address says who
calls whom as well.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass

import msgspec

from orchestra.errors import RejectedError
from orchestra.signing import Signer
from orchestra.voice.carriers.port import Parties
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra_schemas.calls import Direction

_PURPOSE = "orchestra vonage address 1"
_LONGEST = 2048


class CallState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an address says of a call.

    Attributes:
        call: our id of it.
        leg: Vonage's id of the caller's leg.
        from_number: who calls, E.164.
        to_number: who is called, E.164.
        direction: whether we placed the call.
        stream: the number of the stream that ended.
        tries: how often Vonage was told to ask again.
        transfer_status: how a transfer ended.
        must_accept: the person of a transfer takes the call with a key; otherwise by answering.
        detected: machine detection is over.

    """

    call: str
    leg: str = ""
    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    stream: int = 0
    tries: int = 0
    transfer_status: str = ""
    must_accept: bool = False
    detected: bool = False

    @classmethod
    def of(cls, parties: Parties) -> "CallState":
        """What is known once a stream is offered."""
        return cls(
            parties.call,
            parties.provider_call,
            parties.from_number,
            parties.to_number,
            parties.direction,
            parties.stream,
        )

    @property
    def parties(self) -> Parties:
        """Who calls whom."""
        return Parties(self.call, self.leg, self.from_number, self.to_number, self.direction, self.stream)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of the edges that only we can write."""

    public: PublicUrl
    signer: Signer

    @classmethod
    def signed_with(cls, secret: bytes, public_url: str) -> "Addresses":
        """Addresses under this URL."""
        return cls(PublicUrl(public_url), Signer(secret, _PURPOSE))

    def at(self, path: str, state: CallState) -> str:
        """The address of a path, with the state of a call."""
        packed = base64.urlsafe_b64encode(msgspec.json.encode(state)).decode().rstrip("=")
        return self.public.at(path, state=packed, proof=self.signer.sign(path, packed))

    def read(self, path: str, packed: str, proof: str) -> CallState:
        """The state in an address of ours.

        Raises:
            RejectedError: we have not written it, or for another path.

        """
        signed = len(packed) <= _LONGEST and "\n" not in packed
        if not signed or not hmac.compare_digest(proof.encode(), self.signer.sign(path, packed).encode()):
            msg = "an address that is not ours"
            raise RejectedError(msg)
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), type=CallState)
        except (msgspec.DecodeError, binascii.Error, ValueError):
            msg = "an address that cannot be read"
            raise RejectedError(msg) from None
