"""A SIP call and its edges: it outlives the one that it has, and is refused where there is none."""

import asyncio

import pytest

from orchestra.settings import Settings
from orchestra.simulator.sip import Telephone
from orchestra.testing import TestBus
from orchestra.voice.audio import mulaw
from orchestra_schemas import CallEnded, CallResumed, CallStarted, ReplyChunk, ReplySpoken, TurnCompleted, UserTurnEnded
from tests.sip.breakable import breakable
from tests.sip.gateways import running_gateway
from tests.voice.edges import running_edge, tone

pytestmark = pytest.mark.integration

PATIENCE_S = 60.0


async def speak(telephone: Telephone, seconds: float) -> None:
    """Half of it is a sound, then there is silence."""
    (leg,) = telephone.legs
    sound = mulaw.encode(tone(seconds / 2))
    silence = bytes([mulaw.SILENCE]) * len(sound)
    for start in range(0, 2 * len(sound), 160):
        await leg.rtp.send_audio((sound + silence)[start : start + 160])
        await asyncio.sleep(0.02)


async def test_a_call_whose_edge_dies_goes_on_at_another_one(bus: TestBus, settings: Settings) -> None:
    async with (
        running_edge(bus, settings, "hello", sip=True, reconnect_s=30) as dying,
        running_edge(bus, settings, "hello again", sip=True, reconnect_s=30) as other,
        breakable(dying.url) as way,
        Telephone() as telephone,
        running_gateway(settings.data_dir, [other.url, way.url], reconnect_s=30) as gateway,
    ):
        # the second one is asked first
        leg = await telephone.call(f"sip:demo@127.0.0.1:{gateway.port}")
        started = await dying.event(CallStarted)
        await dying.event(ReplySpoken)
        way.cut()
        resumed = await other.event(CallResumed)
        await speak(telephone, 1.6)
        turn = await other.event(UserTurnEnded)
        reply = ReplyChunk(call=turn.call, turn=turn.turn, text="Still here.", agent="a")
        await bus.publish(reply, TurnCompleted(call=turn.call, turn=turn.turn, agent="a"))
        await other.event(ReplySpoken, turn=turn.turn)
        await leg.hang_up()
        ended = await other.event(CallEnded)
        assert {started.call, resumed.call, ended.call} == {turn.call}
        assert (resumed.source, ended.source) == (other.edge.publisher.source,) * 2
        assert (ended.reason, turn.text, telephone.complaints) == ("caller_hung_up", "hello again", [])


@pytest.mark.parametrize("token", ["", "x" * 32])
async def test_a_call_that_no_edge_takes_hears_that_it_is_busy(bus: TestBus, settings: Settings, token: str) -> None:
    async with running_edge(bus, settings, sip=True) as running, Telephone() as telephone:
        edges = [running.url] if token else ["http://127.0.0.1:9"]
        async with running_gateway(settings.data_dir, edges, sip_token=token) as gateway:
            leg = await telephone.call(f"sip:demo@127.0.0.1:{gateway.port}")
            assert leg.status == 486
            assert await gateway.metric("orchestra_sip_edges_away_total") == 1
        assert "x" * 32 not in gateway.said
