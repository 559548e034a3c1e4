"""An edge that is told to end while a call is running, with another edge on its port."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.caller.caller import Caller
from orchestra.voice.caller.phone_line import PhoneLine
from schemas import CallEnded, CallResumed, CallStarted
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, running_edge

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen. " * 3


async def test_a_call_that_outlasts_the_drain_loses_its_stream_only(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting=LONG.strip())) as running:

        async def talk(line: PhoneLine) -> None:
            await line.until(lambda: line.agent_audible_s > 0.5, 10)
            await running.edge.calls.drain(0.1, hand_over=True)
            await running.event(CallResumed)
            assert not await bus.published(CallEnded)

        ending = await running.call(talk)
        await running.event(CallEnded, reason="caller_hung_up")
    assert (ending.how, ending.streams) == ("caller_hung_up", 2)


async def edge(settings: Settings, name: str, port: int) -> Process:
    variables = {
        "ORCHESTRA_REDIS_URL": settings.redis_url or "",
        "ORCHESTRA_DATA_DIR": str(settings.data_dir),
        "ORCHESTRA_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "ORCHESTRA_PORT": str(port),
        "ORCHESTRA_SHARE_PORT": "1",
        "ORCHESTRA_EDGE_NAME": name,
        "ORCHESTRA_DRAIN_S": "3",
    }
    command = [sys.executable, "-m", "orchestra.cli", "edge"]
    return await asyncio.create_subprocess_exec(
        *command, env=os.environ | variables, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )


async def until(process: Process, mark: bytes) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if mark in line:
            return
    pytest.fail("the process ended before")


@asynccontextmanager
async def two_edges(settings: Settings) -> AsyncIterator[tuple[dict[str, Process], str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    edges = {name: await edge(settings, name, port) for name in ("edge-1", "edge-2")}
    try:
        async with asyncio.timeout(120):
            for process in edges.values():
                await until(process, b"edge.ready")
        yield edges, f"http://127.0.0.1:{port}"
    finally:
        for process in edges.values():
            if process.returncode is None:
                process.kill()
            await process.communicate()


@pytest.mark.faults
@pytest.mark.timeout(240)
async def test_a_drained_edge_keeps_its_call_a_while_and_hands_it_over_and_new_calls_go_to_the_other(
    bus: TestBus, settings: Settings
) -> None:
    async with two_edges(settings) as (edges, url):
        journal = RunningEdge(edge=None, url=url, bus=bus)  # type: ignore[arg-type]

        async def stay(line: PhoneLine) -> None:
            started = await journal.event(CallStarted)
            await line.until(lambda: line.agent_audible_s > 0.3, 20)
            edges[started.source].send_signal(signal.SIGTERM)
            await until(edges[started.source], b"edge.draining")
            before = line.agent_audible_s
            await Caller(url, AUTH_TOKEN, from_number="+15550002").call(PhoneLine(), hang_up)
            assert line.agent_audible_s > before  # the call goes on meanwhile
            async with asyncio.timeout(30):
                await journal.event(CallResumed, call=started.call)

        async def hang_up(line: PhoneLine) -> None:
            await line.until(lambda: line.agent_audible_s > 0.1, 20)

        ending = await asyncio.wait_for(Caller(url, AUTH_TOKEN).call(PhoneLine(), stay), 120)
        assert (ending.how, ending.streams) == ("caller_hung_up", 2)
        first, second = await bus.published(CallStarted)
        await journal.event(CallEnded, call=first.call)
        (resumed,) = await bus.published(CallResumed)
        assert second.source == resumed.source != first.source
        assert await asyncio.wait_for(edges[first.source].wait(), 20) == 0
