"""Links to recordings that open without a token until they expire."""

import hashlib
import hmac

from orchestra.errors import RejectedError

_PURPOSE = b"orchestra recording link 1"


class Links:
    """Signs and checks links to recordings; see `orchestra.storage.secrets.link_key` for the key."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, _PURPOSE, hashlib.sha256)

    def sign(self, base_url: str, call: str, expires: int) -> str:
        """A link to the call's recording under ``base_url``, good until ``expires`` (epoch seconds)."""
        query = f"expires={expires}&signature={self._signature(call, expires)}"
        return f"{base_url.rstrip('/')}/calls/{call}/recording?{query}"

    def check(self, call: str, expires: str, signature: str, now: float) -> None:
        """Accept a link's query.

        Raises:
            RejectedError: it is not ours, another call's, or expired.

        """
        if not (expires.isascii() and expires.isdecimal() and len(expires) <= 12):  # noqa: PLR2004
            msg = "the link has no time of expiry"
            raise RejectedError(msg)
        if not hmac.compare_digest(signature.encode(), self._signature(call, int(expires)).encode()):
            msg = "the link's signature is wrong"
            raise RejectedError(msg)
        if now > int(expires):
            msg = f"the link expired {now - int(expires):.0f} s ago"
            raise RejectedError(msg)

    def _signature(self, call: str, expires: int) -> str:
        return hmac.new(self._key, f"{call}\n{expires}".encode(), hashlib.sha256).hexdigest()
