"""Calls that the gateway places, and its registration at an exchange."""

import asyncio
from collections.abc import Callable

import pytest

from orchestra.errors import CarrierError, RejectedError
from orchestra.settings import Settings
from orchestra.simulator.sip import Leg, Telephone
from orchestra.testing import TestBus
from orchestra.voice.carriers.sip.carrier import SipCarrier
from orchestra_schemas import CallEnded, CallStarted, ReplySpoken
from tests.servers.sip_exchange import SipExchange
from tests.sip.gateways import running_gateway
from tests.voice.edges import running_edge

pytestmark = pytest.mark.integration


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.02)


async def test_whoever_answers_talks_to_the_agents(bus: TestBus, settings: Settings) -> None:
    calls: list[Leg] = []

    async def take(leg: Leg) -> None:
        calls.append(leg)
        await leg.answer()

    async with (
        running_edge(bus, settings, sip=True) as running,
        running_gateway(settings.data_dir, [running.url]) as gateway,
        Telephone(user="bob", on_call=take) as bob,
    ):
        carrier = SipCarrier(running.edge.settings.model_copy(update={"sip_url": gateway.url}))
        call = bus.call()
        placed = await carrier.place_call(call, bob.uri)
        started = await running.event(CallStarted)
        assert (started.call, started.direction, started.to_number) == (call, "outbound", bob.uri)
        assert started.provider_call == placed
        await running.event(ReplySpoken)
        assert sum(map(bool, calls[0].rtp.heard)) > 5
        await calls[0].hang_up()
        assert (await running.event(CallEnded)).reason == "caller_hung_up"


async def test_a_telephone_that_is_busy_ends_the_call_as_busy(bus: TestBus, settings: Settings) -> None:
    async with (
        running_edge(bus, settings, sip=True, reconnect_s=0.1) as running,
        running_gateway(settings.data_dir, [running.url]) as gateway,
        Telephone(user="bob") as bob,
    ):
        carrier = SipCarrier(running.edge.settings.model_copy(update={"sip_url": gateway.url}))
        call = bus.call()
        await carrier.place_call(call, bob.uri)
        ended = await running.event(CallEnded)
        assert (ended.call, ended.reason) == (call, "busy")


async def test_whom_the_gateway_does_not_call(bus: TestBus, settings: Settings) -> None:
    async with running_gateway(settings.data_dir, ["http://127.0.0.1:9"]) as gateway:
        known = settings.model_copy(update={"sip_url": gateway.url})
        carrier = SipCarrier(known)
        with pytest.raises(CarrierError, match=r"192\.0\.2\.1 is not among the hosts that may be called"):
            await carrier.place_call("07-1", "sip:bob@192.0.2.1")
        with pytest.raises(CarrierError, match="there is no trunk for numbers"):
            await carrier.place_call("07-1", "+15550001")
        with pytest.raises(RejectedError, match="is not a telephone number"):
            await carrier.place_call("07-1", "bob")
        stranger = SipCarrier(known.model_copy(update={"sip_token": Settings(sip_token="y" * 32).sip_token}))
        with pytest.raises(CarrierError, match="the token of the SIP gateway is needed"):
            await stranger.place_call("07-1", "sip:bob@127.0.0.1")
    with pytest.raises(CarrierError, match=r"does not answer: .* start `orchestra sip`"):
        await carrier.place_call("07-1", "sip:bob@127.0.0.1")


async def test_the_gateway_registers_with_its_password(bus: TestBus, settings: Settings) -> None:
    async with SipExchange({"orchestra-1": "open sesame"}) as exchange:
        at = {"sip_register": f"sip:orchestra-1@127.0.0.1:{exchange.port}", "sip_password": "open sesame"}
        async with running_gateway(settings.data_dir, ["http://127.0.0.1:9"], **at) as gateway:
            await until(lambda: exchange.registered.get("orchestra-1"))
            await until(lambda: "sip.registered" in gateway.said)
            assert (await gateway.healthz())["registered"] is True
            # numbers go to the exchange
            carrier = SipCarrier(settings.model_copy(update={"sip_url": gateway.url}))
            assert await carrier.place_call("07-1", "+15550001")
            await until(lambda: "sip.not_answered" in gateway.said)
            assert "reason=busy" in gateway.said
        assert exchange.refused == 0
        assert "sesame" not in gateway.said


async def test_a_wrong_password_is_said_and_the_gateway_goes_on(bus: TestBus, settings: Settings) -> None:
    async with SipExchange({"orchestra-1": "open sesame"}) as exchange:
        at = {"sip_register": f"sip:orchestra-1@127.0.0.1:{exchange.port}", "sip_password": "open barley"}
        async with running_gateway(settings.data_dir, ["http://127.0.0.1:9"], **at) as gateway:
            await until(lambda: "sip.not_registered" in gateway.said)
            assert (await gateway.healthz())["registered"] is False
        assert exchange.registered == {}
        assert "barley" not in gateway.said
