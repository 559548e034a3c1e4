"""The host of the SIP gateway, which needs no Redis, cannot reach the edge that has a call, and then no edge at all."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from orchestra.settings import Settings
from orchestra.simulator.sip import Telephone
from orchestra.testing import TestBus
from orchestra.voice.audio import mulaw
from orchestra_schemas import CallEnded, CallResumed, CallStarted, ReplySpoken, UserTurnEnded
from tests.hosts.carrier import balanced
from tests.hosts.network import Host, lacking, network
from tests.hosts.rig import until
from tests.sip.test_edges import speak
from tests.voice.edges import RunningEdge, running_edge

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
]

EDGE_PORT, SIP_PORT, CONTROL_PORT = 8480, 5060, 8490


async def test_a_call_goes_on_at_the_edge_that_can_be_reached(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        net = stack.enter_context(network(tmp_path, "here", "sip", "edge-1", "edge-2"))
        here, sip, *fronts = net.hosts.values()
        stack.enter_context(net.inside(here))
        edges: dict[str, tuple[RunningEdge, Host]] = {}
        for front in fronts:
            edge = await stack.enter_async_context(
                running_edge(bus, settings, "still there", sip=True, reconnect_s=30, edge_name=front.name)
            )
            edges[front.name] = edge, front
            with net.inside(front):  # who connects there reaches an edge of this process
                opened = balanced(EDGE_PORT, ("127.0.0.1", httpx.URL(edge.url).port or 0))
                await stack.enter_async_context(opened)
        sip.start(
            [sys.executable, "-m", "orchestra.cli", "sip"], "sip",
            ORCHESTRA_DATA_DIR=str(settings.data_dir), ORCHESTRA_RECONNECT_S="30",
            ORCHESTRA_SIP_EDGES=",".join(f"http://{front.address}:{EDGE_PORT}" for front in fronts),
            ORCHESTRA_SIP_LISTEN=f"{sip.address}:{SIP_PORT}", ORCHESTRA_SIP_ALLOW="10.77.0.0/16",
            ORCHESTRA_SIP_URL=f"http://{sip.address}:{CONTROL_PORT}",
        )  # fmt: skip
        await until(lambda: "sip.ready" in sip.log("sip"))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=5))

        async def told() -> tuple[str, int, int]:
            health = (await http.get(f"http://{sip.address}:{CONTROL_PORT}/healthz")).json()
            return health["status"], health["edges"], health["calls"]

        telephone = await stack.enter_async_context(Telephone(here.address))
        leg = await telephone.call(f"sip:demo@{sip.address}:{SIP_PORT}")
        any_edge, _ = edges["edge-1"]  # they share a bus
        started = await any_edge.event(CallStarted)
        _, front = edges.pop(started.source)
        ((other, _),) = edges.values()
        await other.event(ReplySpoken)
        assert await told() == ("ok", 2, 1)
        net.cut(sip, front)

        sending = asyncio.create_task(quiet(telephone))
        resumed = await other.event(CallResumed)
        sending.cancel()
        assert await told() == ("ok", 1, 1)
        await speak(telephone, 1.6)
        turn = await other.event(UserTurnEnded)
        net.cut_groups([sip], fronts)
        assert (await told())[:2] == ("no edge answers", 0)
        net.heal()
        async with asyncio.timeout(20):
            while await told() != ("ok", 2, 1):  # noqa: ASYNC110 - another process asks the edges
                await asyncio.sleep(0.1)
        await leg.hang_up()
        ended = await other.event(CallEnded)
        assert (turn.text, resumed.source, ended.source) == ("still there", turn.source, turn.source)
        assert {started.call, resumed.call, ended.call} == {turn.call}
        assert [event.reason for event in await bus.published(CallEnded)] == ["caller_hung_up"]
        assert telephone.complaints == []


async def quiet(telephone: Telephone) -> None:
    """Send the silence of a line on which nobody speaks."""
    (leg,) = telephone.legs
    while True:
        await leg.rtp.send_audio(bytes([mulaw.SILENCE]) * 160)
        await asyncio.sleep(0.02)
