"""What the calls of one edge process share, and the web application that brings them in."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog
from fastapi import FastAPI, Request, Response
from redis.exceptions import RedisError

from orchestra.bus import Bus, Publisher
from orchestra.errors import RejectedError, SettingError
from orchestra.settings import Settings
from orchestra.storage.api import calls_router
from orchestra.voice import twilio
from orchestra.voice.call import Parties, Script
from orchestra.voice.calls import Calls
from orchestra.voice.replies import Replies
from orchestra.voice.stream import media_stream_endpoint
from orchestra.voice.token import StreamTokens
from orchestra.voice.turns import Ending, HangUp

if TYPE_CHECKING:
    from orchestra.voice.engines.port import Engines

_LOG = structlog.get_logger()

#: few, so that this edge reads little of what is not its own
_HOMES = 2
_JOURNAL_WITHIN_S = 3.0


class Phrases(Protocol):
    """What the edge needs of an `orchestra.App`: its name, and what the edge says by itself."""

    @property
    def name(self) -> str:
        """The app's name."""

    @property
    def greeting(self) -> str:
        """The first words of a call."""

    @property
    def holding(self) -> str:
        """Said while the rest of the platform is away."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What the calls of one process share."""

    settings: Settings
    bus: Bus
    engines: "Engines"
    script: Script
    publisher: Publisher
    tokens: StreamTokens
    calls: Calls
    homes: list[int]
    replies: Replies
    public: twilio.PublicUrl


def auth_token_of(settings: Settings) -> str:
    """The Twilio account's token.

    Raises:
        SettingError: there is none, and without it no webhook can be trusted.

    """
    auth_token = settings.twilio_auth_token.get_secret_value()
    if not auth_token:
        msg = "ORCHESTRA_TWILIO_AUTH_TOKEN is not set: without it nobody can tell Twilio's webhooks from others"
        raise SettingError(msg)
    return auth_token


def open_edge(settings: Settings, bus: Bus, engines: "Engines", app: Phrases) -> Edge:
    """Put the parts of an edge together.

    Raises:
        SettingError: there is no Twilio auth token.

    """
    calls = Calls(settings.max_calls)
    homes = random.sample(range(bus.partitions), k=min(_HOMES, bus.partitions))
    return Edge(
        settings=settings,
        bus=bus,
        engines=engines,
        script=Script(
            app=app.name,
            greeting=app.greeting,
            holding=app.holding,
            max_call_s=settings.max_call_s,
            caller_silence_s=settings.caller_silence_s,
        ),
        publisher=bus.publisher(f"edge-{secrets.token_hex(2)}"),
        tokens=StreamTokens(auth_token_of(settings)),
        calls=calls,
        homes=homes,
        replies=Replies(bus, homes, calls.find),
        public=twilio.PublicUrl(settings.public_url or f"http://{settings.host}:{settings.port}"),
    )


def create_app(edge: Edge) -> FastAPI:
    """The edge's web application: Twilio's webhooks, the media WebSocket, the calls, ``/healthz``."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await edge.replies.start()
        try:
            yield
        finally:
            await edge.replies.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.state.edge = edge
    app.add_api_route("/healthz", _health, methods=["GET"])
    app.add_api_route(twilio.VOICE_PATH, _voice, methods=["POST"])
    app.add_api_route(twilio.AFTER_STREAM_PATH, _after_stream, methods=["POST"])
    app.include_router(calls_router(edge.settings, edge.bus))
    app.add_api_websocket_route(twilio.STREAM_PATH, media_stream_endpoint)
    return app


async def _health(request: Request) -> dict[str, object]:
    edge: Edge = request.app.state.edge
    return {"status": "draining" if edge.calls.draining else "ok", "calls": len(edge.calls)}


async def _voice(request: Request) -> Response:
    edge: Edge = request.app.state.edge
    form = await _signed_form(request, edge)
    if form is None:
        return Response(status_code=403)
    parties = Parties(
        call=edge.bus.new_call(edge.homes),
        provider_call=form.get("CallSid", ""),
        from_number=form.get("From", ""),
        to_number=form.get("To", ""),
    )
    now = time.time()
    if not edge.calls.admit(parties.call, now):
        _LOG.warning("call.busy", calls=len(edge.calls), draining=edge.calls.draining)
        return _twiml(twilio.busy_twiml())
    token = edge.tokens.issue(parties.call, parties.provider_call, now)
    return _twiml(twilio.connect_twiml(parties, token, edge.public))


async def _after_stream(request: Request) -> Response:
    edge: Edge = request.app.state.edge
    if await _signed_form(request, edge) is None:
        return Response(status_code=403)
    return _twiml(twilio.ending_twiml(await _ending(edge, request.query_params.get("call", ""))))


async def _ending(edge: Edge, call: str) -> Ending:
    try:
        async with asyncio.timeout(_JOURNAL_WITHIN_S):
            return twilio.after_stream(await edge.bus.journal(call))
    except (TimeoutError, RedisError, ValueError) as error:
        _LOG.warning("call.journal_unreadable", call=call[:64], error=repr(error))
        return HangUp()


async def _signed_form(request: Request, edge: Edge) -> dict[str, str] | None:
    url = edge.public.at(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
    try:
        body = await _body(request)
        return twilio.signed_form(
            body, url, request.headers.get("X-Twilio-Signature", ""), auth_token_of(edge.settings)
        )
    except RejectedError as error:
        _LOG.warning("webhook.refused", path=request.url.path, reason=str(error))
        return None


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > twilio.LONGEST_FORM:
            break  # enough to be refused
    return body


def _twiml(document: str) -> Response:
    return Response(document, media_type="application/xml")
