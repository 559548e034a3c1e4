"""What the page does, without a browser: it asks for a call, and carries audio and messages over its WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

LOUD = 1_000


@dataclass
class Page:
    """A page with one call; it returns marks as soon as they come."""

    url: str
    rate: int = 16_000
    key: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    step: dict[str, Any] = field(default_factory=dict)
    heard: bytearray = field(default_factory=bytearray)
    captions: list[dict[str, Any]] = field(default_factory=list)
    cleared: int = 0
    socket: ClientConnection | None = None

    async def post(self, path: str, body: object) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, headers=self.headers) as http:
            return await http.post(self.url + path, content=json.dumps(body))

    async def ask(self, **changed: Any) -> httpx.Response:
        answer = await self.post("/browser/calls", {"rate": self.rate, "key": self.key} | changed)
        self.step = answer.json()
        return answer

    async def ask_next(self, **changed: Any) -> httpx.Response:
        body = {name: self.step.get(name, "") for name in ("call_key", "proof", "stream")}
        answer = await self.post(f"/browser/calls/{self.step['call']}/next", body | changed)
        if answer.json().get("step") == "connect":
            self.step = answer.json()
        return answer

    def start(self) -> str:
        fields = {name: self.step[name] for name in ("call", "call_key", "token", "resumed")}
        return json.dumps({"type": "start", "rate": self.rate, **fields})

    @asynccontextmanager
    async def stream(self, begin: str | None = None) -> AsyncIterator[ClientConnection]:
        address = self.url.replace("http", "ws") + "/browser/stream"
        async with connect(address, proxy=None) as socket:
            self.socket = socket
            await socket.send(self.start() if begin is None else begin)
            reading = asyncio.create_task(self._read(socket))
            try:
                yield socket
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                if isinstance(message, bytes):
                    self.heard += message
                    continue
                told = json.loads(message)
                if told["type"] == "mark":
                    await socket.send(message)
                elif told["type"] == "clear":
                    self.cleared += 1
                else:
                    self.captions.append(told)
        except ConnectionClosed:
            pass  # the test sees it at the socket

    async def say(self, samples: bytes) -> None:
        """Send audio at the rate of the clock, in frames of 20 ms."""
        assert self.socket is not None
        size = self.rate // 50 * 2
        for start in range(0, len(samples), size):
            await self.socket.send(samples[start : start + size].ljust(size, b"\0"))
            await asyncio.sleep(0.02)

    def silence(self, seconds: float) -> bytes:
        return bytes(round(seconds * self.rate) * 2)

    def tone(self, seconds: float) -> bytes:
        time = np.arange(round(seconds * self.rate)) / self.rate
        return (8_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16).tobytes()

    @property
    def loudest(self) -> int:
        samples = np.frombuffer(bytes(self.heard), np.int16)
        return int(np.abs(samples.astype(np.int32)).max()) if samples.size else 0

    async def until_captions(self, **fields: Any) -> dict[str, Any]:
        async with asyncio.timeout(45):
            while True:
                for told in self.captions:
                    if all(told.get(name) == value for name, value in fields.items()):
                        return told
                await asyncio.sleep(0.02)
