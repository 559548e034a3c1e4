"""Links to recordings that open without a token until they expire."""

from orchestra.signing import Signer

_PURPOSE = "orchestra recording link 1"


class Links:
    """Signs and checks links to recordings; see `orchestra.storage.secrets.link_key` for the key."""

    def __init__(self, key: bytes) -> None:
        self._signer = Signer(key, _PURPOSE)

    def sign(self, base_url: str, call: str, expires: int) -> str:
        """A link to the call's recording under ``base_url``, good until ``expires`` (epoch seconds)."""
        query = f"expires={expires}&signature={self._signer.sign(call, str(expires))}"
        return f"{base_url.rstrip('/')}/calls/{call}/recording?{query}"

    def check(self, call: str, expires: str, signature: str, now: float) -> None:
        """Accept a link's query.

        Raises:
            RejectedError: it is not ours, another call's, or expired.

        """
        self._signer.check("the link", signature, call, expires, expires=expires, now=now)
