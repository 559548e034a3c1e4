"""What is not Plivo's, or not Plivo's protocol, is refused; what comes twice or late acts once; other calls go on."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from orchestra.settings import Settings
from orchestra.simulator import PhoneLine, PlivoCaller
from orchestra.simulator.plivo_caller import sign_v3
from orchestra.simulator.plivo_xml import Hangup, Stream, parse_plivo_xml
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted, DigitPressed, ReplySpoken
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


def start(headers: str, *, call: str = "u1", media_format: Any = MULAW) -> str:
    begun = {"callId": call, "streamId": "s1", "tracks": ["inbound"], "mediaFormat": media_format}
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


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(45):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


PATHS = ["answer", "after-stream?call=00-1", "after-dial?call=00-1", "briefing?call=00-1"]
PATHS += ["dial-event?call=00-1", "machine?call=00-1", "hangup"]


@pytest.mark.parametrize("path", PATHS)
async def test_an_unsigned_webhook_is_forbidden(running: RunningEdge, bus: TestBus, path: str) -> None:
    url = f"{running.url}/plivo/{path}"
    good = signed(url, FORM)
    for headers in (
        {},
        {"X-Plivo-Signature-V3": "bm9wZQ==", "X-Plivo-Signature-V3-Nonce": "1"},
        {"X-Plivo-Signature-V3": good["X-Plivo-Signature-V3"]},
        good | {"X-Plivo-Signature-V3-Nonce": "other"},
        signed(url, FORM, token="other token"),
        signed(f"{running.url}/plivo/other", FORM),
        {"X-Plivo-Signature-V2": good["X-Plivo-Signature-V3"], "X-Plivo-Signature-V2-Nonce": "1"},
    ):
        assert (await post(running, f"/plivo/{path}", headers)).status_code == 403
    assert not await bus.published()


async def test_either_signature_of_an_account_is_accepted(running: RunningEdge) -> None:
    url = f"{running.url}/plivo/answer"
    good = signed(url, FORM)
    main = {"X-Plivo-Signature-Ma-V3": good["X-Plivo-Signature-V3"], "X-Plivo-Signature-V3": "bm9wZQ=="}
    answer = await post(
        running, "/plivo/answer", main | {"X-Plivo-Signature-V3-Nonce": good["X-Plivo-Signature-V3-Nonce"]}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path", ["answer?call=00-a%26b", "answer?call=a&call=b", "answer?call=a.CallUUIDu2", "answer?x=%20"]
)
async def test_an_address_that_can_be_split_in_two_ways_is_refused(running: RunningEdge, path: str) -> None:
    assert (await post(running, f"/plivo/{path}")).status_code == 403


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
async def test_a_body_of_another_kind_is_refused(running: RunningEdge, kind: str) -> None:
    url = f"{running.url}/plivo/answer"
    for body in (b'{"CallUUID": "u1"}', b"--x\r\n\r\n--x--", b"\xff\xfe\x00", b"&" * 5_000, b"a=" + b"x" * 100_000):
        async with httpx.AsyncClient() as http:
            answer = await http.post(url, content=body, headers=signed(url, FORM) | {"Content-Type": kind})
        assert answer.status_code == 403


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


async def test_a_webhook_that_comes_twice_is_one_call(running: RunningEdge, bus: TestBus) -> None:
    url = f"{running.url}/plivo/answer"
    headers = signed(url, FORM)
    first, replayed, again = [
        (await post(running, "/plivo/answer", given)).text for given in (headers, headers, signed(url, FORM))
    ]
    assert first == replayed == again
    (stream, _) = parse_plivo_xml(first)
    assert isinstance(stream, Stream)
    async with connect(stream.url, proxy=None) as socket:
        await socket.send(start(stream.extra_headers))
        await running.event(CallStarted)
        assert parse_plivo_xml((await post(running, "/plivo/answer", headers)).text) == [Hangup()]
    assert len(await bus.published(CallStarted)) == 1


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
    async with running_edge(bus, settings, carrier="plivo", reconnect_s=5) as running, opened(running) as socket:
        socket.transport.abort()
        assert (await post(running, "/plivo/hangup", CallStatus="completed")).status_code == 204
        assert (await running.event(CallEnded)).reason == "caller_hung_up"


@pytest.mark.parametrize(
    "first",
    [
        "nonsense",
        "[]",
        b"\x00",
        "x" * 100_000,
        json.dumps({"event": "start"}),
        json.dumps({"event": "media", "streamId": "s1", "media": {"payload": ""}}),
        json.dumps({"event": "dtmf", "streamId": "s1", "dtmf": {"digit": "1"}}),
        start(""),
        start("orchestra=AAAA"),
        start("", media_format={"encoding": "audio/x-opus", "sampleRate": 48000}),
        start("", media_format={"encoding": "audio/x-mulaw", "sampleRate": 16000}),
        start("", media_format={"encoding": "audio/x-l16", "sampleRate": 44100}),
        start("", media_format=None),
    ],
    ids=lambda first: repr(first[:12]),
)
async def test_a_stream_without_a_proper_start_is_refused_and_counted(
    running: RunningEdge, bus: TestBus, first: str | bytes
) -> None:
    with capture_logs() as logs:
        async with connect(running.url.replace("http", "ws") + "/plivo/stream", proxy=None) as socket:
            await socket.send(first)
            assert await close_code(socket) == 1008
    assert [entry["event"] for entry in logs].count("stream.refused") == 1
    assert not await bus.published(CallStarted)


async def test_a_token_opens_one_stream_of_its_own_call(running: RunningEdge, bus: TestBus) -> None:
    stream = await offered(running)
    other = await offered(running, CallUUID="u2")
    for headers, call in ((stream.extra_headers, "u2"), (other.extra_headers, "u1")):
        async with connect(stream.url, proxy=None) as socket:
            await socket.send(start(headers, call=call))
            assert await close_code(socket) == 1008
    async with connect(stream.url, proxy=None) as first, connect(stream.url, proxy=None) as second:
        for socket in (first, second):
            await socket.send(start(stream.extra_headers))
            await running.event(CallStarted)
        assert await close_code(second) == 1008
    assert len(await bus.published(CallStarted)) == 1


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        b"\x00\x01",
        "x" * 100_000,
        '{"event": "media", "streamId": "s2", "media": {"payload": ""}}',
        '{"event": "playedStream", "streamId": "s2", "name": "a"}',
        start(""),
    ],
    ids=lambda message: repr(message[:40]),
)
async def test_a_stream_that_breaks_the_protocol_is_closed_and_other_calls_go_on(
    running: RunningEdge, message: str | bytes
) -> None:
    async def talk(line: PhoneLine) -> None:
        await running.event(ReplySpoken, turn=0)
        async with opened(running, message) as socket:
            assert await close_code(socket) == 1008
        assert (await running.event(CallEnded)).reason == "failed"
        assert line.agent_audible_s > 0.1

    async with asyncio.timeout(running.patience_s):
        assert (await PlivoCaller(running.url, AUTH_TOKEN).call(PhoneLine(), talk)).how == "caller_hung_up"
    await running.event(CallEnded, reason="caller_hung_up")


@pytest.mark.parametrize(
    "odd",
    [
        *({"event": "dtmf", "dtmf": {"digit": digit}} for digit in ("A", "", "12", 5, None)),
        {"event": "dtmf"},
        {"event": "media", "media": {"payload": "odd"}},
        {"event": "media", "media": {"payload": None}},
        {"event": "media", "media": {"payload": "/v7+", "timestamp": [40]}},
        {"event": "media", "media": "inbound"},
        {"event": "media", "streamId": None, "media": {"payload": "/v7+"}},
        {"event": "playedStream", "name": None},
        {"event": "playedStream"},
        {"event": "clearedAudio", "streamId": 5},
    ],
    ids=json.dumps,
)
async def test_a_malformed_message_is_skipped_and_the_call_continues(running: RunningEdge, odd: dict[str, Any]) -> None:
    async with opened(running, json.dumps({"streamId": "s1"} | odd)) as socket:
        await socket.send('{"event": "dtmf", "streamId": "s1", "dtmf": {"digit": "5"}}')
        assert (await running.event(DigitPressed)).digit == "5"
    assert (await running.event(CallEnded)).reason == "caller_hung_up"
    assert running.edge.admission.skipped_messages == 1


async def test_news_of_a_later_protocol_and_answers_to_nothing_are_skipped(running: RunningEdge) -> None:
    news = '{"event": "weather", "streamId": "s1"}'
    outbound = '{"event": "media", "streamId": "s1", "media": {"track": "outbound", "payload": "//8="}}'
    unasked = '{"event": "playedStream", "streamId": "s1", "name": "nobody asked"}'
    cleared = '{"event": "clearedAudio", "streamId": "s1"}'
    digit = '{"event": "dtmf", "streamId": "s1", "dtmf": {"track": "inbound", "digit": "5"}}'
    async with opened(running, news, outbound, unasked, cleared, cleared, digit):
        assert (await running.event(DigitPressed)).digit == "5"


async def test_a_flood_of_messages_ends_its_stream(running: RunningEdge) -> None:
    silence = json.dumps({"event": "media", "streamId": "s1", "media": {"payload": "//8="}})
    async with opened(running) as socket:
        try:
            for _ in range(30_000):
                await socket.send(silence)
        except ConnectionClosed:
            pass  # refused before all was sent
        assert await close_code(socket) == 1008
    assert (await running.event(CallEnded)).reason == "failed"
