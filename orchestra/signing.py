"""Signatures that expire: they prove that this installation issued a URL or a parameter."""

import hashlib
import hmac

from orchestra.errors import RejectedError

#: digits of an epoch second: enough until the year 33658, and short enough to be parsed safely
_MOST_DIGITS = 12


class Signer:
    """Signs fields with HMAC-SHA256 and checks them in constant time.

    Args:
        secret: known only to this installation.
        purpose: what the signatures are for. The key is derived from both, so that a signature made for one purpose is
            worthless for another, and one secret can serve several. Its last word is the version of the format:
            change it to invalidate older signatures.

    """

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._key = hmac.digest(secret, purpose.encode(), hashlib.sha256)

    def sign(self, *fields: str) -> str:
        """The signature of these fields, 64 hexadecimal digits. No field may contain a line break."""
        return hmac.new(self._key, "\n".join(fields).encode(), hashlib.sha256).hexdigest()

    def check(self, what: str, signature: str, *fields: str, expires: str, now: float) -> int:
        """Accept a signature of these fields, one of which is ``expires``, as it was received (epoch seconds).

        Returns:
            When it expires.

        Raises:
            RejectedError: it has no expiry, is not ours, is for other fields, or has expired. The message begins with
                ``what``.

        """
        if not (expires.isascii() and expires.isdecimal() and len(expires) <= _MOST_DIGITS):
            msg = f"{what} has no expiry"
            raise RejectedError(msg)
        if not hmac.compare_digest(signature.encode(), self.sign(*fields).encode()):
            msg = f"{what} has a wrong signature"
            raise RejectedError(msg)
        if now > int(expires):
            msg = f"{what} expired {now - int(expires):.0f} s ago"
            raise RejectedError(msg)
        return int(expires)
