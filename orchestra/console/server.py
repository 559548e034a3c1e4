"""The console's web application: sign-in, pages, the API of each section, ``/healthz`` and ``/metrics``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response
from starlette.middleware.gzip import GZipMiddleware

from orchestra.async_tasks import cancel_and_wait
from orchestra.console.answers import add_error_answers, as_json
from orchestra.console.console import Console
from orchestra.console.open_streams import EndingStreams, OpenStreams
from orchestra.console.operators import Operators
from orchestra.console.pages import add_no_such_page, pages_router
from orchestra.console.roles import Role, requires
from orchestra.console.same_origin import SameOrigin
from orchestra.console.sections import section_routers
from orchestra.console.security_headers import SecurityHeaders
from orchestra.console.sessions import Sessions
from orchestra.console.sign_in import SignIn
from orchestra.prometheus_page import CONTENT_TYPE, gauge, page

_LEAST_COMPRESSED = 1000


def create_app(console: Console) -> FastAPI:
    """The web application of this console. ``app.state.streams`` are its open streams, to be ended before it stops.

    Raises:
        SettingError: the file of tokens cannot be used.

    """
    settings, streams = console.settings, OpenStreams()
    sessions = Sessions(settings.data_dir, settings.console_session_h * 3600, console.clock)
    sign_in = SignIn(settings, Operators(settings), sessions)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running = [asyncio.create_task(each, name="console") for each in (console.start(), streams.watch())]
        try:
            yield
        finally:
            for each in running:
                await cancel_and_wait(each)
            await console.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.state.console, app.state.admission, app.state.streams = console, sign_in, streams
    add_error_answers(app)
    add_no_such_page(app)
    # a long call's events are megabytes of repeating JSON; audio and event streams stay as they are
    app.add_middleware(GZipMiddleware, minimum_size=_LEAST_COMPRESSED, compresslevel=5)
    app.add_middleware(EndingStreams, streams=streams)
    app.add_middleware(SameOrigin, public_url=settings.console_url or "")
    app.add_middleware(SecurityHeaders)  # the last one is the outermost
    app.include_router(_health(console, streams))
    app.include_router(sign_in.routes())
    for router in section_routers(console):
        app.include_router(router)
    app.include_router(pages_router())
    return app


def _health(console: Console, streams: OpenStreams) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, object]:
        return {"status": "ok", "redis": not await console.redis_problem()}

    @router.get("/metrics")
    async def metrics() -> Response:
        """Figures of this process for Prometheus: streams that pages have open, and whether Redis answers."""
        found = [
            gauge(
                "orchestra_console_streams",
                "Event streams and WebSockets that pages have open.",
                ({"kind": "events"}, streams.count("http")),
                ({"kind": "websocket"}, streams.count("websocket")),
            ),
            gauge(
                "orchestra_console_redis_up",
                "Whether the Redis server answers.",
                ({}, float(not await console.redis_problem())),
            ),
        ]
        return Response(page(found), media_type=CONTENT_TYPE)

    @router.get("/api/health", dependencies=[requires(Role.READ)])
    async def health() -> Response:
        problem = await console.redis_problem()
        return as_json({"redis": not problem, "problem": problem})

    return router
