"""The browser line: its page, the calls that pages ask for, and their media WebSocket."""

import secrets
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from orchestra.errors import CarrierError, RejectedError
from orchestra.history.ending import HangUp, Transfer
from orchestra.lines import WEB
from orchestra.settings import Settings
from orchestra.signing import Signer
from orchestra.storage.secrets import link_key
from orchestra.voice.carriers.browser.call_key import line_of, new_call_key
from orchestra.voice.carriers.browser.messages import CallRequest, NextRequest
from orchestra.voice.carriers.browser.stream import BrowserSockets
from orchestra.voice.carriers.browser.visitors import Visitors, WidgetKeys
from orchestra.voice.carriers.port import AskAgain, Busy, CallControl, CallReport, Connect, Parties, Step
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.web_server.request_body import read_body

PAGE_PATH = "/browser/"
_LONGEST_REQUEST = 8_192
_PROOF = "orchestra browser call 1"
_ASK_AGAIN_MS = 1_000
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # a page of another site loads the component, and the component its worklet
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-cache",
}


class BrowserCarrier:
    """Calls from browsers. Tokens and keys are signed with the installation's link key."""

    def __init__(self, settings: Settings) -> None:
        secret = link_key(settings)
        self._tokens = StreamTokens(secret)
        self._proofs = Signer(secret, _PROOF)
        self._keys = WidgetKeys(secret)
        # a proxy in front of the edge is on this machine, too, and need not say for whom it asks
        self._local = not settings.public_url

    def check_settings(self) -> None:
        """Nothing has to be set."""

    def routes(self, control: CallControl) -> APIRouter:
        """The page, the requests of pages, and their WebSocket."""
        calls = _Calls(self._tokens, self._proofs, Visitors(self._keys, control.count, local=self._local), control)
        router = APIRouter()
        router.add_api_route("/", lambda: RedirectResponse(PAGE_PATH), methods=["GET"])
        for name, content in _pages().items():
            path = PAGE_PATH if name == "index.html" else PAGE_PATH + name
            router.add_api_route(path, _page(name, content), methods=["GET"])
        router.add_api_route("/browser/calls", calls.begin, methods=["POST"])
        router.add_api_route("/browser/calls/{call}/next", calls.next, methods=["POST"])
        router.add_api_websocket_route("/browser/stream", BrowserSockets(self._tokens, control).serve)
        return router

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        """Browsers cannot be rung.

        Raises:
            CarrierError: always.

        """
        del call, to_number, from_number
        msg = "a browser cannot be called: set ORCHESTRA_CARRIER to a telephone company"
        raise CarrierError(msg)


def open_carrier(settings: Settings, public_url: str) -> BrowserCarrier:
    """The browser line as these settings have it."""
    del public_url  # pages know where they were loaded from
    return BrowserCarrier(settings)


class _Calls:
    """What pages ask over HTTP: a call, and what happens next in it once its stream has ended."""

    def __init__(self, tokens: StreamTokens, proofs: Signer, visitors: Visitors, control: CallControl) -> None:
        self._tokens = tokens
        self._proofs = proofs
        self._visitors = visitors
        self._control = control

    async def begin(self, request: Request) -> Response:
        """A page asks for a call; 403 where it may not have one."""
        origin = request.headers.get("origin", "")
        try:
            asked = msgspec.json.decode(await read_body(request, _LONGEST_REQUEST), type=CallRequest)
            claims = await self._visitors.admit(request, asked.key)
            line = asked.line if claims is None else claims.line
            call_key = new_call_key(line, of_site=claims is not None)
        except (RejectedError, msgspec.DecodeError, ValueError) as error:
            self._control.refusals.note("browser.refused", origin=origin[:100], reason=str(error))
            return _json({"error": str(error)}, 403, _readable_by(origin))
        parties = Parties(call="", provider_call=call_key, to_number=line_of(call_key) or WEB)
        step = await self._control.offer(CallReport(parties, request=request.url.path, signature=call_key))
        return self._answer(step, call_key, origin if claims is not None else "")

    async def next(self, request: Request, call: str) -> Response:
        """The stream of a page's call has ended; 403 where it is not the page that has the call."""
        try:
            asked = msgspec.json.decode(await read_body(request, _LONGEST_REQUEST), type=NextRequest)
            if not self._control.is_call(call) or not secrets.compare_digest(
                asked.proof.encode(), self._proofs.sign(call, asked.call_key).encode()
            ):
                msg = "the proof is not that of this call"
                raise RejectedError(msg)  # noqa: TRY301 - answered like a request that cannot be read
        except (RejectedError, msgspec.DecodeError, ValueError) as error:
            self._control.refusals.note("browser.refused", call=call[:64], reason=str(error))
            return _json({"error": "not your call"}, 403, _readable_by(request.headers.get("origin", "")))
        report = CallReport(
            Parties(call, asked.call_key, to_number=line_of(asked.call_key) or WEB, stream=max(0, asked.stream)),
            request=request.url.path[:100],
            end_reason="caller_hung_up" if asked.hung_up else None,
            tries=max(0, asked.tries),
        )
        step = await self._control.after_stream(report)
        if isinstance(step, Transfer):
            # there is no telephone that could be put through
            failed = CallReport(report.parties, request=report.request, transfer_status="unsupported")
            step = await self._control.after_transfer(failed)
        # whoever has the proof may read the answer
        return self._answer(step, asked.call_key, request.headers.get("origin", ""))

    def _answer(self, step: Step, call_key: str, origin: str) -> Response:
        match step:
            case Connect(parties=parties, offered_at=offered_at):
                content = {
                    "step": "connect",
                    "call": parties.call,
                    "call_key": call_key,
                    "proof": self._proofs.sign(parties.call, call_key),
                    "token": self._tokens.issue(parties.call, call_key, offered_at, parties.stream),
                    "stream": parties.stream,
                    "resumed": step.resumed,
                }
            case Busy(message):
                content = {"step": "busy", "message": message}
            case AskAgain(message, tries):
                content = {"step": "ask_again", "message": message, "tries": tries, "after_ms": _ASK_AGAIN_MS}
            case HangUp() | Transfer():
                content = {"step": "hang_up"}
        return _json(content, headers=_readable_by(origin))


def _readable_by(origin: str) -> dict[str, str]:
    """Headers with which a page of this origin may read the answer; a refusal, too, so that it can say why."""
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if origin else {}


def _json(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = msgspec.json.encode(content)
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


def _pages() -> dict[str, bytes]:
    folder = files(__package__) / "pages"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.rpartition(".")[2] in _TYPES}


def _page(name: str, content: bytes) -> Any:
    async def page() -> Response:
        return Response(content, headers=_PAGE_HEADERS, media_type=_TYPES[name.rpartition(".")[2]])

    return page
