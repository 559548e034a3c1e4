"""A server with the part of Twilio's REST API that places calls, on a free loopback port."""

import asyncio
import hmac
import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web

#: handles a requested call, given the request's form fields and the call's id
OnOrder = Callable[[dict[str, str], str], Awaitable[None]]


class TwilioRestServer:
    """Takes requests for calls and places them; use as an async context manager.

    Args:
        account_sid: the account that may place calls.
        auth_token: its token; with other credentials the answer is 401.
        on_order: called in its own task for each request.

    Attributes:
        orders: the form fields of the requests so far.
        redirects: by the id of a running call, where it was told to ask what happens next.
        ended: the ids of calls that were ended over the API.

    """

    def __init__(self, account_sid: str, auth_token: str, on_order: OnOrder) -> None:
        self.orders: list[dict[str, str]] = []
        self.redirects: dict[str, asyncio.Queue[str]] = {}
        self.ended: list[str] = []
        self.calls: list[asyncio.Task[None]] = []
        self._account_sid = account_sid
        self._basic = f"Basic {b64encode(f'{account_sid}:{auth_token}'.encode()).decode()}"
        self._on_order = on_order
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``."""
        assert self._runner is not None, "the server is not running"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        calls = "/2010-04-01/Accounts/{account}/Calls"
        app.add_routes([web.post(f"{calls}.json", self._create), web.post(f"{calls}/{{sid}}.json", self._update)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for call in self.calls:
            call.cancel()
        await asyncio.gather(*self.calls, return_exceptions=True)
        assert self._runner is not None
        await self._runner.cleanup()

    def _refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a request with other credentials; None if they are good."""
        given = request.headers.get("Authorization", "")
        if request.match_info["account"] == self._account_sid and hmac.compare_digest(given, self._basic):
            return None
        return web.json_response({"code": 20003, "message": "Authenticate", "status": 401}, status=401)

    async def _update(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        sid, form = request.match_info["sid"], await request.post()
        if form.get("Status") == "completed":
            self.ended.append(sid)
            return web.json_response({"sid": sid, "account_sid": self._account_sid, "status": "completed"})
        if sid not in self.redirects:
            return web.json_response({"code": 21220, "message": "Call is not in-progress", "status": 400}, status=400)
        self.redirects[sid].put_nowait(str(form["Url"]))
        return web.json_response({"sid": sid, "account_sid": self._account_sid, "status": "in-progress"})

    async def _create(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        order = {name: str(value) for name, value in (await request.post()).items()}
        if not order.get("To") or not order.get("From") or not order.get("Url"):
            return web.json_response({"code": 21201, "message": "No 'To' number", "status": 400}, status=400)
        self.orders.append(order)
        sid = "CA" + secrets.token_hex(16)
        self.calls.append(asyncio.create_task(self._ring(order, sid)))
        body = {"sid": sid, "account_sid": self._account_sid, "to": order["To"], "status": "queued"}
        return web.json_response(body, status=201)

    async def _ring(self, order: dict[str, str], sid: str) -> None:
        await self._on_order(order, sid)
