"""What the calls of one edge process share, and the web application that brings them in."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from fastapi import FastAPI, Request, Response

from orchestra.bus import Bus, Publisher
from orchestra.errors import SettingError
from orchestra.metrics import CONTENT_TYPE, page
from orchestra.refusals import Refusals
from orchestra.settings import Settings
from orchestra.voice.call.call import Parties, Script
from orchestra.voice.carriers.call_lookup import CarrierCallIndex
from orchestra.voice.carriers.rate_limit import RateLimit
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.twilio import twiml, webhooks
from orchestra.voice.carriers.twilio.websocket import media_stream_endpoint
from orchestra.voice.edge import dial_api
from orchestra.voice.edge.admission import CallAdmission
from orchestra.voice.edge.bearer_auth import RefusalThrottle
from orchestra.voice.edge.calls_api import calls_router
from orchestra.voice.edge.lost_calls import LostCalls
from orchestra.voice.edge.metrics import TurnLatency, metrics
from orchestra.voice.edge.pending_connections import PendingConnections
from orchestra.voice.edge.phrase_cache import Phrase, PhraseCache
from orchestra.voice.edge.reply_dispatcher import ReplyDispatcher

if TYPE_CHECKING:
    from orchestra.voice.engines.factory import Engines

#: few, so that this edge reads little of what is not its own
_HOMES = 2
#: sockets that have not said whose stream they are, for each call that there may be
_PENDING_PER_CALL = 2


class EdgeApp(Protocol):
    """What the edge needs of an `orchestra.App`: its name, and what the edge says by itself."""

    @property
    def name(self) -> str:
        """The app's name."""

    @property
    def version(self) -> str:
        """What stands in the edge's events: the package's version and the app's."""

    @property
    def greeting(self) -> str:
        """The first words of a call."""

    @property
    def holding(self) -> str:
        """Said while the rest of the platform is away."""

    @property
    def apology(self) -> str:
        """Said when the caller's words were lost."""

    @property
    def still_there(self) -> str:
        """Said to a caller who has been silent for long; empty: nothing."""

    @property
    def transfer_failed(self) -> str:
        """Said when no person took the call."""

    @property
    def voicemail(self) -> str:
        """Said to an answering machine; empty: nothing."""

    @property
    def fillers(self) -> Iterable[tuple[str, str]]:
        """What is said while a tool is slow, each with the voice that says it."""


@dataclass(slots=True)
class Edge:
    """What the calls of one process share. ``script`` changes when the app is read anew; running calls keep theirs."""

    settings: Settings
    bus: Bus
    engines: "Engines"
    script: Script
    publisher: Publisher
    tokens: StreamTokens
    admission: CallAdmission
    homes: list[int]
    dispatcher: ReplyDispatcher
    public: twiml.PublicUrl
    lost: LostCalls
    phrase_cache: PhraseCache
    call_index: CarrierCallIndex
    refusals: Refusals
    pending: PendingConnections
    dial_rate: RateLimit
    throttle: RefusalThrottle
    turn_latency: TurnLatency = field(default_factory=TurnLatency)

    def use_app(self, app: EdgeApp) -> None:
        """Begin the calls that come from now on as this version of the app says."""
        self.script = script(self.settings, app)
        self.publisher.version = app.version
        self.phrase_cache.use_phrases(phrases(self.settings, app))

    def script_of(self, parties: Parties, parameters: Mapping[str, str]) -> Script:
        """What the edge says in this call, given the parameters of its stream."""
        if parties.direction == "outbound" and parameters.get("answered_by") == "machine":
            return replace(self.script, consent="", greeting=self.script.voicemail, hangs_up=True)
        return self.script


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


def script(settings: Settings, app: EdgeApp) -> Script:
    """What the edge says and how long it lets a call go on, by app and settings."""
    return Script(
        app=app.name,
        consent=settings.recording_consent.strip(),
        greeting=app.greeting,
        holding=app.holding,
        apology=app.apology,
        still_there=app.still_there,
        transfer_failed=app.transfer_failed,
        voicemail=app.voicemail,
        max_call_s=settings.max_call_s,
        caller_silence_s=settings.caller_silence_s,
    )


def phrases(settings: Settings, app: EdgeApp) -> list[Phrase]:
    """What is said word for word in many calls, each with the voice that says it; nothing where none is kept."""
    if not settings.prerender:
        return []
    return [*((text, "") for text in script(settings, app).phrases), *app.fillers]


def open_edge(settings: Settings, bus: Bus, engines: "Engines", app: EdgeApp) -> Edge:
    """Put the parts of an edge together.

    Raises:
        SettingError: there is no Twilio auth token.

    """
    admission = CallAdmission(settings.max_calls)
    homes = random.sample(range(bus.partitions), k=min(_HOMES, bus.partitions))
    publisher = bus.publisher(settings.edge_name or f"edge-{secrets.token_hex(2)}", version=app.version)
    return Edge(
        settings=settings,
        bus=bus,
        engines=engines,
        script=script(settings, app),
        publisher=publisher,
        tokens=StreamTokens(auth_token_of(settings)),
        admission=admission,
        homes=homes,
        dispatcher=ReplyDispatcher(bus, homes, admission.find),
        public=twiml.PublicUrl(settings.public_url or f"http://{settings.host}:{settings.port}"),
        lost=LostCalls(bus, publisher, admission.find, settings.reconnect_s),
        call_index=CarrierCallIndex(bus),
        refusals=Refusals(),
        pending=PendingConnections(_PENDING_PER_CALL * settings.max_calls),
        dial_rate=RateLimit(settings.dial_per_minute / 60, 60.0, 0.0),
        throttle=RefusalThrottle(),
        phrase_cache=PhraseCache(engines, settings.data_dir / "phrases", phrases(settings, app)),
    )


def create_app(edge: Edge) -> FastAPI:
    """The edge's web application: Twilio's webhooks, the media WebSocket, the calls, ``/healthz``, ``/metrics``."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await edge.dispatcher.start()
        rendering = asyncio.create_task(edge.phrase_cache.run(), name="phrases")
        try:
            yield
        finally:
            rendering.cancel()
            await asyncio.gather(rendering, return_exceptions=True)
            await edge.lost.close()
            await edge.dispatcher.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.state.edge = edge
    app.add_api_route("/healthz", _health, methods=["GET"])
    app.add_api_route("/metrics", _metrics, methods=["GET"])
    app.include_router(calls_router(edge.settings, edge.bus))
    app.include_router(webhooks.router)
    app.add_exception_handler(webhooks.ForeignCallError, webhooks.hang_up)
    app.include_router(dial_api.router)
    app.add_api_websocket_route(twiml.STREAM_PATH, media_stream_endpoint)
    return app


async def _health(request: Request) -> dict[str, object]:
    edge: Edge = request.app.state.edge
    status = "draining" if edge.admission.ending else "ok"
    return {"status": status, "calls": len(edge.admission), "edge": edge.publisher.source}


async def _metrics(request: Request) -> Response:
    edge: Edge = request.app.state.edge
    return Response(page(metrics(edge.admission, edge.publisher, edge.turn_latency)), media_type=CONTENT_TYPE)
