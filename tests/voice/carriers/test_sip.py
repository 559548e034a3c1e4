"""The edge's half of the SIP line: who may ask it, and what it makes of nonsense."""

import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from orchestra.settings import Settings
from orchestra.storage.secrets import sip_token
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted
from tests.voice.edges import running_edge

PARTIES = {"provider_call": "abc@pbx.1", "from_number": "+15550001", "to_number": "sip:help", "variables": {"X-A": "1"}}


async def post(url: str, path: str, body: Any, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}".encode()}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as http:
        return await http.post(f"{url}/sip/calls{path}", content=body if isinstance(body, str) else json.dumps(body))


async def test_a_call_is_offered_streamed_and_ended(bus: TestBus, settings: Settings) -> None:
    token = sip_token(settings)
    async with running_edge(bus, settings, sip=True) as running:
        step = (await post(running.url, "", {"parties": PARTIES}, token)).json()
        again = (await post(running.url, "", {"parties": PARTIES}, token)).json()
        assert step == again
        start = {name: step[name] for name in ("call", "token", "resumed")} | {"rate": 16000, "parties": PARTIES}
        async with connect(running.url.replace("http", "ws") + "/sip/stream", proxy=None) as socket:
            await socket.send(json.dumps({"type": "start"} | start))
            started = await running.event(CallStarted)
            await socket.send('{"type":"hold","held":true}')
            await socket.send('{"type":"stop"}')
            assert (await running.event(CallEnded)).reason == "caller_hung_up"
        assert (started.from_number, started.to_number, started.variables) == ("+15550001", "sip:help", {"X-A": "1"})
        after = await post(running.url, f"/{step['call']}/next", {"parties": PARTIES, "end_reason": None}, token)
        assert after.json() == {"type": "hang_up"}


@pytest.mark.parametrize("path", ["", "/07-1/next", "/07-1/transferred", "/07-1/ended", "/07-1/briefing"])
async def test_nobody_but_the_gateway_is_answered(bus: TestBus, settings: Settings, path: str) -> None:
    async with running_edge(bus, settings, sip=True) as running:
        for wrong in ("x", sip_token(settings)[:-1], sip_token(settings).upper() + "é"):
            answer = await post(running.url, path, {"parties": PARTIES}, wrong)
            assert answer.status_code == 401
        assert (await post(running.url, path, "no JSON", sip_token(settings))).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        {"parties": {"provider_call": ""}},
        {"parties": PARTIES | {"provider_call": "a b"}},
        {"parties": PARTIES | {"provider_call": "a\nb"}},
        {"parties": PARTIES | {"variables": {str(number): "" for number in range(33)}}},
        {"parties": PARTIES | {"variables": {"X": "1" * 2000}}},
        {"parties": PARTIES | {"direction": "sideways"}},
        {"parties": PARTIES, "call": "no call"},
    ],
)
async def test_nonsense_is_refused_and_no_call_begins(bus: TestBus, settings: Settings, body: Any) -> None:
    async with running_edge(bus, settings, sip=True) as running:
        answer = await post(running.url, "", body, sip_token(settings))
        assert answer.status_code == 422
        assert answer.json()["error"]
        assert await bus.published(CallStarted) == []


async def test_a_stream_needs_a_token_of_its_call(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, sip=True) as running:
        step = (await post(running.url, "", {"parties": PARTIES}, sip_token(settings))).json()
        start = {"type": "start", "rate": 8000, "parties": PARTIES, "call": step["call"], "token": step["token"]}
        other = PARTIES | {"provider_call": "another"}
        for wrong in (
            start | {"token": "1.0-x"},
            start | {"parties": other},
            start | {"rate": 44100},
            {"type": "mark"},
        ):
            async with connect(running.url.replace("http", "ws") + "/sip/stream", proxy=None) as socket:
                await socket.send(json.dumps(wrong))
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
                assert socket.close_code == 1008


async def test_an_edge_without_sip_has_no_such_address(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        assert (await post(running.url, "", {"parties": PARTIES}, sip_token(settings))).status_code == 404
