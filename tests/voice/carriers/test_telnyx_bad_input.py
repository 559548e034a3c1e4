"""What comes to Telnyx's addresses and is not Telnyx's, or not in order."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from orchestra.settings import Settings
from orchestra.simulator import PhoneLine
from orchestra.simulator.telnyx_network import Leg
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallResumed, CallStarted, DigitPressed, ReplySpoken, UserTurnEnded
from tests.voice.carriers.telnyx_edge import WEBHOOK, TelnyxEdge, telnyx_edge
from tests.voice.edges import tone

SILENCE = base64.b64encode(b"\xff" * 160).decode()


@pytest.fixture
async def edge(bus: TestBus, settings: Settings) -> AsyncIterator[TelnyxEdge]:
    async with telnyx_edge(bus, settings, "hello", reconnect_s=30) as edge:
        yield edge


# -- webhooks


@pytest.mark.parametrize("missing", ["telnyx-signature-ed25519", "telnyx-timestamp"])
async def test_an_unsigned_webhook_is_refused(edge: TelnyxEdge, missing: str) -> None:
    body = edge.initiated()
    headers = edge.network.sign(body)
    del headers[missing]
    assert await edge.post(body, headers) == 403
    assert (edge.network.commands, edge.refused("webhook.refused")) == ([], 1)


async def test_a_webhook_of_another_key_is_refused(edge: TelnyxEdge) -> None:
    body, stamp = edge.initiated(), str(int(time.time()))
    signature = Ed25519PrivateKey.generate().sign(f"{stamp}|".encode() + body)
    headers = {"telnyx-timestamp": stamp, "telnyx-signature-ed25519": base64.b64encode(signature).decode()}
    assert await edge.post(body, headers) == 403
    assert edge.network.commands == []


@pytest.mark.parametrize("change", [lambda body: body + b" ", lambda body: body.replace(b"5550001", b"5550002")])
async def test_the_signature_is_over_the_body_byte_for_byte(edge: TelnyxEdge, change: Any) -> None:
    body = edge.initiated()
    assert await edge.post(change(body), edge.network.sign(body)) == 403
    assert edge.network.commands == []


async def test_the_time_stamp_is_signed(edge: TelnyxEdge) -> None:
    body = edge.initiated()
    headers = edge.network.sign(body, time.time() - 3_600) | {"telnyx-timestamp": str(int(time.time()))}
    assert await edge.post(body, headers) == 403


@pytest.mark.parametrize("away_s", [-86_400, -310, 310])
async def test_a_webhook_that_is_replayed_later_is_refused(edge: TelnyxEdge, away_s: int) -> None:
    body = edge.initiated()
    assert await edge.post(body, edge.network.sign(body, time.time() + away_s)) == 403
    assert edge.network.commands == []


@pytest.mark.parametrize("stamp", ["", "now", "-1", "1e9", "٣", "1" * 400])
async def test_a_time_stamp_that_is_none_is_refused(edge: TelnyxEdge, stamp: str) -> None:
    body = edge.initiated()
    headers = edge.network.sign(body)
    async with asyncio.timeout(30):
        assert await edge.post(body, headers | {"telnyx-timestamp": stamp.encode()}) == 403  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"data":{"event_type":"call.initiated","payload":{"call_control_id":',
        b'{"data":{"event_type":"call.initiated","payload":{}}}',
        b'{"data":{"event_type":"call.initiated","payload":{"call_control_id":7}}}',
        b'{"data":{"event_type":"call.hangup","payload":{"call_control_id":"a","client_state":"%%%"}}}',
        b'{"data":{"event_type":"call.hangup","payload":{"call_control_id":"a","client_state":"bm90IG91cnM="}}}',
        b"[" * 50_000,
        b'{"data":"' + b"a" * 70_000 + b'"}',
    ],
    ids=range(12),
)
async def test_a_signed_body_that_is_no_event_is_refused(edge: TelnyxEdge, body: bytes) -> None:
    assert await edge.post(body, edge.network.sign(body)) == 403
    assert (edge.network.commands, edge.refused("webhook.refused")) == ([], 1)


async def test_a_client_state_with_a_call_that_is_none_of_ours_is_refused(edge: TelnyxEdge) -> None:
    for call in ("../../etc", "999-x", "x" * 5_000):
        state = base64.b64encode(json.dumps({"call": call}).encode()).decode()
        leg = Leg("v3:other", {"from": "+1", "to": "+1", "direction": "incoming"}, edge.running.url + WEBHOOK, state)
        assert await edge.network.send(leg, "streaming.stopped") == 403
    assert edge.network.commands == []


@pytest.mark.parametrize("kind", ["call.recording.saved", "call.dtmf.received", "call.bridged", "of.tomorrow"])
async def test_an_event_that_means_nothing_to_us_is_taken_without_a_word(edge: TelnyxEdge, kind: str) -> None:
    body = edge.initiated().replace(b"call.initiated", kind.encode())
    assert await edge.post(body, edge.network.sign(body)) == 200
    assert (edge.network.commands, edge.refused("webhook.refused")) == ([], 0)


async def test_a_webhook_that_comes_twice_acts_once(edge: TelnyxEdge) -> None:
    async def talk(line: PhoneLine) -> None:
        del line
        await edge.running.event(ReplySpoken)

    body = edge.initiated()
    again = edge.network.sign(body, time.time() - 5)
    assert await edge.post(body, edge.network.sign(body)) == 200
    assert {await edge.post(body, headers) for headers in (again, again, edge.network.sign(body))} == {200}
    assert (edge.done("answer"), len(edge.network.commands), edge.network.repeated) == (1, 1, 3)
    assert (await edge.call(talk)).how == "caller_hung_up"


async def test_late_webhooks_change_nothing_in_a_call_that_runs(edge: TelnyxEdge) -> None:
    async def talk(line: PhoneLine) -> None:
        leg = edge.network.legs[(await edge.running.event(CallStarted)).provider_call]
        first_state = leg.client_state
        await edge.running.event(ReplySpoken)
        stream: Any = line.stream
        stream._socket.transport.abort()
        await edge.running.event(CallResumed)
        await line.until(lambda: line.stream is not None, 60)
        commands = len(edge.network.commands)
        params = {"stream_url": "wss://edge/telnyx/stream?stream=0"}
        old = Leg(leg.id, leg.numbers, leg.url, first_state)
        bodies = [
            edge.network.event(old, "call.initiated"),
            edge.network.event(old, "call.answered"),
            edge.network.event(old, "streaming.stopped"),
            edge.network.event(old, "streaming.failed", stream_params=params),
            edge.network.event(leg, "streaming.failed", stream_params=params),
        ]
        for body in bodies:
            assert await edge.post(body, edge.network.sign(body)) == 200
        assert len(edge.network.commands) == commands
        line.say(tone(0.4))
        await edge.running.event(UserTurnEnded, turn=1)

    outcome = await edge.call(talk)
    assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)
    assert (await edge.running.event(CallEnded)).reason == "caller_hung_up"


async def test_webhooks_after_the_call_are_taken_and_start_nothing(edge: TelnyxEdge) -> None:
    legs: list[Leg] = []

    async def talk(line: PhoneLine) -> None:
        del line
        legs.append(edge.network.legs[(await edge.running.event(CallStarted)).provider_call])
        await edge.running.event(ReplySpoken)

    await edge.call(talk)
    await edge.running.event(CallEnded)
    commands = len(edge.network.commands)
    for kind in ("call.initiated", "call.answered", "streaming.failed", "streaming.stopped", "call.hangup"):
        assert await edge.network.send(legs[0], kind) == 200
    assert len(edge.network.commands) == commands
    assert len(await edge.running.bus.published(CallStarted)) == 1


async def test_a_command_that_fails_has_the_webhook_sent_again_and_the_call_is_taken_then(edge: TelnyxEdge) -> None:
    body = edge.initiated()
    edge.network.refuses.add("answer")
    assert await edge.post(body, edge.network.sign(body)) == 503
    edge.network.refuses.clear()
    assert await edge.post(body, edge.network.sign(body)) == 200
    assert edge.done("answer") == 1


async def test_a_flood_of_unsigned_webhooks_does_not_keep_callers_away(edge: TelnyxEdge) -> None:
    body = edge.initiated()
    flood = [edge.post(body, {"telnyx-timestamp": "1", "telnyx-signature-ed25519": "AA=="}) for _ in range(100)]
    assert set(await asyncio.gather(*flood)) == {403}

    async def talk(line: PhoneLine) -> None:
        assert await line.until(lambda: line.agent_audible_s > 0.1, 60)

    assert (await edge.call(talk)).how == "caller_hung_up"
    assert edge.refused("webhook.refused") == 100


# -- streams


@asynccontextmanager
async def socket_of(edge: TelnyxEdge) -> AsyncIterator[ClientConnection]:
    async with connect(f"{edge.running.url.replace('http', 'ws')}/telnyx/stream?stream=0", proxy=None) as socket:
        yield socket


async def closed(socket: ClientConnection, *messages: Any) -> int | None:
    """The code with which the edge closes the socket after these messages."""
    try:
        for message in messages:
            await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
        async with asyncio.timeout(30):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return socket.close_code


async def offered(edge: TelnyxEdge) -> dict[str, Any]:
    """The `start` of a stream that the edge has asked for, and that has not come yet."""
    body = edge.initiated()
    await edge.post(body, edge.network.sign(body))
    command = edge.network.commands[-1]
    return {
        "event": "start",
        "stream_id": "s1",
        "start": {
            "call_control_id": command.leg,
            "client_state": command.body["client_state"],
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        },
    }


def media(stream_id: str = "s1", payload: str = SILENCE) -> dict[str, Any]:
    return {"event": "media", "stream_id": stream_id, "media": {"track": "inbound", "payload": payload}}


@pytest.mark.parametrize(
    "media_format",
    [
        {"encoding": "G722", "sample_rate": 8000, "channels": 1},
        {"encoding": "L16", "sample_rate": 16000, "channels": 1},
        {"encoding": "PCMU", "sample_rate": 16000, "channels": 1},
        {"encoding": "PCMU", "sample_rate": 8000, "channels": 2},
        {},
        None,
    ],
)
async def test_a_stream_in_another_format_is_refused_and_counted(edge: TelnyxEdge, media_format: Any) -> None:
    start = await offered(edge)
    start["start"]["media_format"] = media_format
    async with socket_of(edge) as socket:
        assert await closed(socket, start) == 1008
    assert edge.refused("stream.refused") == 1
    assert await edge.running.bus.published(CallStarted) == []


@pytest.mark.parametrize(
    "first",
    [media(), {"event": "stop", "stream_id": "s1"}, {"event": "start"}, b"\x00" * 320, "{", "", "[" * 60_000],
    ids=["media", "stop", "no start", "binary", "truncated", "empty", "deep"],
)
async def test_a_stream_without_a_start_is_refused_and_counted(edge: TelnyxEdge, first: Any) -> None:
    async with socket_of(edge) as socket:
        assert await closed(socket, first) == 1008
    assert edge.refused("stream.refused") == 1


@pytest.mark.parametrize("change", ["nothing", "token", "leg", "call", "no state"])
async def test_a_stream_without_the_token_of_its_call_is_refused(edge: TelnyxEdge, change: str) -> None:
    start, other = await offered(edge), await offered(edge)
    state = json.loads(base64.b64decode(start["start"]["client_state"]))
    if change == "token":
        state["token"] = state["token"][:-1] + ("0" if state["token"][-1] != "0" else "1")
    elif change == "leg":
        start["start"]["call_control_id"] = other["start"]["call_control_id"]
    elif change == "call":
        state["call"] = json.loads(base64.b64decode(other["start"]["client_state"]))["call"]
    start["start"]["client_state"] = base64.b64encode(json.dumps(state).encode()).decode()
    if change == "no state":
        del start["start"]["client_state"]
    async with socket_of(edge) as socket:
        if change == "nothing":
            await socket.send(json.dumps(start))
            await edge.running.event(CallStarted)
        else:
            assert await closed(socket, start) == 1008
            assert await edge.running.bus.published(CallStarted) == []


async def test_a_token_opens_one_stream(edge: TelnyxEdge) -> None:
    start = await offered(edge)
    async with socket_of(edge) as first, socket_of(edge) as second:
        await first.send(json.dumps(start))
        await edge.running.event(CallStarted)
        assert await closed(second, start) == 1008


@pytest.mark.parametrize(
    "message",
    [media("s2"), {"event": "stop", "stream_id": "s2"}, {"event": "connected"}, b"\x01"],
    ids=["media of another stream", "stop of another stream", "connected again", "binary"],
)
async def test_what_breaks_the_protocol_in_a_stream_ends_it(edge: TelnyxEdge, message: Any) -> None:
    async with socket_of(edge) as socket:
        assert await closed(socket, await offered(edge), message) == 1008
    assert edge.refused("stream.refused") == 1


async def test_messages_that_make_no_sense_are_skipped_and_counted(edge: TelnyxEdge) -> None:
    odd: list[Any] = [
        media(payload="%%%"),
        {"event": "dtmf", "stream_id": "s1", "dtmf": {"digit": "Z"}},
        {"event": "mark", "stream_id": "s1", "mark": {"name": 7}},
        {"event": "error", "stream_id": "s1", "payload": {"code": 100003, "title": "malformed_frame"}},
    ]
    async with socket_of(edge) as socket:
        for message in [await offered(edge), *odd, {"event": "of tomorrow"}, media()]:
            await socket.send(json.dumps(message))
        await socket.send(json.dumps({"event": "dtmf", "stream_id": "s1", "dtmf": {"digit": "7"}}))
        await edge.running.event(DigitPressed, digit="7")
        assert edge.running.edge.admission.skipped_messages == len(odd)
    assert edge.refused("stream.refused") == 0


async def test_a_flood_of_messages_ends_the_stream(edge: TelnyxEdge) -> None:
    async with socket_of(edge) as socket:
        start = await offered(edge)
        mark = json.dumps({"event": "mark", "stream_id": "s1", "mark": {"name": "x"}})
        assert await closed(socket, start, *[mark] * 40_000) in (1008, 1006)
    assert edge.refused("stream.refused") == 1
