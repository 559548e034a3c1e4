"""What the first message of a stream has to say: whose it is, and the token that proves it.

It travels in ``extraHeaders``, which Plivo repeats in the stream's ``start``: up to 512 bytes, letters and digits only.
So it is one header in base 32, which survives in whichever way the headers are written, in whichever case.

Source: https://www.plivo.com/docs/voice/xml/audiostream
"""

import base64
import binascii
import re

import msgspec

from orchestra.errors import RejectedError
from orchestra_schemas.calls import Direction

_HEADER = re.compile(r"orchestra\W+([A-Z2-7]{1,500})(?![A-Z0-9])", re.ASCII | re.IGNORECASE)
#: what is left of a number: a telephone number or a SIP address in ASCII, of so many characters
_ODD = re.compile(r"[^!#-\[\]-~]")
_LONGEST_NUMBER = 40
_BLOCK = 8


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """Whose stream it is; the fields of a `Connect`."""

    token: str
    call: str
    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    resumed: bool = False
    answered_by: str = ""


_DECODER = msgspec.json.Decoder(Ticket)


def write_ticket(ticket: Ticket) -> str:
    """The ticket as ``extraHeaders``."""
    short = msgspec.structs.replace(ticket, from_number=_short(ticket.from_number), to_number=_short(ticket.to_number))
    return "orchestra=" + base64.b32encode(msgspec.json.encode(short)).decode().rstrip("=")


def read_ticket(extra_headers: str) -> Ticket:
    """The ticket in the headers of a ``start``.

    Raises:
        RejectedError: there is none, or it is damaged.

    """
    found = _HEADER.search(extra_headers)
    if found is None:
        msg = "the stream has no token"
        raise RejectedError(msg)
    coded = found[1].upper()
    try:
        return _DECODER.decode(base64.b32decode(coded + "=" * (-len(coded) % _BLOCK)))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        msg = "the stream's token cannot be read"
        raise RejectedError(msg) from None


def _short(number: str) -> str:
    return _ODD.sub("", number)[:_LONGEST_NUMBER]
