"""Idle and unfinished connections keep no caller out."""

import asyncio
import contextlib
import os
import re
import socket
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect

from orchestra.settings import Settings
from orchestra.simulator.caller import Caller
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge.edge import open_edge
from orchestra.voice.edge.http import create_app
from orchestra.voice.engines.factory import Engines
from orchestra.web_server.server import listen, serving
from tests.attacks.wire import CONNECTED, a_caller_gets_through, closed_with, incoming, send
from tests.voice.edge.test_edge_process import _until
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, ScriptedEngines, running_edge

POST = b"POST /twilio/voice HTTP/1.1\r\nHost: edge\r\n"
HALVES = {
    "nothing": b"",
    "half a header": POST + b"X-Twilio-Sig",
    "half a body": POST + b"Content-Length: 500\r\n\r\nCallSid=CA1&",
    "a chunk of a body": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nCallS\r\n",
    "an endless body": POST + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n" + b"x" * 65_535 + b"\r\n",
    "an order without a token": b"POST /calls HTTP/1.1\r\nHost: edge\r\nContent-Length: 90\r\n\r\n{",
    "half an upgrade": b"GET /twilio/stream HTTP/1.1\r\nHost: edge\r\nUpgrade: websocket\r\nConnection: Upgr",
    "half of a second request": b"GET /healthz HTTP/1.1\r\nHost: edge\r\n\r\nGET /healthz HTTP/1.1\r\nHo",
}


@asynccontextmanager
async def impatient_edge(bus: TestBus, settings: Settings, request_within_s: float) -> AsyncIterator[RunningEdge]:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    update = {"port": port, "twilio_auth_token": AUTH_TOKEN, "prerender": False}
    chosen = Settings.model_validate(settings.model_dump() | update)
    edge = open_edge(chosen, bus.bus, cast("Engines", ScriptedEngines()), Greeting())
    async with serving(create_app(edge), listener, request_within_s=request_within_s):
        yield RunningEdge(edge, f"http://127.0.0.1:{port}", bus)
    listener.close()


async def held(running: RunningEdge, half: bytes) -> tuple[StreamReader, StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.edge.settings.port)
    writer.write(half)
    return reader, writer


async def is_closed(reader: StreamReader) -> bool:
    """Wait until the edge has closed it, whatever it sends before; returns True."""
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionError):  # closed with unread data
            await reader.read()
    return True


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_a_connection_without_a_complete_request_is_closed(bus: TestBus, settings: Settings, half: bytes) -> None:
    async with impatient_edge(bus, settings, 0.4) as running:
        with capture_logs() as logs:
            reader, writer = await held(running, half)
            assert await is_closed(reader)
        writer.close()
        await a_caller_gets_through(running)
    assert "Exception in ASGI application" not in str(logs)
    if half != HALVES["half of a second request"]:  # which may be closed like any kept-alive connection
        assert "connection.closed" in {entry["event"] for entry in logs}


async def test_idle_connections_make_room_for_callers(bus: TestBus, settings: Settings) -> None:
    async with impatient_edge(bus, settings, 3600.0) as running:
        with capture_logs() as logs:
            connections = [await held(running, half) for half in list(HALVES.values())[:3] for _ in range(200)]
            status, _ = await send(running, incoming(running, "CA1"))
            assert status == 200
            await a_caller_gets_through(running)
            closed = [asyncio.create_task(is_closed(reader)) for reader, _ in connections]
            await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)
        lines = [entry for entry in logs if entry["event"] == "connection.closed"]
        for task in closed:
            task.cancel()
        for _, writer in connections:
            writer.transport.abort()
    assert 1 <= len(lines) <= 20


@pytest.mark.parametrize("says", [None, CONNECTED], ids=["nothing", "connected"])
async def test_sockets_that_never_start_make_room_for_callers(
    bus: TestBus, settings: Settings, says: str | None
) -> None:
    async with running_edge(bus, settings, max_calls=2) as running:
        sockets: list[ClientConnection] = []
        for _ in range(40):
            opened = await connect(running.url.replace("http", "ws") + "/twilio/stream", proxy=None)
            sockets.append(opened)
            if says is not None:
                await opened.send(says)
        assert await closed_with(sockets[0]) == 1008
        assert len(running.edge.pending) <= 4
        await a_caller_gets_through(running)
        await asyncio.gather(*(each.close() for each in sockets))


@pytest.mark.integration
async def test_an_unfinished_message_is_cut_off_at_the_maximum_message_size(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        first = await connect(running.url.replace("http", "ws") + "/twilio/stream", proxy=None, compression=None)

        async def endless() -> AsyncIterator[str]:
            while True:
                yield "x" * 4096

        sending = asyncio.create_task(first.send(endless()))
        assert await closed_with(first) in (1006, 1009)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

        async def empty() -> AsyncIterator[str]:
            while True:
                yield ""

        other = await connect(running.url.replace("http", "ws") + "/twilio/stream", proxy=None, compression=None)
        sending = asyncio.create_task(other.send(empty()))
        assert await closed_with(other) in (1006, 1009)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await a_caller_gets_through(running)


async def test_a_connection_whose_peer_never_reads_is_closed(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.web_server.connections._TAKEN_WITHIN_S", 0.3)
    async with running_edge(bus, settings) as running:
        attacker = socket.create_connection(("127.0.0.1", running.edge.settings.port))
        attacker.setblocking(False)
        asks = b"GET /metrics HTTP/1.1\r\nHost: edge\r\n\r\n" * 1000
        with capture_logs() as logs, contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                while True:  # until the edge closes it, because nothing is read
                    await asyncio.get_running_loop().sock_sendall(attacker, asks)
        attacker.close()
        assert "connection.closed" in {entry["event"] for entry in logs}
        await a_caller_gets_through(running)


async def test_invalid_http_does_not_fill_the_log(
    bus: TestBus, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_edge(bus, settings) as running:
        for _ in range(100):
            reader, writer = await held(running, b"\x16\x03\x01 no HTTP\r\n\r\n")
            assert b" 400 " in await reader.readline()
            writer.close()
        await a_caller_gets_through(running)
    assert 1 <= caplog.text.count("Invalid HTTP request") <= 20


@pytest.mark.integration
async def test_eleven_hundred_idle_connections_keep_no_call_out_at_the_default_descriptor_limit(
    bus: TestBus, settings: Settings
) -> None:
    variables = {
        "ORCHESTRA_REDIS_URL": settings.redis_url or "",
        "ORCHESTRA_DATA_DIR": str(settings.data_dir),
        "ORCHESTRA_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "ORCHESTRA_PORT": "0",
        "ORCHESTRA_PRERENDER": "0",
    }
    run = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (1024, 1024)); from orchestra.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", run, "edge", env=os.environ | variables, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            ready = b"".join([line async for line in _until(process.stderr, b"edge.ready")])
        match = re.search(rb"http://127\.0\.0\.1:(\d+)", ready)
        assert match is not None, ready
        rest = asyncio.create_task(process.stderr.read())
        connections = [await asyncio.open_connection("127.0.0.1", int(match[1])) for _ in range(1100)]

        async def listen_in(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.15, 30)

        ending = await Caller(match[0].decode(), AUTH_TOKEN).call(PhoneLine(), listen_in)
        assert (ending.how, ending.streams) == ("caller_hung_up", 1)
        for _, writer in connections:
            writer.transport.abort()
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
        assert b"Traceback" not in await rest
    finally:
        if process.returncode is None:
            process.kill()
