"""The WebSocket of a page that listens to a running call."""

import asyncio
import contextlib

import msgspec
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from orchestra.bus import Bus, keys
from orchestra.bus.stream.subscription import Subscription
from orchestra.console.steering.attendance import Departure
from orchestra.console.steering.sound import ListenQueue
from orchestra.recordings.audio_chunks import audio_of
from orchestra_schemas import CallEnded, tag_of

_ENDED = tag_of(CallEnded)
#: journal and media are two streams: the last audio may come after the event that ends the call
_LAST_AUDIO_WITHIN_S = 0.5
_NORMAL = 1000


def live_audio(bus: Bus, call: str) -> Subscription:
    """The call's audio from now on, and what says that the call is over."""
    return bus.follow([keys.partition_of(call)], streams=(keys.MEDIA, keys.JOURNAL))


async def serve_listener(websocket: WebSocket, entries: Subscription, call: str, departure: Departure) -> None:
    """Send the call's audio from now on until the call or the socket ends. The socket is accepted already.

    Binary messages are frames of `orchestra.console.steering.sound`. Texts are JSON: ``{"type": "listening"}`` before
    the first frame, ``{"type": "dropped", "ms": 200}`` where a page was too slow, ``{"type": "ended"}`` after the call.
    """
    queue = ListenQueue()
    parts = [
        asyncio.create_task(_fill(queue, entries, call), name=f"listen {call}"),
        asyncio.create_task(_send(websocket, queue, departure), name=f"listener {call}"),
        asyncio.create_task(_until_closed(websocket, departure), name=f"listener's end {call}"),
    ]
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


async def _fill(queue: ListenQueue, entries: Subscription, call: str) -> None:
    ending: asyncio.TimerHandle | None = None
    async for entry in entries:
        if entry.call != call:
            continue
        if entry.type == _ENDED and entry.stream == keys.JOURNAL and ending is None:
            ending = asyncio.get_running_loop().call_later(_LAST_AUDIO_WITHIN_S, queue.end)
        elif (chunk := audio_of(entry, call, heard=True)) is not None:
            queue.put(chunk)


async def _send(websocket: WebSocket, queue: ListenQueue, departure: Departure) -> None:
    told_ms = 0
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):  # the page is gone
        await websocket.send_text('{"type":"listening"}')
        while (frame := await queue.get()) is not None:
            if queue.dropped_ms > told_ms:
                dropped_ms, told_ms = queue.dropped_ms - told_ms, queue.dropped_ms
                await websocket.send_text(msgspec.json.encode({"type": "dropped", "ms": dropped_ms}).decode())
            await websocket.send_bytes(frame)
        departure.reason = "call over"
        await websocket.send_text('{"type":"ended"}')
        await websocket.close(_NORMAL)


async def _until_closed(websocket: WebSocket, departure: Departure) -> None:
    """Whatever the page sends is ignored: it only listens."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            if message.get("code") == _NORMAL and departure.reason != "call over":
                departure.reason = "closed"
            return
