"""The headers with which a server proves that a request is ours, after Standard Webhooks 1.0.0.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme", symmetric.
"""

import base64
import binascii
import hashlib
import hmac

from orchestra.errors import SettingError

_PREFIX = "whsec_"


def signed_headers(secret: str, message_id: str, body: bytes, at: float) -> dict[str, str]:
    """The headers of a request with this body, which is sent at this moment (epoch seconds).

    Args:
        secret: ``whsec_`` and the key in base64; the prefix may be left out.
        message_id: the same whenever the message is sent again. Contains no dot.
        body: as it is sent.
        at: the moment.

    Raises:
        SettingError: the secret is not base64.

    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        msg = f"a webhook's secret is {_PREFIX} and a key in base64: make one with `openssl rand -base64 32`"
        raise SettingError(msg) from error
    seconds = str(int(at))
    signed = hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
