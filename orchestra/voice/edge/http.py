"""The edge's web application: its carriers' routes, the calls, ``/healthz``, ``/readyz`` and ``/metrics``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from orchestra.bus.worker.presence import Report, announced
from orchestra.prometheus_page import CONTENT_TYPE, page
from orchestra.voice.edge import dial_api
from orchestra.voice.edge.absent_listeners import AbsentListeners
from orchestra.voice.edge.call_control import EdgeCallControl
from orchestra.voice.edge.calls_api import calls_router
from orchestra.voice.edge.edge import Edge
from orchestra.voice.edge.metrics import metrics, report


def create_app(edge: Edge) -> FastAPI:
    """The web application of this edge."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await edge.dispatcher.start()
        await edge.splits.read()

        def reporting() -> Report:
            return report(edge.admission, edge.publisher, edge.answering)

        listeners = AbsentListeners(edge.bus, edge.publisher, lambda: edge.admission.running)
        running = [
            asyncio.create_task(edge.phrase_cache.run(), name="phrases"),
            asyncio.create_task(listeners.run(), name="listeners"),
            asyncio.create_task(edge.homes.keep_open(edge.dispatcher.follow), name="homes"),
        ]
        try:
            async with announced(edge.bus, "edge", edge.publisher.source, reporting):
                yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await edge.lost.close()
            await edge.dispatcher.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.state.edge = edge
    app.add_api_route("/healthz", _health, methods=["GET"])
    app.add_api_route("/readyz", _ready, methods=["GET"])
    app.add_api_route("/metrics", _metrics, methods=["GET"])
    app.include_router(calls_router(edge.settings, edge.bus))
    app.include_router(dial_api.router)
    app.include_router(edge.hold_music.routes())
    for carrier in edge.carriers:
        app.include_router(carrier.routes(EdgeCallControl(edge)))
    return app


async def _health(request: Request) -> dict[str, object]:
    edge: Edge = request.app.state.edge
    status = "draining" if edge.admission.ending else "ok"
    return {"status": status, "calls": len(edge.admission), "edge": edge.publisher.source}


async def _ready(request: Request, response: Response) -> dict[str, bool]:
    """Whether a proxy may send new calls here; a full edge answers them busy, and still those who ask about theirs."""
    edge: Edge = request.app.state.edge
    ready = not edge.admission.ending
    response.status_code = 200 if ready else 503
    return {"takes_calls": ready}


async def _metrics(request: Request) -> Response:
    edge: Edge = request.app.state.edge
    found = metrics(edge.admission, edge.publisher, edge.turn_latency, edge.engines.looks)
    return Response(page(found), media_type=CONTENT_TYPE)
