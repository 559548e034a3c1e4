"""The other end of the browser line: what the page does, for programs that call an edge as a page would."""

import asyncio
import contextlib
import json
import socket as sockets
from collections.abc import Callable
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from orchestra.errors import RejectedError, UsageError
from orchestra.voice.carriers.browser import messages

HowEnded = Literal["caller_hung_up", "agent_hung_up", "refused", "cut_off"]

_ANSWER_WITHIN_S = 15.0
_RECONNECTS = 5
#: how long the page looks for an edge that answers, and how often
_TRIES, _BETWEEN_TRIES_S = 20, 0.5
#: of the operating system's own buffer, which would keep seconds of speech while the network stalls
_SEND_BUFFER = 8_192


class Handset(Protocol):
    """Whoever holds the call: has a microphone and a loudspeaker, and is told what the edge says."""

    #: of the audio both ways, in Hz: 8000 or 16000
    sample_rate: Literal[8000, 16000]

    def connected(self, stream: "BrowserLineStream") -> None:
        """From now on the microphone's audio goes there."""

    def disconnected(self) -> None:
        """The stream is gone; what was not played is lost with it."""

    def play(self, samples: bytes) -> None:
        """Play this (signed 16-bit little-endian samples) after what came before."""

    def mark(self, name: str) -> None:
        """Return this mark to the stream once all before it was played."""

    async def clear(self) -> None:
        """Drop what was not played, and return its marks."""

    def caption(self, caption: dict[str, Any]) -> None:
        """Show what is said or done in the call; `captions.py` has the kinds."""

    def announce(self, message: str) -> None:
        """Show what the line itself says: that it is busy, or that the wait goes on."""


class BrowserLineStream:
    """One WebSocket of a call. What is sent once it has broken is lost, as on a broken line."""

    def __init__(self, socket: ClientConnection, handset: Handset) -> None:
        self._socket, self._handset = socket, handset

    async def start(self, step: dict[str, Any]) -> None:
        """Say whose stream it is."""
        named = {name: step[name] for name in ("call", "call_key", "token", "resumed")}
        await self._send(json.dumps({"type": "start", "rate": self._handset.sample_rate, **named}))
        self._handset.connected(self)

    async def run(self) -> None:
        """Handle the edge's messages until either side closes the socket."""
        try:
            with contextlib.suppress(ConnectionClosed):  # the edge is gone: the close code shows it
                async for message in self._socket:
                    await self._take(message)
        finally:
            self._handset.disconnected()
            await self._socket.close()

    async def send_audio(self, samples: bytes, *, skipped_ms: int = 0) -> None:
        """Send audio of the microphone, of which this much before it was dropped."""
        if skipped_ms:
            await self._send(messages.skipped(skipped_ms))
        await self._send(samples)

    async def send_mark(self, name: str) -> None:
        """Return a mark."""
        await self._send(messages.mark(name))

    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""
        await self._send(json.dumps({"type": "digit", "digit": digit}))

    async def hang_up(self) -> None:
        """End the call."""
        await self._send('{"type":"stop"}')
        await self._socket.close()

    async def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._handset.play(message)
            return
        told = json.loads(message)
        match told["type"]:
            case "mark":
                self._handset.mark(told["name"])
            case "clear":
                await self._handset.clear()
            case "caption":
                self._handset.caption(told)
            case other:
                msg = f"the edge sent a {other!r} message, which pages do not know"
                raise RejectedError(msg)

    async def _send(self, message: bytes | str) -> None:
        with contextlib.suppress(ConnectionClosed):  # only `run` reports the end of a stream
            await self._socket.send(message)


class BrowserLineCall:
    """One call to an edge, over as many streams as it takes.

    Args:
        url: the edge's base address, ``http://127.0.0.1:8480``.
        handset: who calls.
        line: what is called.
        key: the widget key, where the edge needs one; then this is a page of the edge's own site.

    Attributes:
        call_key: the edge's key of the call, once it has offered a stream.
        streams: how many streams there were; more than one after a reconnect.
        closed: how the last one was closed: code and reason.

    """

    def __init__(self, url: str, handset: Handset, *, line: str = "", key: str = "") -> None:
        self.url = url.rstrip("/")
        self.call_key = ""
        self.streams = 0
        self.closed = ""
        self._handset = handset
        self._line, self._key = line, key

    async def call(self, begin: Callable[[], asyncio.Future[None]]) -> HowEnded:
        """Make the call, and return when it is over.

        Args:
            begin: called with each stream; returns the conversation. When that is done, the caller hangs up.

        Raises:
            UsageError: no edge answers at the address, or it admits no pages.
            RejectedError: the edge's answer breaks the protocol.

        """
        parts = urlsplit(self.url)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}"} if self._key else {}
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=_ANSWER_WITHIN_S, trust_env=False
        ) as http:
            return await self._follow(http, await self._ask(http), begin)

    async def _ask(self, http: httpx.AsyncClient) -> dict[str, Any]:
        asked = {"rate": self._handset.sample_rate, "line": self._line, "key": self._key}
        try:
            answer = await http.post("/browser/calls", json=asked)
        except httpx.TransportError as error:
            msg = f"no edge answers at {self.url} ({error or type(error).__name__}): start `orchestra up`"
            raise UsageError(msg) from None
        if answer.is_error:
            msg = f"the edge at {self.url} admits no page ({answer.status_code}): {_reason(answer)}"
            raise UsageError(msg)
        return _step(answer)

    async def _follow(
        self, http: httpx.AsyncClient, step: dict[str, Any], begin: Callable[[], asyncio.Future[None]]
    ) -> HowEnded:
        """Do what the edge says, step after step, until the call is over."""
        talk: asyncio.Future[None] | None = None
        while True:
            if step.get("message"):
                self._handset.announce(step["message"])
            tries = 0
            match step["step"]:
                case "connect":
                    connected = step
                    self.call_key = step["call_key"]
                    if await self._hold(step, begin):
                        return "caller_hung_up"
                    talk = begin()
                case "ask_again":
                    await asyncio.sleep(step["after_ms"] / 1000)
                    tries = step["tries"]
                case _:
                    return "agent_hung_up" if self.streams else "refused"
            hung_up = talk is not None and talk.done()
            try:
                step = await _next(http, connected, tries, hung_up=hung_up)
            except httpx.TransportError:
                return "cut_off"
            if hung_up:
                return "caller_hung_up"

    async def _hold(self, step: dict[str, Any], begin: Callable[[], asyncio.Future[None]]) -> bool:
        """Run the conversation over one stream. True: the caller hung up."""
        if self.streams > _RECONNECTS:
            msg = f"the edge asked for {self.streams} reconnects in one call"
            raise RejectedError(msg)
        try:
            socket = await connect(f"{self.url.replace('http', 'ws', 1)}/browser/stream", proxy=None)
        except (OSError, TimeoutError, InvalidHandshake):
            return False  # the edge has gone since it answered: ask what happens next
        self.streams += 1
        socket.transport.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, _SEND_BUFFER)
        stream = BrowserLineStream(socket, self._handset)
        await stream.start(step)
        receiving = asyncio.create_task(stream.run())
        try:
            done, _ = await asyncio.wait({receiving, begin()}, return_when=asyncio.FIRST_COMPLETED)
            if receiving not in done:
                await stream.hang_up()
            await receiving
        finally:
            receiving.cancel()
            self.closed = f"{socket.close_code} {socket.close_reason or ''}".strip()
        return receiving not in done


async def _next(http: httpx.AsyncClient, step: dict[str, Any], tries: int, *, hung_up: bool) -> dict[str, Any]:
    """Ask what happens next, until an edge answers.

    Raises:
        httpx.TransportError: none does.

    """
    asked = {name: step[name] for name in ("call_key", "proof", "stream")} | {"tries": tries, "hung_up": hung_up}
    for _ in range(_TRIES - 1):
        try:
            return _step(await http.post(f"/browser/calls/{step['call']}/next", json=asked))
        except httpx.TransportError:
            await asyncio.sleep(_BETWEEN_TRIES_S)
    return _step(await http.post(f"/browser/calls/{step['call']}/next", json=asked))


def _step(answer: httpx.Response) -> dict[str, Any]:
    with contextlib.suppress(ValueError):  # no JSON: reported like an error
        step = answer.json()
        if not answer.is_error and isinstance(step, dict) and isinstance(step.get("step"), str):
            return step
    msg = f"the edge answered with status {answer.status_code}: {answer.text[:80]!r}"
    raise RejectedError(msg)


def _reason(answer: httpx.Response) -> str:
    try:
        return msgspec.json.decode(answer.content, type=dict[str, str])["error"][:200]
    except (msgspec.DecodeError, KeyError):
        return answer.text[:200]
