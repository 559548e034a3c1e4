"""Twilio's REST API: the parts that place calls and describe the account, with the faults of the other servers.

https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
"""

import asyncio
import base64
import secrets

from aiohttp import web

from tests.servers.server import NO_FAULTS, Faults, ProtocolServer


class TwilioServer(ProtocolServer):
    """``orders`` are the form fields of the calls that were ordered, each with its ``Sid``.

    With ``loses_answers`` it takes calls, and cuts the connection in place of an answer. ``asked`` is set when the
    first call is ordered; it is answered when ``may_answer`` is set, too.
    """

    def __init__(self, account_sid: str, auth_token: str, faults: Faults = NO_FAULTS) -> None:
        super().__init__(faults)
        self.orders: list[dict[str, str]] = []
        self.number = "+15550100"
        self.loses_answers = False
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._account_sid = account_sid
        self._basic = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()

    def routes(self) -> list[web.RouteDef]:
        account = "/2010-04-01/Accounts/{account}"
        return [
            web.post(f"{account}/Calls.json", self._create),
            web.get(f"{account}.json", self._account),
            web.get(f"{account}/IncomingPhoneNumbers.json", self._numbers),
        ]

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.match_info["account"] == self._account_sid and request.headers.get("Authorization") == self._basic:
            return None
        return web.json_response({"code": 20003, "message": "Authenticate", "status": 401}, status=401)

    async def _account(self, request: web.Request) -> web.Response:
        self.admit(request)
        return self._refusal(request) or web.json_response({"sid": self._account_sid, "status": "active"})

    async def _numbers(self, request: web.Request) -> web.Response:
        self.admit(request)
        found = [{"phone_number": self.number}] if request.query.get("PhoneNumber") == self.number else []
        return self._refusal(request) or web.json_response({"incoming_phone_numbers": found})

    async def _create(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.admit(request, form)
        if (refusal := self._refusal(request)) is not None:
            return refusal
        sid = "CA" + secrets.token_hex(16)
        self.orders.append({**form, "Sid": sid})
        self.asked.set()
        await self.may_answer.wait()
        if self.loses_answers and request.transport is not None:
            request.transport.close()
        return web.json_response({"sid": sid, "account_sid": self._account_sid, "status": "queued"}, status=201)
