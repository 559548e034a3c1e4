"""An attacker's means: sockets and a proxy's log, but no secret. And the caller who must get through."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from orchestra.simulator.phone_line import PhoneLine
from orchestra_schemas import ReplySpoken
from tests.voice.edges import AUTH_TOKEN, RunningEdge

CONNECTED = json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})


@dataclass(frozen=True)
class Captured:
    """A webhook as a proxy logs it: its address, its body, and the carrier's signature over both."""

    target: str
    body: bytes
    signature: str

    @classmethod
    def of(cls, running: RunningEdge, target: str, **form: str) -> "Captured":
        """The carrier's request to this address."""
        signature = RequestValidator(AUTH_TOKEN).compute_signature(running.url + target, form)
        return cls(target, urlencode(form).encode(), signature)


def incoming(running: RunningEdge, sid: str, **more: str) -> Captured:
    form = {"CallSid": sid, "From": "+15550001", "To": "+15550100", "CallStatus": "ringing", **more}
    return Captured.of(running, "/twilio/voice", **form)


async def send(running: RunningEdge, captured: Captured, target: str = "", body: bytes = b"") -> tuple[int, str]:
    """Send it byte for byte, elsewhere or with another body if given; returns status and body of the answer."""
    host, port = urlsplit(running.url).hostname, urlsplit(running.url).port
    reader, writer = await asyncio.open_connection(host, port)
    content = body or captured.body
    head = (
        f"POST {target or captured.target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(content)}\r\n"
        f"X-Twilio-Signature: {captured.signature}\r\n\r\n"
    )
    writer.write(head.encode("latin-1") + content)
    async with asyncio.timeout(60):
        answer = (await reader.read()).decode()
    writer.close()
    status, _, rest = answer.partition("\r\n")
    return int(status.split()[1]), rest.partition("\r\n\r\n")[2]


def parameters_of(twiml: str) -> dict[str, str]:
    """The parameters of the stream that a TwiML document connects to; empty if it connects to none."""
    return dict(re.findall(r'<Parameter name="([^"]+)" value="([^"]*)"', twiml))


def start_message(sid: str, parameters: dict[str, str], stream: str = "MZ666") -> str:
    start = {"streamSid": stream, "callSid": sid, "customParameters": parameters}
    return json.dumps({"event": "start", "streamSid": stream, "start": start})


@asynccontextmanager
async def stream_of(running: RunningEdge, sid: str, parameters: dict[str, str]) -> AsyncIterator[ClientConnection]:
    async with connect(running.url.replace("http", "ws") + "/twilio/stream", proxy=None) as socket:
        await socket.send(CONNECTED)
        await socket.send(start_message(sid, parameters))
        yield socket


async def closed_with(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(60):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def a_caller_gets_through(running: RunningEdge) -> None:
    """A caller rings, and hears the whole greeting."""

    async def listen(line: PhoneLine) -> None:
        assert await line.until(lambda: line.agent_audible_s > 0.15, 60)
        await running.event(ReplySpoken, turn=0)

    ending = await running.call(listen)
    assert (ending.how, ending.streams) == ("caller_hung_up", 1)
