"""Server-sent events (WHATWG HTML, 9.2): what a page follows live."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
from fastapi import Response
from fastapi.responses import StreamingResponse

#: proxies end a connection on which nothing comes for a minute, often less
_KEEP_ALIVE_S = 15.0
_KEEP_ALIVE = b": still here\n\n"
_RECONNECT_AFTER = b"retry: 1000\n\n"
#: streams that are about to end; the event loop itself keeps no task alive
_ENDING: set["asyncio.Future[None]"] = set()


def message(data: Any, event: str = "", event_id: str = "") -> bytes:
    """A message with this data as JSON (`msgspec.Raw` is JSON already), of this type, from which a reader can go on."""
    head = f"event: {event}\n" * bool(event) + f"id: {event_id}\n" * bool(event_id)
    return b"%bdata: %b\n\n" % (head.encode(), msgspec.json.encode(data))


def event_stream(messages: AsyncIterator[bytes]) -> Response:
    """An answer that goes on as long as these messages, with a sign of life while there are none."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_alive(messages), headers=headers, media_type="text/event-stream")


async def _alive(messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    following: asyncio.Future[bytes | None] | None = None
    try:
        yield _RECONNECT_AFTER
        while True:
            following = following or asyncio.ensure_future(anext(messages, None))
            await asyncio.wait([following], timeout=_KEEP_ALIVE_S)
            if not following.done():
                yield _KEEP_ALIVE
            elif (ready := following.result()) is None:
                return
            else:
                following = None
                yield ready
    finally:
        # a reader that goes away has this task cancelled again and again: what closes connections must not be
        ending = asyncio.ensure_future(_end(following, messages))
        _ENDING.add(ending)
        ending.add_done_callback(_ENDING.discard)
        await asyncio.shield(ending)


async def _end(following: "asyncio.Future[bytes | None] | None", messages: AsyncIterator[bytes]) -> None:
    if following is not None:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    if isinstance(messages, AsyncGenerator):
        await messages.aclose()
