"""What comes to Telnyx's addresses and is not Telnyx's, or not in order, beside what every carrier is sent."""

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestra.settings import Settings
from orchestra.simulator import PhoneLine
from orchestra.simulator.telnyx_network import Leg
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallResumed, CallStarted, ReplySpoken, UserTurnEnded
from tests.voice.carriers.telnyx_edge import WEBHOOK, TelnyxEdge, telnyx_edge
from tests.voice.edges import tone

NO_EVENTS = (
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
)


@pytest.fixture
async def edge(bus: TestBus, settings: Settings) -> AsyncIterator[TelnyxEdge]:
    async with telnyx_edge(bus, settings, "hello", reconnect_s=30) as edge:
        yield edge


async def test_the_signature_is_over_the_time_stamp_and_the_body_byte_for_byte(edge: TelnyxEdge) -> None:
    body, now = edge.initiated(), str(int(time.time()))
    assert await edge.post(body + b" ", edge.network.sign(body)) == 403
    old = edge.network.sign(body, time.time() - 3_600)
    assert await edge.post(body, old | {"telnyx-timestamp": now}) == 403
    for away_s in (-310, 310):
        assert await edge.post(body, edge.network.sign(body, time.time() + away_s)) == 403
    for stamp in ("", "now", "-1", "1e9", "٣", "1" * 400):
        headers: dict[str, Any] = edge.network.sign(body) | {"telnyx-timestamp": stamp.encode()}
        assert await edge.post(body, headers) == 403, stamp
    assert edge.network.commands == []


async def test_a_signed_body_that_is_no_event_is_refused(edge: TelnyxEdge) -> None:
    for body in NO_EVENTS:
        assert await edge.post(body, edge.network.sign(body)) == 403, body[:100]
    assert (edge.network.commands, edge.refused("webhook.refused")) == ([], len(NO_EVENTS))


async def test_a_client_state_with_a_call_that_is_none_of_ours_is_refused(edge: TelnyxEdge) -> None:
    for call in ("../../etc", "999-x", "x" * 5_000):
        state = base64.b64encode(json.dumps({"call": call}).encode()).decode()
        leg = Leg("v3:other", {"from": "+1", "to": "+1", "direction": "incoming"}, edge.running.url + WEBHOOK, state)
        assert await edge.network.send(leg, "streaming.stopped") == 403
    assert edge.network.commands == []


async def test_an_event_that_means_nothing_to_us_is_taken_without_a_word(edge: TelnyxEdge) -> None:
    for kind in (b"call.recording.saved", b"call.dtmf.received", b"call.bridged", b"of.tomorrow"):
        body = edge.initiated().replace(b"call.initiated", kind)
        assert await edge.post(body, edge.network.sign(body)) == 200
    assert (edge.network.commands, edge.refused("webhook.refused")) == ([], 0)


@pytest.mark.integration
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


async def test_a_command_that_fails_has_the_webhook_sent_again_and_the_call_is_taken_then(edge: TelnyxEdge) -> None:
    body = edge.initiated()
    edge.network.refuses.add("answer")
    assert await edge.post(body, edge.network.sign(body)) == 503
    edge.network.refuses.clear()
    assert await edge.post(body, edge.network.sign(body)) == 200
    assert edge.done("answer") == 1
