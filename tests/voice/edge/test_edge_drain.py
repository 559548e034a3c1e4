"""An edge that is told to end while a call is running, with another edge on its port."""

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import httpx
import pytest
from pydantic import SecretStr

from orchestra.async_tasks import cancel_and_wait
from orchestra.settings import Settings
from orchestra.simulator.caller import Caller
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge.drain import SharedPort, drain
from orchestra.voice.edge.edge import open_edge
from orchestra.voice.edge.http import create_app
from orchestra.voice.engines.factory import Engines
from orchestra.web_server.server import listen, serving
from orchestra_schemas import CallEnded, CallResumed, CallStarted, CallTransferRequested, TurnCompleted, UserTurnEnded
from tests.telemetry.test_logs import until
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, ScriptedEngines, running_edge, tone

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen. " * 3


async def test_a_call_that_outlasts_the_drain_loses_only_its_stream(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting=LONG.strip())) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.5, 30)
            await running.edge.admission.drain(0.1, elsewhere=lambda: True)
            await running.event(CallResumed)
            assert not await bus.published(CallEnded)

        ending = await running.call(talk)
        await running.event(CallEnded, reason="caller_hung_up")
    assert (ending.how, ending.streams) == ("caller_hung_up", 2)


async def test_the_drain_ends_when_the_carrier_knows_what_happens_next(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "a person please", app=Greeting(greeting="")) as running:
        calls, order = running.edge.admission, list[str]()
        asked, draining = calls.carrier_asked, list[asyncio.Task[None]]()

        def noted(call: str) -> None:
            order.append("asked")
            asked(call)

        calls.carrier_asked = noted  # type: ignore[method-assign]

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            draining.append(asyncio.create_task(calls.drain(60)))
            draining[0].add_done_callback(lambda _: order.append("drained"))
            transfer = CallTransferRequested(call=call, turn=1, target="+15550003")
            await bus.publish(transfer, TurnCompleted(call=call, turn=1, agent="a"))
            await line.until(lambda: False, 60)

        assert (await running.call(talk)).how == "transferred"
        await asyncio.wait_for(draining[0], 60)
    assert order == ["asked", "drained"]


async def health(url: str) -> str:
    async with httpx.AsyncClient(timeout=30) as http:
        return str((await http.get(f"{url}/healthz")).json()["status"])


async def test_a_port_is_given_up_to_an_edge_that_takes_calls_and_taken_back_if_none_answers(
    bus: TestBus, settings: Settings
) -> None:
    chosen = settings.model_copy(update={"twilio_auth_token": SecretStr("t"), "prerender": False})
    engines = cast("Engines", ScriptedEngines())
    first, second = (open_edge(chosen, bus.bus, engines, Greeting()) for _ in range(2))
    listener = listen("127.0.0.1", 0, shared=True)
    number = listener.getsockname()[1]
    again = partial(listen, "127.0.0.1", number, shared=True)
    url = f"http://127.0.0.1:{number}"
    async with serving(create_app(first), listener) as server:
        port = SharedPort(server, url, again)
        first.admission.ending = True
        async with serving(create_app(second), again()):
            second.admission.ending = True
            await port.check()
            assert not port.left  # both end: somebody has to answer the carrier
            second.admission.ending = False
            await port.check()
            assert port.left
            assert {await health(url) for _ in range(20)} == {"ok"}
        await port.check()
        assert not port.left
        assert await health(url) == "draining"


async def test_a_request_that_arrives_while_the_last_call_ends_is_answered_before_the_edge_exits(
    bus: TestBus, settings: Settings
) -> None:
    chosen = settings.model_copy(update={"twilio_auth_token": SecretStr("t"), "prerender": False})
    edge = open_edge(chosen, bus.bus, cast("Engines", ScriptedEngines()), Greeting())
    listener = listen("127.0.0.1", 0)
    number = listener.getsockname()[1]
    async with serving(create_app(edge), listener) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        async with asyncio.timeout(10):
            await until(lambda: server.server_state.connections)
            draining = asyncio.create_task(drain(edge, server, partial(listen, "127.0.0.1", number)))
            await until(lambda: not server.servers)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: edge\r\n\r\n")
            answer = await reader.read()
            await draining
        assert b'"status":"draining"' in answer
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", number)
        writer.close()


async def test_an_edge_behind_a_proxy_takes_calls_until_the_proxy_has_noticed_that_it_will_stop(
    bus: TestBus, settings: Settings
) -> None:
    chosen = settings.model_copy(
        update={"twilio_auth_token": SecretStr("t"), "prerender": False, "stop_notice_s": 60.0}
    )
    edge = open_edge(chosen, bus.bus, cast("Engines", ScriptedEngines()), Greeting())
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/readyz"
    async with serving(create_app(edge), listener) as server, httpx.AsyncClient(timeout=30) as http:
        assert (await http.get(url)).status_code == 200
        stopping = asyncio.create_task(drain(edge, server, partial(listen, "127.0.0.1", 0)))
        await until(lambda: edge.admission.ending)
        assert (await http.get(url)).status_code == 503
        assert edge.admission.admit("07-01", time.time())
        await cancel_and_wait(stopping)


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


async def until_logged(process: Process, mark: bytes) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if mark in line:
            return
    pytest.fail("the process ended before")


@asynccontextmanager
async def two_edges(settings: Settings) -> AsyncIterator[tuple[dict[str, Process], str]]:
    # bound, so that nobody else gets the port meanwhile, and not listening
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    kept.bind(("127.0.0.1", 0))
    port = kept.getsockname()[1]
    edges = {name: await edge(settings, name, port) for name in ("edge-1", "edge-2")}
    try:
        async with asyncio.timeout(120):
            for process in edges.values():
                await until_logged(process, b"edge.ready")
        yield edges, f"http://127.0.0.1:{port}"
    finally:
        for process in edges.values():
            if process.returncode is None:
                process.kill()
            await process.communicate()
        kept.close()


@pytest.mark.faults
@pytest.mark.timeout(240)
async def test_a_draining_edge_keeps_its_call_for_a_while_while_new_calls_go_to_the_other_edge(
    bus: TestBus, settings: Settings
) -> None:
    async with two_edges(settings) as (edges, url):
        journal = RunningEdge(edge=None, url=url, bus=bus)  # type: ignore[arg-type]

        async def stay(line: PhoneLine) -> None:
            started = await journal.event(CallStarted)
            assert await line.until(lambda: line.agent_audible_s > 0.3, 60)
            edges[started.source].send_signal(signal.SIGTERM)
            await until_logged(edges[started.source], b"edge.draining")
            before = line.agent_audible_s
            await Caller(url, AUTH_TOKEN, from_number="+15550002").call(PhoneLine(), hang_up)
            assert line.agent_audible_s > before  # the call goes on meanwhile
            await journal.event(CallResumed, call=started.call)

        async def hang_up(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.1, 60)

        ending = await asyncio.wait_for(Caller(url, AUTH_TOKEN).call(PhoneLine(), stay), 120)
        assert (ending.how, ending.streams) == ("caller_hung_up", 2)
        first, second = await bus.published(CallStarted)
        await journal.event(CallEnded, call=first.call)
        (resumed,) = await bus.published(CallResumed)
        assert second.source == resumed.source != first.source
        assert await asyncio.wait_for(edges[first.source].wait(), 20) == 0
