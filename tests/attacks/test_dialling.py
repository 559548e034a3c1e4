"""A stolen token cannot be used to call the world at our cost."""

import asyncio

import pytest
from structlog.testing import capture_logs

from orchestra.errors import SettingError
from orchestra.settings import Settings, load_settings
from orchestra.testing import TestBus
from tests.attacks.wire import Captured, a_caller_gets_through, parameters_of, send
from tests.voice.edge.test_dial_api import DIAL, edge_that_dials, order, pytestmark

__all__ = ["pytestmark"]


async def test_premium_numbers_are_not_called(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings, dial_prefixes="+1555, +44", max_calls=50) as (running, carrier):
        with capture_logs() as logs:
            for number in ("+19005550100", "+882135550100", "+15540001", "+4915550001"):
                refused = await order(running, {"to": number})
                assert (refused.status_code, "+1555, +44" in refused.json()["error"]) == (403, True)
        assert not carrier.orders
        assert [entry["event"] for entry in logs].count("call.not_allowed") == 4
        assert (await order(running, {"to": "+447700900000"})).status_code == 201


async def test_without_prefixes_no_number_is_called_over_http(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings, dial_prefixes="") as (running, carrier):
        refused = await order(running, {"to": "+15550001"})
        assert (refused.status_code, "ORCHESTRA_DIAL_PREFIXES" in refused.json()["error"]) == (403, True)
        assert not carrier.orders


@pytest.mark.integration
async def test_a_hundred_simultaneous_orders_place_only_the_calls_allowed_per_minute(
    bus: TestBus, settings: Settings
) -> None:
    async with edge_that_dials(bus, settings, max_calls=50, dial_per_minute=5) as (running, carrier):
        answers = await asyncio.gather(*(order(running, {"to": "+15550001"}) for _ in range(100)))
        assert sorted({answer.status_code for answer in answers}) == [201, 429]
        assert len(carrier.orders) == 5
        await a_caller_gets_through(running)


async def test_outgoing_calls_never_exceed_the_free_lines(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings, max_calls=3, dial_per_minute=100) as (running, carrier):
        answers = await asyncio.gather(*(order(running, {"to": "+15550001"}) for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [503] * 17
        first, second, third = carrier.orders
        for placed, status in ((first, "no-answer"), (second, "busy")):
            target = placed["StatusCallback"].removeprefix(running.url)
            said = Captured.of(running, target, CallSid=placed["Sid"], CallStatus=status)
            assert (await send(running, said))[0] == 204
        assert (await order(running, {"to": "+15550001"})).status_code == 201
        # an answered call has a line: it was reserved while the phone rang
        await asyncio.gather(*(order(running, {"to": "+15550001"}) for _ in range(3)))
        target = third["Url"].removeprefix(running.url)
        answered = Captured.of(running, target, CallSid=third["Sid"], AnsweredBy="human", CallStatus="in-progress")
        assert parameters_of((await send(running, answered))[1])["direction"] == "outbound"


async def test_a_call_that_the_carrier_rejects_frees_its_line(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings, max_calls=1, twilio_api_url="http://127.0.0.1:9") as (running, _):
        for _ in range(3):
            assert (await order(running, {"to": "+15550001"})).status_code == 502
        await a_caller_gets_through(running)


async def test_the_read_token_cannot_dial_and_the_dial_token_cannot_read(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings) as (running, carrier):
        refused = await order(running, {"to": "+15550001"}, {"Authorization": "Bearer api token"})
        assert (refused.status_code, "reads calls and makes none" in refused.json()["error"]) == (401, True)
        assert not carrier.orders
        host = running.url.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"GET /calls HTTP/1.0\r\nAuthorization: {DIAL['Authorization']}\r\n\r\n".encode())
        assert b" 401 " in await reader.readline()
        writer.close()


@pytest.mark.parametrize("prefixes", ["1", "+1,44", "+1;+44", "+1x", "all", "+٣"])
def test_a_prefix_that_is_not_the_start_of_a_number_is_refused(monkeypatch: pytest.MonkeyPatch, prefixes: str) -> None:
    monkeypatch.setenv("ORCHESTRA_DIAL_PREFIXES", prefixes)
    with pytest.raises(SettingError, match="ORCHESTRA_DIAL_PREFIXES"):
        load_settings()
