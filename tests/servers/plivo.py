"""Plivo's voice API: the part that places calls, with the faults of the other servers.

https://www.plivo.com/docs/voice/api/call/make-a-call
"""

import base64
import json
import uuid
from typing import Any

from aiohttp import web

from tests.servers.server import NO_FAULTS, Faults, ProtocolServer


class PlivoServer(ProtocolServer):
    """``orders`` are the calls that were ordered, each with its ``request_uuid``; ``answer`` replaces the answer."""

    def __init__(self, auth_id: str, auth_token: str, faults: Faults = NO_FAULTS, answer: str = "") -> None:
        super().__init__(faults)
        self.orders: list[dict[str, Any]] = []
        self._answer = answer
        self._auth_id = auth_id
        self._basic = "Basic " + base64.b64encode(f"{auth_id}:{auth_token}".encode()).decode()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/Account/{account}/Call/", self._create),
            web.get("/v1/Account/{account}/Number/", self._numbers),
        ]

    def _check(self, request: web.Request) -> None:
        if request.match_info["account"] != self._auth_id or request.headers.get("Authorization") != self._basic:
            raise web.HTTPUnauthorized(text='{"error": "authentication failed"}')

    async def _numbers(self, request: web.Request) -> web.Response:
        self.admit(request)
        self._check(request)
        numbers = [each for each in ["15550100"] if each.startswith(request.query.get("number_startswith", ""))]
        return web.json_response({"api_id": str(uuid.uuid4()), "objects": [{"number": each} for each in numbers]})

    async def _create(self, request: web.Request) -> web.Response:
        order = json.loads(await request.read())
        self.admit(request, order)
        self._check(request)
        request_uuid = str(uuid.uuid4())
        self.orders.append({**order, "request_uuid": request_uuid})
        body = {"message": "call fired", "request_uuid": request_uuid, "api_id": str(uuid.uuid4())}
        return web.Response(text=self._answer or json.dumps(body), content_type="application/json", status=201)
