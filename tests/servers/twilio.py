"""Twilio's REST API, as far as it takes orders for calls, with the faults of the other vendors' servers.

https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
"""

import base64
import secrets

from aiohttp import web

from tests.servers.server import NO_FAULTS, Faults, ProtocolServer


class TwilioServer(ProtocolServer):
    """``orders`` are the form fields of the calls that were ordered, each with the ``Sid`` that it got."""

    def __init__(self, account_sid: str, auth_token: str, faults: Faults = NO_FAULTS) -> None:
        super().__init__(faults)
        self.orders: list[dict[str, str]] = []
        self._account_sid = account_sid
        self._basic = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/2010-04-01/Accounts/{account}/Calls.json", self._create)]

    async def _create(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.admit(request, form)
        if request.match_info["account"] != self._account_sid or request.headers.get("Authorization") != self._basic:
            return web.json_response({"code": 20003, "message": "Authenticate", "status": 401}, status=401)
        sid = "CA" + secrets.token_hex(16)
        self.orders.append({**form, "Sid": sid})
        return web.json_response({"sid": sid, "account_sid": self._account_sid, "status": "queued"}, status=201)
