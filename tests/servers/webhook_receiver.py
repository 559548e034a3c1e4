"""A customer's system that receives webhooks: it verifies each with `standardwebhooks`, and can misbehave."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, Self

from standardwebhooks import Webhook, WebhookVerificationError

#: how it treats a request: ``hang`` answers never, ``late`` after a while, ``close`` closes the connection, ``huge``
#: answers without end, a number answers that status
Trouble = Literal["hang", "late", "close", "huge", "redirect"] | int
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LATE_S = 0.3


def _no_trouble(path: str, message: str) -> None:
    """The request is answered as it should be."""


class WebhookReceiver:
    """Receives on a free port of this machine, for as long as the block runs.

    Attributes:
        delivered: the messages that it has accepted, in order of their arrival, repetitions included.
        refused: why it could not verify a request.
        trouble: decides what happens to a request: it takes path and message id, and returns None for no trouble.

    """

    def __init__(self, secret: str = SECRET, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.delivered: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.requests: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.trouble: Callable[[str, str], Trouble | None] = _no_trouble
        self.paths: set[str] = set()
        self.arrived_at: dict[str, float] = {}
        self.answers_after_s = 0.0
        self._webhook = Webhook(secret)
        self._tls = tls
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in list(self._connections):
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            self._server = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}/hooks"

    def once(self) -> list[dict[str, Any]]:
        """What a system has that drops the messages whose id it knows."""
        return list({message["data"]["id"]: message for message in self.delivered}.values())

    async def until(self, done: Callable[[], bool], within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while not done():
                self._arrived.clear()
                await self._arrived.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._request(reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        message = headers.get("webhook-id", "")
        self.requests[message] += 1
        self.paths.add(path)
        self.headers.append(headers)
        trouble = self.trouble(path, message)
        if trouble in {"hang", "late"}:
            self._arrived.set()
            await asyncio.sleep(LATE_S if trouble == "late" else 3600)
        if trouble == "close":
            self._arrived.set()
            return False
        if trouble == "huge":
            writer.write(b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
                await writer.drain()
        status, more = 200, ""
        if trouble == "redirect":
            status, more = 302, f"location: {self.url}/elsewhere\r\n"
        elif isinstance(trouble, int):
            status = trouble
        elif method == "POST":
            try:
                self.delivered.append(self._webhook.verify(body, headers))
                self.arrived_at.setdefault(message, time.time())
                await asyncio.sleep(self.answers_after_s)
            except WebhookVerificationError as error:
                self.refused.append(str(error))
                status = 401
        writer.write(f"HTTP/1.1 {status} Said\r\n{more}content-length: 4\r\n\r\nsaid".encode())
        self._arrived.set()
        return True
