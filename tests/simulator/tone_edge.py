"""A small edge for the caller's tests: answers with tones, at delays that the test chooses, over the real protocol."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from orchestra.simulator.audio_measure import is_audible
from orchestra.voice.audio.mulaw import Samples, decode, encode

AUTH_TOKEN = "a local token"


def tone(seconds: float, frequency: float = 440.0, amplitude: int = 8000) -> Samples:
    time = np.arange(round(seconds * 8000)) / 8000
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * 8000), dtype=np.int16)


@dataclass
class EdgeSocket:
    """The edge's end of one media stream."""

    socket: WebSocket
    start: dict[str, Any] = field(default_factory=dict)
    received: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.receive_text())
        self.received.append(message)
        return message

    async def open(self) -> None:
        await self.receive()
        self.start = (await self.receive())["start"]

    async def send(self, event: str, **body: Any) -> None:
        await self.socket.send_text(json.dumps({"event": event, "streamSid": self.start["streamSid"]} | body))

    async def play(self, samples: Samples) -> None:
        await self.send("media", media={"payload": base64.b64encode(encode(samples)).decode()})

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})

    async def until_heard(self, audible: bool) -> None:
        """Return as the first frame arrives that is (not) audible."""
        while True:
            message = await self.receive()
            if message["event"] == "media" and is_audible(_samples(message)) is audible:
                return

    async def until_mark(self) -> str:
        while (message := await self.receive())["event"] != "mark":
            pass
        name: str = message["mark"]["name"]
        return name

    async def until_hung_up(self) -> None:
        while (await self.receive())["event"] != "stop":
            pass


def _samples(message: dict[str, Any]) -> Samples:
    return decode(base64.b64decode(message["media"]["payload"]))


Behaviour = Callable[[EdgeSocket], Awaitable[None]]


@dataclass
class ToneEdge:
    """Answers calls with one behaviour a stream, and with these documents when a stream has ended."""

    behaviours: list[Behaviour]
    after_stream: list[str] = field(default_factory=lambda: ["<Response><Hangup/></Response>"])
    first: str = ""
    url: str = ""
    sockets: list[EdgeSocket] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)

    @property
    def connect(self) -> str:
        stream = (
            f'<Stream url="{self.url.replace("http", "ws")}/twilio/stream"><Parameter name="token" value="t"/></Stream>'
        )
        return f'<Response><Connect action="{self.url}/twilio/after-stream?call=1">{stream}</Connect></Response>'

    def app(self) -> FastAPI:
        app = FastAPI()
        app.post("/twilio/voice")(self._voice)
        app.post("/twilio/after-stream")(self._after_stream)
        app.websocket("/twilio/stream")(self._stream)
        return app

    async def _signed(self, request: Request) -> bool:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        self.forms.append(form)
        signature = request.headers["X-Twilio-Signature"]
        return bool(RequestValidator(AUTH_TOKEN).validate(str(request.url), form, signature))

    async def _voice(self, request: Request) -> Response:
        if not await self._signed(request):
            return Response(status_code=403)
        return Response(self.first or self.connect, media_type="text/xml")

    async def _after_stream(self, request: Request) -> Response:
        assert await self._signed(request)
        return Response(self.after_stream.pop(0) or self.connect, media_type="text/xml")

    async def _stream(self, websocket: WebSocket) -> None:
        await websocket.accept()
        socket = EdgeSocket(websocket)
        self.sockets.append(socket)
        await socket.open()
        try:
            await self.behaviours[len(self.sockets) - 1](socket)
        except WebSocketDisconnect:
            return
        await websocket.close()


@asynccontextmanager
async def serving(edge: ToneEdge) -> AsyncIterator[ToneEdge]:
    """The edge on a free port, gone after the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(edge.app(), log_level="error", lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        edge.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield edge
        finally:
            server.should_exit = True
            await serving
