"""Signatures of Plivo's webhooks, version 3.

HMAC-SHA256 with the auth token, in base64, over the address, its query and the form, both decoded and sorted, and a
nonce::

    https://voice.example.com/plivo/after-stream?call=00-a.CallUUID1From15550001.NONCE
    └──────────────── address ─────────────────┘ └query┘ └───────form────────┘

Sources: https://www.plivo.com/docs/voice/xml/request/validation, and the reading of the official client,
https://github.com/plivo/plivo-python/blob/master/plivo/utils/signature_v3.py
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from orchestra.errors import RejectedError
from orchestra.voice.carriers.webhook import Fields

#: names and values that we write into addresses: without what separates them, they can be split in one way only
_OURS = re.compile(r"[A-Za-z0-9_-]*")


def read_query(query: str) -> dict[str, str]:
    """What we wrote into an address.

    Raises:
        RejectedError: we did not write it.

    """
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs) or not all(_OURS.fullmatch(part) for pair in pairs for part in pair):
        msg = "the address is none that Plivo was given"
        raise RejectedError(msg)
    return dict(pairs)


def check_signature(address: str, fields: Fields, given: Iterable[str], nonce: str, auth_token: str) -> str:
    """See that Plivo has signed a request to ``address`` with this form.

    Args:
        address: as Plivo was given it, with the query.
        fields: the form's.
        given: the values of Plivo's headers; each may hold several signatures, one for each token of the account.
        nonce: Plivo's, of this request.
        auth_token: the account's.

    Returns:
        The signature.

    Raises:
        RejectedError: it is not signed, or not with this token.

    """
    expected = base64.b64encode(
        hmac.digest(auth_token.encode(), _signed_text(address, fields, nonce), hashlib.sha256)
    ).decode()
    signatures = (each.strip() for value in given for each in value.split(","))
    if nonce and any(hmac.compare_digest(expected.encode(), each.encode()) for each in signatures):
        return expected
    msg = "wrong signature"
    raise RejectedError(msg)


def _signed_text(address: str, fields: Fields, nonce: str) -> bytes:
    place, _, query = address.partition("?")
    sorted_query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(query, keep_blank_values=True)))
    text = place
    if sorted_query or fields:
        text += f"?{sorted_query}"
    if sorted_query and fields:
        text += "."
    return text.encode() + b"".join(name + value for name, value in sorted(fields)) + f".{nonce}".encode()
