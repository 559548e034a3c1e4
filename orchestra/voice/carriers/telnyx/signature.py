"""The signature of Telnyx's webhooks: Ed25519 over the time stamp and the body as it came.

Source: https://developers.telnyx.com/docs/development/api-fundamentals/webhooks
"""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from orchestra.errors import RejectedError, SettingError

SIGNATURE_HEADER, TIMESTAMP_HEADER = "telnyx-signature-ed25519", "telnyx-timestamp"
#: how far the time stamp may be from our clock: the tolerance of Telnyx's own libraries
TOLERANCE_S = 300
_MOST_DIGITS = 12
_KEY_BYTES = 32


class WebhookKey:
    """Checks signatures with the account's public key (base64, as the portal shows it).

    Raises:
        SettingError: that is not a key.

    """

    def __init__(self, public_key: str) -> None:
        try:
            raw = base64.b64decode(public_key, validate=True)
        except (ValueError, binascii.Error):
            raw = b""
        if len(raw) != _KEY_BYTES:
            msg = "ORCHESTRA_TELNYX_PUBLIC_KEY is not set to the account's public key (32 bytes in base64)"
            raise SettingError(msg)
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def check(self, body: bytes, timestamp: str, signature: str, now: float) -> None:
        """Accept a webhook's body; ``now`` is in epoch seconds.

        Raises:
            RejectedError: it is not signed by Telnyx, or was signed too long ago.

        """
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _MOST_DIGITS):
            msg = "no time stamp"
            raise RejectedError(msg)
        try:
            signed = base64.b64decode(signature, validate=True)
            self._key.verify(signed, timestamp.encode() + b"|" + body)
        except (ValueError, InvalidSignature):
            msg = "wrong signature"
            raise RejectedError(msg) from None
        if abs(now - int(timestamp)) > TOLERANCE_S:
            msg = f"signed {now - int(timestamp):.0f} s ago"
            raise RejectedError(msg)
