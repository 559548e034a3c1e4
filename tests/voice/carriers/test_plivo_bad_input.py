"""What is not Plivo's, or not in order, beside what every carrier is sent."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from orchestra.settings import Settings
from orchestra.simulator.plivo_caller import sign_v3
from orchestra.simulator.plivo_xml import Hangup, Stream, parse_plivo_xml
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted, DigitPressed
from tests.voice.edges import AUTH_TOKEN, RunningEdge, running_edge

FORM = {"CallUUID": "u1", "From": "15550001", "To": "15550100", "CallStatus": "ringing", "Direction": "inbound"}
MULAW = {"encoding": "audio/x-mulaw", "sampleRate": 8000}


@pytest_asyncio.fixture
async def running(bus: TestBus, settings: Settings) -> AsyncIterator[RunningEdge]:
    async with running_edge(bus, settings, carrier="plivo", reconnect_s=0.3) as edge:
        yield edge


def signed(url: str, form: dict[str, str], nonce: str = "", token: str = AUTH_TOKEN) -> dict[str, str]:
    nonce = nonce or secrets.token_hex(8)
    return {"X-Plivo-Signature-V3": sign_v3(url, form, nonce, token), "X-Plivo-Signature-V3-Nonce": nonce}


async def post(
    running: RunningEdge, path: str, headers: dict[str, str] | None = None, **changed: str
) -> httpx.Response:
    form = FORM | changed
    async with httpx.AsyncClient() as http:
        url = running.url + path
        return await http.post(url, data=form, headers=signed(url, form) if headers is None else headers)


async def offered(running: RunningEdge, **changed: str) -> Stream:
    stream, _ = parse_plivo_xml((await post(running, "/plivo/answer", **changed)).text)
    assert isinstance(stream, Stream)
    return stream


def start(headers: str) -> str:
    begun = {"callId": "u1", "streamId": "s1", "tracks": ["inbound"], "mediaFormat": MULAW}
    return json.dumps({"event": "start", "sequenceNumber": 1, "start": begun, "extra_headers": headers})


@asynccontextmanager
async def opened(running: RunningEdge, *messages: str | bytes) -> AsyncIterator[ClientConnection]:
    stream = await offered(running)
    async with connect(stream.url, proxy=None) as socket:
        await socket.send(start(stream.extra_headers))
        await running.event(CallStarted, provider_call="u1")
        for message in messages:
            await socket.send(message)
        yield socket


async def test_either_signature_of_an_account_is_accepted(running: RunningEdge) -> None:
    url = f"{running.url}/plivo/answer"
    good = signed(url, FORM)
    main = {"X-Plivo-Signature-Ma-V3": good["X-Plivo-Signature-V3"], "X-Plivo-Signature-V3": "bm9wZQ=="}
    answer = await post(
        running, "/plivo/answer", main | {"X-Plivo-Signature-V3-Nonce": good["X-Plivo-Signature-V3-Nonce"]}
    )
    assert answer.status_code == 200


async def test_an_address_that_can_be_split_in_two_ways_is_refused(running: RunningEdge) -> None:
    for query in ("call=00-a%26b", "call=a&call=b", "call=a.CallUUIDu2", "x=%20"):
        assert (await post(running, f"/plivo/answer?{query}")).status_code == 403, query


async def test_a_body_of_another_kind_is_refused(running: RunningEdge) -> None:
    url = f"{running.url}/plivo/answer"
    bodies = (b'{"CallUUID": "u1"}', b"--x\r\n\r\n--x--", b"\xff\xfe\x00", b"&" * 5_000, b"a=" + b"x" * 100_000)
    async with httpx.AsyncClient() as http:
        for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain", ""):
            headers = signed(url, FORM) | {"Content-Type": kind}
            for body in bodies:
                assert (await http.post(url, content=body, headers=headers)).status_code == 403, (kind, body[:20])


async def test_a_webhook_is_checked_against_the_public_address(bus: TestBus, settings: Settings) -> None:
    at = "https://voice.example.com"
    async with running_edge(bus, settings, carrier="plivo", public_url=at) as running:
        answer = await post(running, "/plivo/answer", signed(f"{at}/plivo/answer", FORM))
    stream, _ = parse_plivo_xml(answer.text)
    assert isinstance(stream, Stream)
    assert stream.url == "wss://voice.example.com/plivo/stream"


async def test_an_unknown_call_is_hung_up(running: RunningEdge) -> None:
    for call in ("", "nonsense", "00-" + "0" * 32, "99-0199b8a0-0000-7000-8000-000000000000"):
        assert parse_plivo_xml((await post(running, f"/plivo/after-stream?call={call}")).text) == [Hangup()]


async def test_a_late_webhook_of_an_ended_call_changes_nothing(running: RunningEdge, bus: TestBus) -> None:
    async with opened(running):
        pass  # the socket is closed as Plivo does when the caller hangs up
    ended = await running.event(CallEnded)
    for path in (f"after-stream?call={ended.call}", f"after-dial?call={ended.call}", "answer"):
        assert parse_plivo_xml((await post(running, f"/plivo/{path}")).text) == [Hangup()]
    for _ in range(2):
        assert (await post(running, "/plivo/hangup", CallStatus="completed")).status_code == 204
    machine = await post(running, f"/plivo/machine?call={ended.call}", Machine="perhaps")
    connected = await post(running, f"/plivo/dial-event?call={ended.call}", DialAction="connected")
    assert (machine.status_code, connected.status_code) == (204, 204)
    assert [event.reason for event in await bus.published(CallEnded)] == ["caller_hung_up"]


async def test_a_call_whose_stream_broke_is_ended_by_the_hang_up_address(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, carrier="plivo", reconnect_s=1.5) as running, opened(running) as socket:
        socket.transport.abort()
        assert (await post(running, "/plivo/hangup", CallStatus="completed")).status_code == 204
        assert (await running.event(CallEnded)).reason == "caller_hung_up"


async def test_news_of_a_later_protocol_and_answers_to_nothing_are_skipped(running: RunningEdge) -> None:
    news = '{"event": "weather", "streamId": "s1"}'
    outbound = '{"event": "media", "streamId": "s1", "media": {"track": "outbound", "payload": "//8="}}'
    unasked = '{"event": "playedStream", "streamId": "s1", "name": "nobody asked"}'
    cleared = '{"event": "clearedAudio", "streamId": "s1"}'
    digit = '{"event": "dtmf", "streamId": "s1", "dtmf": {"track": "inbound", "digit": "5"}}'
    async with opened(running, news, outbound, unasked, cleared, cleared, digit):
        assert (await running.event(DigitPressed)).digit == "5"
