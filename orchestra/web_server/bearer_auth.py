"""Bearer tokens of the HTTP APIs, and a delay for guessed ones."""

import asyncio
import hmac
import time

import structlog
from fastapi import HTTPException
from starlette.requests import HTTPConnection

from orchestra.refusal_log import Refusals

_LOG = structlog.get_logger("orchestra.web_server")

#: this many wrong tokens are answered without a delay; every few seconds one is forgiven
_FREE = 5
_FORGIVEN_EVERY_S = 5.0
_DELAY_S = 0.25
_LONGEST_DELAY_S = 2.0
_MOST_DELAYED = 64


def has_token(authorization: str, token: str) -> bool:
    """Whether an Authorization header carries this bearer token. An empty token admits nobody."""
    return bool(token) and hmac.compare_digest(bearer_token(authorization).encode(), token.encode())


def bearer_token(authorization: str) -> str:
    """The token in an Authorization header; empty if there is none, or if it is of another scheme."""
    scheme, _, given = authorization.partition(" ")
    return given if scheme.lower() == "bearer" else ""


def peer_of(request: HTTPConnection) -> str:
    """The address that a request comes from, for the log."""
    return request.client.host if request.client is not None else ""


class RefusalThrottle:
    """Answers refused requests: each is a line in the log, and the more there are, the later their answer.

    Requests with the right token never come here, so they are answered at once, however many others are guessing.
    """

    def __init__(self) -> None:
        self._refusals = Refusals()
        self._wrong = 0.0
        self._at = time.monotonic()
        self._delayed = 0

    async def refuse(self, request: HTTPConnection, status: int, reason: str) -> None:
        """Refuse a request.

        Raises:
            HTTPException: always: ``status``, or 429 while too many refusals are waiting.

        """
        now = time.monotonic()
        self._wrong = max(0.0, self._wrong - (now - self._at) / _FORGIVEN_EVERY_S) + 1
        self._at = now
        peer, path, method = peer_of(request), request.url.path[:100], request.scope.get("method", "WebSocket")
        if self._delayed >= _MOST_DELAYED:
            self._refusals.note("api.too_many_refused", peer=peer, path=path)
            raise HTTPException(429, "too many wrong tokens or links", {"Retry-After": "5"})
        _LOG.warning("api.refused", peer=peer, method=method, path=path, reason=reason)
        self._delayed += 1
        try:
            await asyncio.sleep(min(_LONGEST_DELAY_S, _DELAY_S * max(0.0, self._wrong - _FREE)))
        finally:
            self._delayed -= 1
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}  # noqa: PLR2004
        raise HTTPException(status, reason, headers)
