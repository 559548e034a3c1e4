"""Telnyx's side of Call Control: takes commands over REST, and sends signed webhooks.

Commands and events as in https://developers.telnyx.com/api-reference/call-commands/answer and
https://developers.telnyx.com/docs/voice/programmable-voice/voice-api-webhooks
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from orchestra.simulator.edge_connection import WEBHOOK_WITHIN_S

_API_KEY, _CONNECTION = "KEY0123", "1293384261075731499"


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it came: ``body`` without the ids."""

    leg: str
    action: str
    body: dict[str, Any]


@dataclass(slots=True)
class Leg:
    """One leg of a call.

    Attributes:
        id: its call control id.
        numbers: ``from``, ``to`` and ``direction``.
        url: where its webhooks are sent.
        client_state: what the edge has us keep with it.
        commands: those that came for it.

    """

    id: str
    numbers: dict[str, str]
    url: str
    client_state: str = ""
    commands: asyncio.Queue[Command] = field(default_factory=asyncio.Queue)


#: a leg that the edge has us dial, and the command's body
OnDial = Callable[[Leg, dict[str, Any]], Awaitable[None]]


class TelnyxNetwork:
    """Telnyx for one account, on a free loopback port; use as an async context manager.

    Attributes:
        commands: all that came, repeated ones left out.
        repeated: how many came again with the same id.
        dialled: called for a leg to be dialled: by the leg that it is linked to, "" for calls of their own.
        refuses: actions that are answered with status 500.
        application: the Call Control application.

    """

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.repeated = 0
        self.dialled: dict[str, OnDial] = {}
        self.refuses: set[str] = set()
        self.legs: dict[str, Leg] = {}
        self.application: dict[str, Any] = {"application_name": "office", "active": True, "webhook_event_url": ""}
        self.key = Ed25519PrivateKey.generate()
        self._ids: dict[tuple[str, str], str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``."""
        assert self._runner is not None, "the network is not running"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @property
    def settings(self) -> dict[str, str]:
        """What an edge needs to take this network's calls."""
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {
            "carrier": "telnyx",
            "telnyx_api_url": self.url,
            "telnyx_api_key": _API_KEY,
            "telnyx_public_key": base64.b64encode(public).decode(),
            "telnyx_connection_id": _CONNECTION,
            "telnyx_number": "+15550100",
        }

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(
            [
                web.post("/v2/calls", self._dial),
                web.post("/v2/calls/{leg}/actions/{action}", self._command),
                web.get("/v2/call_control_applications/{id}", self._application),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._runner is not None
        await self._runner.cleanup()

    # -- webhooks

    def new_leg(self, from_number: str, to_number: str, direction: str, url: str) -> Leg:
        """A leg that begins."""
        numbers = {"from": from_number, "to": to_number, "direction": direction}
        leg = Leg(f"v3:{secrets.token_urlsafe(24)}", numbers, url)
        self.legs[leg.id] = leg
        return leg

    def event(self, leg: Leg, kind: str, **payload: Any) -> bytes:
        """The body of a webhook."""
        numbers = {} if kind.startswith("streaming.") else leg.numbers
        known = {"call_control_id": leg.id, "connection_id": _CONNECTION, **numbers}
        if leg.client_state:
            known["client_state"] = leg.client_state
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        data = {"record_type": "event", "event_type": kind, "id": secrets.token_hex(16), "occurred_at": now}
        return json.dumps({"data": {**data, "payload": {**known, **payload}}}).encode()

    def sign(self, body: bytes, at: float | None = None) -> dict[str, str]:
        """The headers of a webhook that is sent at this moment (epoch seconds)."""
        timestamp = str(int(time.time() if at is None else at))
        signature = base64.b64encode(self.key.sign(f"{timestamp}|".encode() + body)).decode()
        return {"telnyx-timestamp": timestamp, "telnyx-signature-ed25519": signature}

    async def send(self, leg: Leg, kind: str, **payload: Any) -> int:
        """Send a webhook. Returns the edge's HTTP status.

        Raises:
            httpx.TransportError: no edge answers.

        """
        body = self.event(leg, kind, **payload)
        return await self.post(leg.url, body, self.sign(body))

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Send this as a webhook."""
        # a new connection for each webhook: any edge at the address may answer
        async with httpx.AsyncClient(timeout=WEBHOOK_WITHIN_S, trust_env=False) as http:
            answer = await http.post(url, content=body, headers={"Content-Type": "application/json", **headers})
        return answer.status_code

    # -- commands

    async def _dial(self, request: web.Request) -> web.Response:
        body = await self._admit(request, "dial")
        wanted = {"to", "from", "connection_id"} - set(body)
        if wanted:
            raise _problem(web.HTTPUnprocessableEntity, "10004", f"missing {', '.join(sorted(wanted))}")
        known = self._ids.get(("", body["command_id"]))
        if known is not None:
            self.repeated += 1
            return web.json_response({"data": {"call_control_id": known}})
        leg = self.new_leg(body["from"], body["to"], "outgoing", body.get("webhook_url", ""))
        leg.client_state = body.get("client_state", "")
        self._ids["", body["command_id"]] = leg.id
        self.commands.append(Command(leg.id, "dial", body))
        on_dial = self.dialled.get(body.get("link_to", ""))
        if on_dial is not None:
            task = asyncio.ensure_future(on_dial(leg, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return web.json_response({"data": {"call_control_id": leg.id}})

    async def _command(self, request: web.Request) -> web.Response:
        action, leg = request.match_info["action"], self.legs.get(request.match_info["leg"])
        body = await self._admit(request, action)
        if leg is None:
            raise _problem(web.HTTPUnprocessableEntity, "90018", "Call has already ended")
        if (leg.id, body["command_id"]) in self._ids:
            self.repeated += 1
        else:
            self._ids[leg.id, body["command_id"]] = leg.id
            leg.client_state = body.get("client_state", leg.client_state)
            leg.url = body.get("webhook_url", leg.url)
            command = Command(leg.id, action, body)
            self.commands.append(command)
            leg.commands.put_nowait(command)
        return web.json_response({"data": {"result": "ok"}})

    async def _application(self, request: web.Request) -> web.Response:
        _check_key(request)
        if request.match_info["id"] != _CONNECTION:
            raise _problem(web.HTTPNotFound, "10005", "Resource not found")
        return web.json_response({"data": {"id": _CONNECTION, **self.application}})

    async def _admit(self, request: web.Request, action: str) -> dict[str, Any]:
        _check_key(request)
        if action in self.refuses:
            raise _problem(web.HTTPInternalServerError, "10007", "Unexpected error")
        body: dict[str, Any] = await request.json()
        return body


def _check_key(request: web.Request) -> None:
    if request.headers.get("Authorization") != f"Bearer {_API_KEY}":
        raise _problem(web.HTTPUnauthorized, "10009", "Authentication failed")


def _problem(status: type[web.HTTPException], code: str, title: str) -> web.HTTPException:
    text = json.dumps({"errors": [{"code": code, "title": title}]})
    return status(text=text, content_type="application/json")
