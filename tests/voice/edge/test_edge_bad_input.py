"""What is not Twilio's, or not Twilio's protocol, is refused; the process and other calls go on."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from orchestra.settings import Settings
from orchestra.simulator.twiml import ConnectStream, parse_twiml
from orchestra.testing import TestBus
from orchestra.voice.audio import mulaw
from orchestra.voice.audio.call_audio import is_audible
from orchestra_schemas import AudioChunk, CallEnded, CallStarted, DigitPressed
from tests.voice.edges import AUTH_TOKEN, RunningEdge, running_edge, tone

FORM = {"CallSid": "CA1", "From": "+15550001", "To": "+15550100"}
CONNECTED = json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})


@pytest_asyncio.fixture
async def running(bus: TestBus, settings: Settings) -> AsyncIterator[RunningEdge]:
    async with running_edge(bus, settings, reconnect_s=0.3) as edge:
        yield edge


async def post(running: RunningEdge, path: str, signature: str | None = None, **form: str) -> httpx.Response:
    url = running.url + path
    async with httpx.AsyncClient() as http:
        signed = RequestValidator(AUTH_TOKEN).compute_signature(url, form) if signature is None else signature
        return await http.post(url, data=form, headers={"X-Twilio-Signature": signed})


async def dial(running: RunningEdge) -> ConnectStream:
    (verb,) = parse_twiml((await post(running, "/twilio/voice", **FORM)).text)
    assert isinstance(verb, ConnectStream)
    return verb


def start(parameters: dict[str, str], **changed: Any) -> str:
    message: dict[str, Any] = {
        "event": "start",
        "streamSid": "MZ1",
        "start": {"streamSid": "MZ1", "callSid": "CA1", "customParameters": parameters},
    }
    return json.dumps(message | changed)


@asynccontextmanager
async def opened(running: RunningEdge, *messages: str | bytes) -> AsyncIterator[ClientConnection]:
    verb = await dial(running)
    async with connect(verb.url, proxy=None) as socket:
        await socket.send(CONNECTED)
        await socket.send(start(verb.parameters))
        await running.event(CallStarted)
        for message in messages:
            await socket.send(message)
        yield socket


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(30):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


def of_streams(logs: Sequence[MutableMapping[str, Any]]) -> list[str]:
    """What was logged of streams, not what a slow server or a busy machine is told of."""
    kinds = ("stream.refused", "call.started")
    return [entry["event"] for entry in logs if entry["event"] in kinds]


@pytest.mark.parametrize("signature", ["", "bm9wZQ=="])
@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/after-stream?call=00-1"])
async def test_a_webhook_with_a_wrong_signature_is_forbidden(
    running: RunningEdge, bus: TestBus, path: str, signature: str
) -> None:
    assert (await post(running, path, signature, **FORM)).status_code == 403
    assert not await bus.published()


async def test_a_webhook_is_checked_against_the_public_address(bus: TestBus, settings: Settings) -> None:
    async with (
        running_edge(bus, settings, public_url="https://voice.example.com") as running,
        httpx.AsyncClient() as http,
    ):
        signed = RequestValidator(AUTH_TOKEN).compute_signature("https://voice.example.com/twilio/voice", FORM)
        answer = await http.post(running.url + "/twilio/voice", data=FORM, headers={"X-Twilio-Signature": signed})
    assert 'url="wss://voice.example.com/twilio/stream"' in answer.text


async def test_an_endless_form_is_refused(running: RunningEdge) -> None:
    assert (await post(running, "/twilio/voice", **FORM, Body="x" * 100_000)).status_code == 403


async def test_an_unknown_call_is_hung_up(running: RunningEdge) -> None:
    for call in ("", "nonsense", "00-" + "0" * 32, "99-0199b8a0-0000-7000-8000-000000000000"):
        assert "<Hangup />" in (await post(running, f"/twilio/after-stream?call={call}", **FORM)).text


@pytest.mark.parametrize("changed", [{"token": ""}, {"token": "1.x"}, {"call": "00-other"}, {}])
async def test_a_stream_without_its_token_is_refused(
    running: RunningEdge, bus: TestBus, changed: dict[str, str]
) -> None:
    verb = await dial(running)
    given = verb.parameters | changed if changed else {}
    with capture_logs() as logs:
        async with connect(verb.url, proxy=None) as socket:
            await socket.send(CONNECTED)
            await socket.send(start(given))
            assert await close_code(socket) == 1008
    assert of_streams(logs) == ["stream.refused"]
    assert not await bus.published(CallStarted)


async def test_additions_of_a_later_protocol_are_skipped(running: RunningEdge) -> None:
    news = '{"event": "weather", "streamSid": "MZ1"}'
    outbound = '{"event": "media", "streamSid": "MZ1", "media": {"track": "outbound", "payload": "//8="}}'
    digit = '{"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "5"}}'
    async with opened(running, news, outbound, digit):
        assert (await running.event(DigitPressed)).digit == "5"


@pytest.mark.parametrize("stamp", [40.5, -3, 1e300, "12345678901234567890123", None, 10**30])
@pytest.mark.parametrize("track", ["inbound", None])
async def test_audio_with_an_odd_time_stamp_or_without_a_track_is_accepted(
    running: RunningEdge, stamp: object, track: str | None
) -> None:
    sound = {"payload": base64.b64encode(mulaw.encode(tone(0.1))).decode(), "timestamp": stamp, "track": track}
    message = json.dumps({"event": "media", "streamSid": "MZ1", "media": sound})
    async with opened(running, *[message] * 3):
        chunk = await running.event(AudioChunk, speaker="caller")
        assert is_audible(chunk.audio)
    assert running.edge.admission.skipped_messages == 0


async def test_a_caller_who_vanishes_ends_the_call(running: RunningEdge) -> None:
    async with opened(running) as socket:
        socket.transport.abort()
        assert (await running.event(CallEnded)).reason == "caller_hung_up"
