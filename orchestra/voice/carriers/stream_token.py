"""The token that proves that a media stream belongs to a call whose webhook was signed.

It travels as a TwiML ``<Parameter>``, so only the carrier sees it. It is bound to the call, to the carrier's own id of
the call, to the number of one stream of that call and to a moment of expiry. Each stream opens once, even if several
tokens were issued for it.
"""

import asyncio
import secrets

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.errors import RejectedError
from orchestra.signing import Signer

#: seconds between the webhook's answer and the stream's `start`; carriers connect within one or two
LIFETIME_S = 60

_LOG = structlog.get_logger("orchestra.voice")
_ANSWER_WITHIN_S = 1.0
_PURPOSE = "orchestra media stream token 1"


class StreamTokens:
    """Issues and redeems the tokens of one carrier; their key is derived from a ``secret`` that all edges have."""

    def __init__(self, secret: bytes) -> None:
        self._signer = Signer(secret, _PURPOSE)
        self._redeemed: dict[tuple[str, int], int] = {}  # call and number of its stream → expiry

    def issue(self, call: str, provider_call: str, now: float, stream: int = 0) -> str:
        """The token of one stream of this call, good for `LIFETIME_S` seconds from ``now`` (epoch seconds).

        At the same moment every edge issues the same token.
        """
        expires = int(now) + LIFETIME_S
        return f"{expires}.{stream}-{self._signer.sign(call, provider_call, str(expires), str(stream))}"

    def redeem(self, token: str, call: str, provider_call: str, now: float) -> int:
        """Accept the token, once.

        Returns:
            The number of the call's stream that it is for.

        Raises:
            RejectedError: it is missing, not ours, another call's, expired or used.

        """
        expires, _, rest = token.partition(".")
        number, _, signature = rest.partition("-")
        fields = (call, provider_call, expires, number)
        until = self._signer.check("the stream token", signature, *fields, expires=expires, now=now)
        self._redeemed = {used: end for used, end in self._redeemed.items() if end >= now}
        stream = int(number)
        if (call, stream) in self._redeemed:
            msg = "the stream token was used before"
            raise RejectedError(msg)
        self._redeemed[call, stream] = until
        return stream


async def claim_stream(bus: Bus, call: str, token: str) -> None:
    """Record in Redis that the stream of this token has begun, so that no other edge accepts one in its place.

    While Redis is away each process knows only its own: no caller is turned away because of that.

    Raises:
        RejectedError: an edge has taken it before.

    """
    number, ours = token.partition(".")[2].partition("-")[0], secrets.token_bytes(8)
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            # the client asks again if the answer is lost, and is not to find its own claim in the way
            before = await bus.redis.set(bus.key(call, "stream", call, number), ours, nx=True, get=True, ex=LIFETIME_S)
    except (TimeoutError, RedisError) as error:
        _LOG.warning("token.not_shared", call=call, error=repr(error))
        return
    if before not in {None, ours}:
        msg = "the stream token was used before"
        raise RejectedError(msg)
