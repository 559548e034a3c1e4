"""The doors of an edge: webhooks, the calls over HTTP, the media sockets. Raw clients against a real server."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallEnded, CallStarted, ReplySpoken, UserTurnEnded
from orchestra_workers.persistence import consumer as persistence
from tests.attacks.wire import CONNECTED, Captured, a_caller_gets_through, incoming, parameters_of, send, start_message
from tests.fuzz import odd
from tests.fuzz.run import Outcome
from tests.servers.twilio import TwilioServer
from tests.voice.edges import AUTH_TOKEN, RunningEdge, running_edge

_ANSWERED_WITHIN_S = 60.0
_TOKEN, _DIAL_TOKEN = "t" * 40, "d" * 40
#: media messages per socket
_MESSAGES = 40


class _OnEdge:
    at_once = 16

    def __init__(self, running: RunningEdge) -> None:
        self.running = running
        self._pool: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def beside(self) -> None:
        await a_caller_gets_through(self.running)

    async def idle(self) -> None:
        for _, writer in self._pool:
            writer.close()
        self._pool.clear()
        while len(self.running.edge.admission):  # noqa: ASYNC110 - there is no event for the end of a call
            await asyncio.sleep(0.05)
        before = -1
        while before != (before := len(asyncio.all_tasks())):  # noqa: ASYNC110 - closing tasks end by themselves
            await asyncio.sleep(1.0)

    async def exchanged(self, request: bytes) -> int:
        """Send a request on an open connection or a new one; returns the status, 0 if the connection was closed."""
        port = self.running.edge.settings.port
        for fresh in (False, True):
            reader, writer = (
                self._pool.pop() if self._pool and not fresh else await asyncio.open_connection("127.0.0.1", port)
            )
            try:
                async with asyncio.timeout(_ANSWERED_WITHIN_S):
                    writer.write(request)
                    writer.write_eof() if fresh and b"\r\n\r\n" not in request else None
                    head = await reader.readuntil(b"\r\n\r\n")
                    status = int(head.split(b" ", 2)[1])
                    length = _length(head)
                    if length is None:
                        writer.close()
                    else:
                        await reader.readexactly(length)
                        self._pool.append((reader, writer))
                    return status
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
        return 0


def _length(head: bytes) -> int | None:
    """Length of the body, where the connection stays open after it."""
    lines = head.lower().split(b"\r\n")
    if b"connection: close" in lines:
        return None
    lengths = [line.partition(b":")[2] for line in lines if line.startswith(b"content-length:")]
    return int(lengths[0]) if lengths else 0 if b" 204 " in lines[0] or b" 304 " in lines[0] else None


def _request(method: str, target: str, body: bytes, *headers: tuple[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


_FORM = {
    "CallSid": "CA" + "0" * 32, "From": "+15550001", "To": "+15550100", "CallStatus": "ringing", "Direction": "inbound",
    "AccountSid": "AC1", "AnsweredBy": "human", "DialCallStatus": "completed", "Digits": "1", "StreamSid": "MZ1",
    "SequenceNumber": "3", "CallDuration": "5", "CallerName": "Ann", "DialCallSid": "CA2",
}  # fmt: skip
_HOOKS = ("voice", "after-stream", "whisper", "accept", "after-dial", "machine", "status", "stream", "nothing")
_QUERIES = ("call", "stream", "step", "target", "direction", "token", "leg")


class Webhooks(_OnEdge):
    """Forms to every webhook: signed correctly, incorrectly or not at all."""

    async def take(self, _: int, chance: random.Random) -> Outcome:
        target = f"/twilio/{chance.choice(_HOOKS)}"
        if chance.random() < 0.5:
            given = {chance.choice(_QUERIES): odd.text(chance) for _ in range(chance.randint(1, 3))}
            target += "?" + (urlencode(given) if chance.random() < 0.7 else quote(str(given), safe="#&=?/;+'"))
        form = {name: text for name, text in _FORM.items() if chance.random() < 0.8}
        form["CallSid"] = f"CA{chance.randrange(50):032d}"
        for _ in range(chance.randrange(4)):
            form[chance.choice([*_FORM, odd.text(chance)])] = odd.text(chance)
        asked = Captured.of(self.running, target, **{str(name): str(text) for name, text in form.items()})
        body = odd.corrupted(asked.body, chance) if chance.random() < 0.1 else asked.body
        signature = (
            asked.signature if chance.random() < 0.8 else chance.choice(["", "x", asked.signature[:-2], "é" * 9])
        )
        kind = chance.choice(
            ["application/x-www-form-urlencoded"] * 8 + ["application/json", "multipart/form-data; boundary=x"]
        )
        request = _request("POST", target, body, ("Content-Type", kind), ("X-Twilio-Signature", signature))
        if chance.random() < 0.05:
            request = odd.corrupted(request, chance)
            await self._broken(request)
            return Outcome(1, 0)
        status = await self.exchanged(request)
        assert status < 500 or status == 503, f"{status} for {request!r}"
        return Outcome(1, int(200 <= status < 400))

    async def _broken(self, request: bytes) -> None:
        """Data that is not HTTP, on a connection of its own that the client abandons; any answer will do."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.running.edge.settings.port)
        with suppress(ConnectionError):
            writer.write(request)
            writer.write_eof()
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                answer = await reader.read()
            assert b"HTTP/1.1 500" not in answer, f"500 for {request!r}"
        writer.close()


_CALL = "07-01a21f15-f9eb-7000-8000-000000000000"


class Rest(_OnEdge):
    """Requests for records, recordings, links and outgoing calls. The ids in ``calls`` exist."""

    def __init__(self, running: RunningEdge, calls: list[str]) -> None:
        super().__init__(running)
        self._calls = [*calls * 3, _CALL, running.bus.call()]

    async def take(self, _: int, chance: random.Random) -> Outcome:
        token = chance.choice([_TOKEN] * 200 + [_DIAL_TOKEN])
        headers = [("Authorization", f"Bearer {token}")]
        body = b""
        if chance.random() < 0.3:
            method, target = "POST", "/calls"
            headers[0] = ("Authorization", f"Bearer {chance.choice([_DIAL_TOKEN] * 200 + [_TOKEN])}")
            body = odd.dumped(odd.mutated({"to": "+15550001"}, chance), chance)
        else:
            method = chance.choice(["GET"] * 8 + ["HEAD", "PUT", "DELETE", "OPTIONS"])
            call = chance.choice([*self._calls, odd.text(chance)])
            target = chance.choice(
                [
                    "/calls",
                    f"/calls/{quote(call, safe='')}",
                    f"/calls/{quote(call, safe='')}/recording",
                    "/metrics",
                    "/healthz",
                    f"/{quote(odd.text(chance), safe='/?&#=')}",
                ]
            )
            names = ["limit", "before", "after", "caller", "since", "key"]
            names += ["expires", "signature"] if chance.random() < 0.005 else []  # wrong guesses are delayed
            given = {chance.choice(names): odd.text(chance) for _ in range(chance.randrange(3))}
            target += "?" + urlencode(given) if given else ""
            if chance.random() < 0.3:
                headers.append(
                    (
                        "Range",
                        chance.choice(
                            ["bytes=0-", "bytes=-1", "bytes=5-2", "bytes=0-0,2-3", f"bytes={odd.text(chance)}"]
                        ),
                    )
                )
        if chance.random() < 0.1:
            headers.append((chance.choice(["X-Forwarded-For", "Accept", "If-Range", "X-A"]), odd.text(chance)))
        headers = [(name, text.replace("\r", "").replace("\n", "")) for name, text in headers]
        request = _request(method, target, body, *headers)
        status = await self.exchanged(request) if method != "HEAD" else 200
        assert status < 500 or status in {502, 503}, f"{status} for {request!r}"
        return Outcome(1, int(200 <= status < 400 or status == 416))


_MEDIA = {"event": "media", "streamSid": "MZ1", "media": {"track": "inbound", "timestamp": "5", "payload": "f39/fw=="}}
_GOOD = [
    _MEDIA, _MEDIA, _MEDIA,
    {"event": "mark", "streamSid": "MZ1", "mark": {"name": "1.0"}},
    {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "5"}},
    {"event": "connected", "protocol": "Call", "version": "1.0.0"},
]  # fmt: skip


class Sockets(_OnEdge):
    """Messages on media sockets, one per input: during a call, and before there is one."""

    at_once = 16

    async def take(self, number: int, chance: random.Random) -> Outcome:
        sid = f"CA{number:032d}"
        parameters: dict[str, str] = {}
        if chance.random() < 0.85:
            status, twiml = await send(self.running, incoming(self.running, sid))
            assert status == 200, status
            parameters = parameters_of(twiml)
        url = self.running.url.replace("http", "ws") + "/twilio/stream"
        messages, begun = self._messages(sid, parameters, chance)
        sent: list[Any] = []
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S), connect(url, proxy=None, close_timeout=20) as socket:
                for message in messages:
                    sent.append(message)
                    await socket.send(message)
                await socket.close()
                assert socket.close_code != 1011, f"an internal error after {sent!r}"
        except WebSocketException as error:
            closed = getattr(error, "rcvd", None)
            assert closed is None or closed.code != 1011, f"an internal error after {sent!r}"
        return Outcome(len(sent), len(sent) if begun else 0)

    def _messages(self, sid: str, parameters: dict[str, str], chance: random.Random) -> tuple[list[str | bytes], bool]:
        """The messages of a socket, and whether they start a call."""
        start = json.loads(start_message(sid, parameters, "MZ1"))
        messages: list[str | bytes] = [CONNECTED]
        begun = bool(parameters) and chance.random() < 0.8
        messages.append(json.dumps(start if begun else odd.mutated(start, chance)))
        for _ in range(chance.randrange(_MESSAGES)):
            good = chance.choice(_GOOD)
            whole = (
                json.dumps(good)
                if chance.random() < 0.4
                else odd.dumped(odd.mutated(good, chance), chance).decode("utf-8", "replace")
            )
            messages.append(whole.encode() if chance.random() < 0.02 else whole)
        if chance.random() < 0.3:
            messages.append(json.dumps({"event": "stop", "streamSid": "MZ1", "stop": {"callSid": sid}}))
        return messages, begun


async def _recorded_call(bus: TestBus) -> str:
    """A finished call with a record and a recording."""
    call = bus.call()
    async with bus.run(persistence):
        await bus.publish(
            CallStarted(call=call, from_number="+15550001"),
            UserTurnEnded(call=call, turn=1, text="hello"),
            ReplySpoken(call=call, turn=1, text="good day"),
            AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\x01\x02" * 1600),
            CallEnded(call=call, reason="caller_hung_up", duration_s=5.0, audio_ms=200),
        )
        await bus.settled()
    return call


@asynccontextmanager
async def _edge(folder: Path, kind: type[_OnEdge]) -> AsyncIterator[_OnEdge]:
    server = EmbeddedServer(folder)
    await server.start()
    settings = Settings(redis_url=server.url, data_dir=folder / "data")
    account = TwilioServer("AC1", AUTH_TOKEN)
    bus = await Bus.connect(settings)
    changed = {
        "max_calls": 5000, "reconnect_s": 0.1, "api_token": SecretStr(_TOKEN), "dial_token": SecretStr(_DIAL_TOKEN),
        "dial_prefixes": "+1555", "dial_per_minute": 100_000, "twilio_account_sid": "AC1", "twilio_number": "+15550100",
    }  # fmt: skip
    try:
        async with account, running_edge(TestBus(bus), settings, twilio_api_url=account.url, **changed) as running:
            yield Rest(running, [await _recorded_call(running.bus)]) if kind is Rest else kind(running)
    finally:
        await bus.close()
        await server.stop()


def webhooks(folder: Path) -> Any:
    """The carrier's webhooks."""
    return _edge(folder, Webhooks)


def rest(folder: Path) -> Any:
    """The HTTP API for calls."""
    return _edge(folder, Rest)


def sockets(folder: Path) -> Any:
    """The media sockets."""
    return _edge(folder, Sockets)
