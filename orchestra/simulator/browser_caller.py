"""A simulated caller at the browser line: does what the edge's page does, with a `PhoneLine` for the loudspeaker."""

import asyncio
import contextlib
import json
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from orchestra.errors import RejectedError, UsageError
from orchestra.simulator.caller import CallerBehaviour, CallOutcome, HowEnded, LiveConversation
from orchestra.simulator.phone_line import PhoneLine
from orchestra.voice.audio import mulaw

_ANSWER_WITHIN_S = 15.0
_RECONNECTS = 5
#: how long the page looks for an edge that answers, and how often
_TRIES, _BETWEEN_TRIES_S = 20, 0.5


class BrowserCaller:
    """One simulated page of one edge, for one call, at 8 kHz.

    Args:
        url: the edge's base address, ``http://127.0.0.1:8480``.
        line: what is called.

    """

    def __init__(self, url: str, *, line: str = "") -> None:
        self.url = url.rstrip("/")
        self._called = line
        self._messages: list[str] = []
        self._streams = 0
        self._closed = ""

    async def call(self, line: PhoneLine, conversation: CallerBehaviour) -> CallOutcome:
        """Make the call over this line, run the conversation in it, and return when the call is over.

        Raises:
            UsageError: no edge answers at the address, or it admits no pages.
            RejectedError: the edge's answer breaks the protocol.

        """
        try:
            async with httpx.AsyncClient(base_url=self.url, timeout=_ANSWER_WITHIN_S, trust_env=False) as http:
                step = await self._begin(http)
                async with asyncio.TaskGroup() as tasks:
                    how = await self._follow(http, step, LiveConversation(tasks, line, conversation))
                    line.end()
        except ExceptionGroup as group:
            # The tasks of a call end together; the first error is the reason.
            raise group.exceptions[0] from None
        return CallOutcome(how, announcements=tuple(self._messages), streams=self._streams, closed=self._closed)

    async def _begin(self, http: httpx.AsyncClient) -> dict[str, Any]:
        try:
            answer = await http.post("/browser/calls", json={"rate": mulaw.SAMPLE_RATE, "line": self._called})
        except httpx.TransportError as error:
            msg = f"no edge answers at {self.url} ({error or type(error).__name__}): start `orchestra up`"
            raise UsageError(msg) from None
        if answer.is_error:
            msg = f"the edge at {self.url} admits no page ({answer.status_code}): {answer.text[:200]}"
            raise UsageError(msg)
        return _step(answer)

    async def _follow(self, http: httpx.AsyncClient, step: dict[str, Any], talk: LiveConversation) -> HowEnded:
        """Do what the edge says, step after step, until the call is over."""
        while True:
            if step.get("message"):
                self._messages.append(step["message"])
            tries = 0
            match step["step"]:
                case "connect":
                    if await self._hold(step, talk):
                        return "caller_hung_up"
                    connected = step
                case "ask_again":
                    await asyncio.sleep(step["after_ms"] / 1000)
                    tries = step["tries"]
                case _:
                    return "agent_hung_up" if self._streams else "refused"
            try:
                step = await _next(http, connected, tries)
            except httpx.TransportError:
                return "cut_off"

    async def _hold(self, step: dict[str, Any], talk: LiveConversation) -> bool:
        """Run the conversation over one stream. True: the caller hung up."""
        if self._streams > _RECONNECTS:
            msg = f"the edge asked for {self._streams} reconnects in one call"
            raise RejectedError(msg)
        try:
            socket = await connect(f"{self.url.replace('http', 'ws', 1)}/browser/stream", proxy=None)
        except (OSError, TimeoutError, InvalidHandshake):
            return False  # the edge has gone since it answered: ask what happens next
        self._streams += 1
        stream = _Stream(socket, talk.line)
        await stream.start(step)
        receiving = asyncio.create_task(stream.run())
        try:
            done, _ = await asyncio.wait({receiving, talk.begin()}, return_when=asyncio.FIRST_COMPLETED)
            if receiving not in done:
                await stream.hang_up()
            await receiving
        finally:
            receiving.cancel()
            self._closed = f"{socket.close_code} {socket.close_reason or ''}".strip()
        return receiving not in done


class _Stream:
    """The page's side of one WebSocket."""

    def __init__(self, socket: ClientConnection, line: PhoneLine) -> None:
        self._socket, self._line = socket, line

    async def start(self, step: dict[str, Any]) -> None:
        named = {name: step[name] for name in ("call", "call_key", "token", "resumed")}
        await self._send({"type": "start", "rate": mulaw.SAMPLE_RATE, **named})
        self._line.stream = self

    async def run(self) -> None:
        """Handle the edge's messages until either side closes the socket."""
        try:
            with contextlib.suppress(ConnectionClosed):  # the edge is gone: the close code shows it
                async for message in self._socket:
                    await self._take(message)
        finally:
            self._line.stream = None
            if not self._line.ended:
                self._line.breaks_s.append(self._line.now_s)
            self._line.playout.clear()  # audio that is not played yet is lost with its stream
            await self._socket.close()

    async def send_audio(self, frame: bytes) -> None:
        """Send one frame of the caller's audio (µ-law)."""
        await self._send(mulaw.decode(frame).tobytes())

    async def send_mark(self, name: str) -> None:
        """Return a mark."""
        await self._send({"type": "mark", "name": name})

    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""
        await self._send({"type": "digit", "digit": digit})

    async def hang_up(self) -> None:
        """End the call as the page does."""
        await self._send({"type": "stop"})
        await self._socket.close()

    async def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._line.playout.put(mulaw.encode(np.frombuffer(message, np.int16)))
            return
        told = json.loads(message)
        match told["type"]:
            case "mark":
                self._line.playout.mark(told["name"])
            case "clear":
                await self._line.clear()
            case "caption":
                pass  # the page shows it
            case other:
                msg = f"the edge sent a {other!r} message, which pages do not know"
                raise RejectedError(msg)

    async def _send(self, message: bytes | dict[str, Any]) -> None:
        try:
            await self._socket.send(message if isinstance(message, bytes) else json.dumps(message))
        except ConnectionClosed:
            # Only `run` reports the end of a stream: what is sent until then is lost, as on a broken line.
            self._line.stream = None


async def _next(http: httpx.AsyncClient, step: dict[str, Any], tries: int) -> dict[str, Any]:
    """Ask what happens next, until an edge answers.

    Raises:
        httpx.TransportError: none does.

    """
    asked = {name: step[name] for name in ("call_key", "proof", "stream")} | {"tries": tries}
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
