"""The part of Vonage's Voice API that places calls and ends legs; it checks the tokens, and refuses when told to."""

import uuid
from types import TracebackType
from typing import Any, Self

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

APPLICATION_ID = "11111111-2222-3333-4444-555555555555"


class VonageRestServer:
    """On a free loopback port; use as an async context manager.

    Attributes:
        private_key: of the application, PEM.
        orders: the calls that were asked for.
        ended: the legs that were ended.
        refuse_with: answer with this HTTP status.
        answer: answer an order with this body instead of the call.

    """

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.private_key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self._public_key = key.public_key()
        self.orders: list[dict[str, Any]] = []
        self.ended: set[str] = set()
        self.refuse_with: int | None = None
        self.answer: Any = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None, "the server is not running"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @property
    def settings(self) -> dict[str, Any]:
        """Of an edge with this application."""
        return {
            "vonage_api_url": self.url,
            "vonage_application_id": APPLICATION_ID,
            "vonage_private_key": self.private_key,
            "vonage_number": "+15550100",
        }

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/calls", self._list),
                web.post("/v1/calls", self._create),
                web.put("/v1/calls/{leg}", self._change),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.refuse_with is not None:
            return web.json_response({"title": "No"}, status=self.refuse_with)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, self._public_key, algorithms=["RS256"], options={"require": ["exp", "jti"]})
        except jwt.PyJWTError:
            claims = {}
        if claims.get("application_id") != APPLICATION_ID:
            return web.json_response({"title": "Unauthorized"}, status=401)
        return None

    async def _create(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        order = await request.json()
        self.orders.append(order)
        leg = str(uuid.uuid4())
        placed = {"uuid": leg, "status": "started", "direction": "outbound", "conversation_uuid": f"CON-{leg}"}
        return web.json_response(placed if self.answer is None else self.answer, status=201)

    async def _list(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response({"count": 0, "_embedded": {"calls": []}})

    async def _change(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        assert (await request.json()) == {"action": "hangup"}
        self.ended.add(request.match_info["leg"])
        return web.Response(status=204)
