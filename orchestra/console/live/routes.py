"""The API of the live page."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Response

from orchestra.console.console import Console
from orchestra.console.event_stream import event_stream
from orchestra.console.live.follower import Live
from orchestra.console.roles import Role, requires


def router(console: Console) -> APIRouter:
    """``/api/live``: the calls that run and, with ``?call=``, the words of one of them, as a stream of events."""
    routes, live = APIRouter(), Live(console.clock)
    console.while_connected("live", live.run)

    @routes.get("/api/live", dependencies=[requires(Role.READ)])
    async def follow(call: str = "") -> Response:
        return event_stream(_messages(live, call))

    return routes


async def _messages(live: Live, call: str) -> AsyncIterator[bytes]:
    viewer = live.watch(call)
    try:
        async for ready in viewer.messages():
            yield ready
    finally:
        live.viewers.remove(viewer)
