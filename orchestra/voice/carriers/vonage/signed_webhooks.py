"""Signatures of Vonage's webhooks: a JSON Web Token in the ``Authorization`` header, with a hash of the body in it.

Source: https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

import jwt

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError

#: Vonage signs with the account's signature secret, in this way only; a token that says another is not Vonage's
_ALGORITHM = "HS256"
#: a webhook that is older is not acted on: Vonage repeats one within seconds
OLDEST_S = 300
#: by how much Vonage's clock may be ahead of ours
_AHEAD_S = 30
_LONGEST_ID = 200
#: a webhook has a few hundred bytes
LONGEST_BODY = 16_384
_LONGEST_TOKEN = 4096


@dataclass(frozen=True, slots=True)
class SignedBody:
    """A webhook's content, its signature checked; ``token_id`` is the same where the webhook comes a second time."""

    fields: dict[str, Any]
    token_id: str


class WebhookSignatures:
    """Checks the signatures of one account's webhooks.

    Args:
        secret: the account's signature secret.
        application_id: a token that names another application is refused; empty: any application of the account.

    """

    def __init__(self, secret: str, application_id: str) -> None:
        self._secret = secret
        self._application_id = application_id

    def check(self, authorization: str, body: bytes, *, has_body: bool = True) -> SignedBody:
        """The content of a webhook that came with this ``Authorization`` header.

        ``has_body``: False for a GET request, of which nothing but the address is read, and that we sign ourselves.

        Raises:
            RejectedError: it is unsigned, not signed by Vonage, changed, too old, too long, or no JSON object.

        """
        if len(body) > LONGEST_BODY:
            msg = f"body of more than {LONGEST_BODY} bytes"
            raise RejectedError(msg)
        claims = self._claims(authorization)
        if not has_body:
            return SignedBody({}, claims["jti"])
        given = claims.get("payload_hash")
        if not isinstance(given, str) or not hmac.compare_digest(
            given.lower().encode(), hashlib.sha256(body).hexdigest().encode()
        ):
            msg = "the body is not the one that was signed"
            raise RejectedError(msg)
        return SignedBody(_object(body), claims["jti"])

    def _claims(self, authorization: str) -> dict[str, Any]:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
            msg = "unsigned: no bearer token"
            raise RejectedError(msg)
        options: Any = {"require": ["iat", "jti"], "verify_aud": False, "verify_iat": False}
        try:
            claims: dict[str, Any] = jwt.decode(token.strip(), self._secret, algorithms=[_ALGORITHM], options=options)
        except (jwt.PyJWTError, ValueError) as error:
            msg = f"wrong signature: {error}"
            raise RejectedError(msg) from None
        age_s = SYSTEM_CLOCK.time() - claims["iat"] if isinstance(claims["iat"], int | float) else None
        if age_s is None or not -_AHEAD_S <= age_s <= OLDEST_S:
            msg = f"signed more than {OLDEST_S} s ago, or by a clock that is wrong"
            raise RejectedError(msg)
        if not isinstance(claims["jti"], str) or not 0 < len(claims["jti"]) <= _LONGEST_ID:
            msg = "a token without an id"
            raise RejectedError(msg)
        application = claims.get("application_id")
        if self._application_id and application not in {None, self._application_id}:
            msg = "a token of another application"
            raise RejectedError(msg)
        return claims


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        msg = "the body is no JSON object"
        raise RejectedError(msg)
    return fields
