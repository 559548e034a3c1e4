"""One call's stream at Vonage: what is sent is whole frames, and a mark comes back once."""

import asyncio
import json
from typing import Any, cast

import pytest
from fastapi import WebSocket
from starlette.websockets import WebSocketState

from orchestra.errors import StreamLostError
from orchestra.voice.carriers.media_socket import MediaSocket
from orchestra.voice.carriers.port import CallControl, MarkReturned, StreamStopped
from orchestra.voice.carriers.vonage.websocket import VonageStream

FRAME = 640


class Socket:
    """The server's side of a WebSocket, as far as a stream uses it."""

    application_state = WebSocketState.CONNECTED

    def __init__(self) -> None:
        self.sent: list[bytes | str] = []
        self.come: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive(self) -> dict[str, Any]:
        return await self.come.get()

    async def send_bytes(self, data: bytes) -> None:
        self.sent.append(data)

    async def send_text(self, data: str) -> None:
        self.sent.append(data)

    def notified(self, mark: str) -> None:
        self.come.put_nowait({"type": "websocket.receive", "text": _notify("event", "websocket:notify", mark)})


def _notify(kind: str, name: str, mark: str) -> str:
    return json.dumps({kind: name, "payload": {"mark": mark}})


def opened() -> tuple[Socket, VonageStream]:
    socket = Socket()
    return socket, VonageStream(MediaSocket(cast("WebSocket", socket), cast("CallControl", None)), 16_000)


async def test_audio_of_any_length_is_sent_in_frames_and_the_last_is_filled_before_a_mark() -> None:
    socket, stream = opened()
    for size in (100, 1200, 2, 640):
        assert await stream.send_audio(b"\1" * size)
    assert socket.sent == [b"\1" * FRAME] * 3
    await stream.send_mark("end")
    assert socket.sent[3:] == [b"\1" * 22 + b"\0" * (FRAME - 22), _notify("action", "notify", "end")]


async def test_what_is_cleared_is_not_sent_later() -> None:
    socket, stream = opened()
    await stream.send_audio(b"\1" * 100)
    await stream.clear()
    await stream.send_audio(b"\2" * FRAME)
    assert socket.sent == ['{"action":"clear"}', b"\2" * FRAME]


async def test_a_mark_comes_back_when_its_audio_is_cleared_and_not_a_second_time() -> None:
    socket, stream = opened()
    for mark in ("one", "two"):
        await stream.send_mark(mark)
    socket.notified("one")
    assert await stream.receive() == MarkReturned("one")
    await stream.clear()
    assert await stream.receive() == MarkReturned("two")
    await stream.send_mark("three")
    for mark in ("two", "one", "three"):  # late, repeated, due
        socket.notified(mark)
    assert await stream.receive() == MarkReturned("three")


async def test_a_close_is_a_hang_up_and_a_broken_connection_is_none() -> None:
    socket, stream = opened()
    socket.come.put_nowait({"type": "websocket.disconnect", "code": 1000})
    assert await stream.receive() == StreamStopped()
    socket.come.put_nowait({"type": "websocket.disconnect", "code": 1006})
    with pytest.raises(StreamLostError):
        await stream.receive()
