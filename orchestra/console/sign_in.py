"""Signing in: a token for a session, whose secret is a cookie; and who is behind each request.

Pages sign in once (``POST /api/session``) and have a cookie from then on. Programs send the token with each request, as
``Authorization: Bearer …``. Both are checked anew every time, so a token that was taken back is worth nothing at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from starlette.requests import HTTPConnection

from orchestra.console.answers import as_json, read_json
from orchestra.console.operators import Operators
from orchestra.console.roles import Operator, Role, requires
from orchestra.console.sessions import Sessions
from orchestra.refusal_log import Refusals
from orchestra.settings import Settings
from orchestra.web_server.bearer_auth import RefusalThrottle, bearer_token, peer_of

_LOG = structlog.get_logger("orchestra.console")

#: where a request's credential is kept for those that outlive it: streams and WebSockets
CREDENTIAL = "orchestra.console.credential"
_LONGEST_REQUEST = 8192


@dataclass(frozen=True, slots=True)
class Credential:
    """By what somebody was admitted. ``holds`` says whether it still counts, for the operator that it was."""

    operator: Operator
    holds: Callable[[], bool]


class _Asked(msgspec.Struct):
    token: str


class SignIn:
    """Admits operators by token or cookie. Wrong tokens are answered late, as everywhere else."""

    def __init__(self, settings: Settings, operators: Operators, sessions: Sessions) -> None:
        self._operators = operators
        self._sessions = sessions
        self._throttle = RefusalThrottle()
        self._refusals = Refusals()
        self._public_url = settings.console_url or ""
        # a browser sends cookies to every port of a host
        self._cookie = f"orchestra-console-{settings.console_port}"

    async def admit(self, connection: HTTPConnection, role: Role) -> Operator:
        """The operator who asks.

        Raises:
            HTTPException: 401, nobody is signed in; 403, their role is too low; 429, too many wrong tokens.

        """
        if header := connection.headers.get("authorization", ""):
            credential = await self._by_token(connection, bearer_token(header))
        else:
            credential = self._by_cookie(connection)
        operator = credential.operator
        if operator.role < role:
            path = connection.url.path[:100]
            self._refusals.note("console.forbidden", operator=operator.name, path=path, needs=role.word)
            raise HTTPException(403, f"this needs the role {role.word}, and {operator.name} has {operator.role.word}")
        connection.scope[CREDENTIAL] = credential
        return operator

    async def _by_token(self, connection: HTTPConnection, token: str) -> Credential:
        digest = self._operators.digest(token)
        operator = self._operators.of_digest(digest)
        if operator is None:
            await self._throttle.refuse(connection, 401, "this token is not known here, or was taken back")
            raise AssertionError  # it always raises
        return Credential(operator, lambda: self._operators.of_digest(digest) == operator)

    def _by_cookie(self, connection: HTTPConnection) -> Credential:
        secret = connection.cookies.get(self._cookie, "")
        operator = self._signed_in(secret)
        if operator is None:
            raise HTTPException(401, "sign in", {"WWW-Authenticate": "Bearer"})
        return Credential(operator, lambda: self._signed_in(secret) == operator)

    def _signed_in(self, secret: str) -> Operator | None:
        session = self._sessions.find(secret) if secret else None
        return None if session is None else self._operators.of_digest(session.token)

    def routes(self) -> APIRouter:
        """``/api/session``: sign in, ask who one is, sign out."""
        router = APIRouter()

        @router.post("/api/session")
        async def sign_in(request: Request) -> Response:
            asked = await read_json(request, _Asked, _LONGEST_REQUEST)
            credential = await self._by_token(request, asked.token.strip())
            session = await self._sessions.begin(self._operators.digest(asked.token.strip()))
            _LOG.info("console.signed_in", operator=credential.operator.name, peer=peer_of(request))
            response = _who(credential.operator)
            response.set_cookie(
                self._cookie, session.secret, max_age=int(session.lifetime_s), path="/", httponly=True,
                samesite="strict", secure=self._is_secure(request),
            )  # fmt: skip
            return response

        @router.get("/api/session")
        async def who(operator: Annotated[Operator, requires(Role.READ)]) -> Response:
            return _who(operator)

        @router.delete("/api/session")
        async def sign_out(request: Request) -> Response:
            secret = request.cookies.get(self._cookie, "")
            if operator := self._signed_in(secret):
                _LOG.info("console.signed_out", operator=operator.name, peer=peer_of(request))
            await self._sessions.end(secret)
            response = as_json({})
            response.delete_cookie(self._cookie, path="/")
            return response

        return router

    def _is_secure(self, request: Request) -> bool:
        return "https" in (urlsplit(self._public_url).scheme, request.url.scheme)


def _who(operator: Operator) -> Response:
    return as_json({"name": operator.name, "role": operator.role.word})
