"""Calls that are made: ordered with a token, placed by the carrier's API, answered by people and machines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from twilio.request_validator import RequestValidator

from orchestra.bus.stream.publisher import CLOSED
from orchestra.errors import RejectedError
from orchestra.settings import Settings
from orchestra.simulator.caller import Caller, CallOutcome
from orchestra.simulator.phone_line import PhoneLine
from orchestra.storage.calls_of_lost_edges import claim_end
from orchestra.testing import TestBus
from orchestra.voice.carriers.stream_token import claim_stream
from orchestra_schemas import (
    CallAnswered,
    CallEnded,
    CallStarted,
    DigitsRequested,
    ReplyInterrupted,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
)
from tests.servers.server import Faults
from tests.servers.twilio import TwilioServer
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, running_edge, tone

# the twilio package signs in by what aiohttp is about to drop
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

DIAL = {"Authorization": "Bearer dial token"}
APP = Greeting(greeting="Hello there.", voicemail="One two three four five six seven.")


@asynccontextmanager
async def edge_that_dials(
    bus: TestBus, settings: Settings, *, app: Greeting = APP, faults: Faults | None = None, **changed: Any
) -> AsyncIterator[tuple[RunningEdge, TwilioServer]]:
    async with TwilioServer("AC1", AUTH_TOKEN, faults or Faults()) as carrier:
        given = {
            "twilio_account_sid": "AC1",
            "twilio_api_url": carrier.url,
            "twilio_number": "+15550100",
            "api_token": "api token",
            "dial_token": "dial token",
            "dial_prefixes": "+1555",
            "reconnect_s": 0.2,
        }
        async with running_edge(bus, settings, app=app, **(given | changed)) as running:
            yield running, carrier


async def order(running: RunningEdge, body: object, headers: dict[str, str] = DIAL) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as http:  # the first order of a process imports the carrier's client
        return await http.post(f"{running.url}/calls", json=body, headers=headers)


async def answer(running: RunningEdge, placed: dict[str, str], answered_by: str, line: PhoneLine) -> CallOutcome:
    caller = Caller(running.url, AUTH_TOKEN, answered_by=answered_by, voice_url=placed["Url"], call_sid=placed["Sid"])

    async def listen(line: PhoneLine) -> None:
        await line.until(lambda: line.agent_audible_s > 0.15, 30)
        await running.event(ReplySpoken)  # then the machine is hung up on, and the person hangs up
        await line.until(lambda: answered_by == "human", 30)

    async with asyncio.timeout(90):
        return await caller.call(line, listen)


async def test_a_call_is_placed_with_its_webhooks_and_machine_detection(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings) as (running, carrier):
        placed = await order(running, {"to": "+15550001"})
        assert placed.status_code == 201
        (ordered,) = carrier.orders
    call = placed.json()["call"]
    assert placed.json()["provider_call"] == ordered["Sid"]
    assert (ordered["To"], ordered["From"]) == ("+15550001", "+15550100")
    assert ordered["Url"] == f"{running.url}/twilio/voice?call={call}"
    assert ordered["StatusCallback"] == f"{running.url}/twilio/status?call={call}"
    assert ordered["MachineDetection"] == "DetectMessageEnd"


async def test_a_machine_hears_the_message_and_is_hung_up_on(bus: TestBus, settings: Settings) -> None:
    line = PhoneLine()
    async with edge_that_dials(bus, settings) as (running, carrier):
        call = (await order(running, {"to": "+15550001"})).json()["call"]
        ending = await answer(running, carrier.orders[0], "machine_end_beep", line)
        ended = await running.event(CallEnded)
    assert (ending.how, ended.reason) == ("agent_hung_up", "agent_hung_up")
    assert [(event.call, event.by) for event in await bus.published(CallAnswered)] == [(call, "machine")]
    (spoken,) = await bus.published(ReplySpoken)
    assert spoken.text == APP.voicemail
    assert line.agent_audible_s >= 0.68
    assert (await bus.published(CallStarted))[0].direction == "outbound"


async def test_a_person_is_greeted(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings) as (running, carrier):
        await order(running, {"to": "+15550001"})
        ending = await answer(running, carrier.orders[0], "human", PhoneLine())
    assert ending.how == "caller_hung_up"
    assert (await bus.published(ReplySpoken))[0].text == "Hello there."


async def test_a_fax_and_a_machine_without_a_message_are_hung_up_on(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings, app=Greeting()) as (running, carrier):
        await order(running, {"to": "+15550001"})
        for answered_by in ("fax", "machine_start"):
            assert (await answer(running, carrier.orders[0], answered_by, PhoneLine())).streams == 0


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic dial token", "Bearer api token", "Bearer", "dial token"])
async def test_without_the_token_no_call_is_made(bus: TestBus, settings: Settings, given: str) -> None:
    async with edge_that_dials(bus, settings) as (running, carrier):
        refused = await order(running, {"to": "+15550001"}, {"Authorization": given})
        assert (refused.status_code, "ORCHESTRA_DIAL_TOKEN" in refused.json()["error"]) == (401, True)
        assert not carrier.orders


@pytest.mark.parametrize(
    ("body", "status"),
    [({"to": "555"}, 422), ({}, 422), ({"to": "+15550001", "x": 1}, 422), ({"to": "+1" * 40_000}, 413)],
)
async def test_a_request_that_is_not_an_order_is_refused(
    bus: TestBus, settings: Settings, body: object, status: int
) -> None:
    async with edge_that_dials(bus, settings) as (running, carrier):
        assert (await order(running, body)).status_code == status
        assert not carrier.orders


async def test_the_carriers_refusal_is_reported_without_secrets(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings, faults=Faults(status=401)) as (running, _):
        refused = await order(running, {"to": "+15550001"})
    assert refused.status_code == 502
    assert AUTH_TOKEN not in refused.text


@pytest.mark.parametrize(("status", "reason"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed")])
async def test_a_status_callback_closes_a_call_that_nobody_answered(
    bus: TestBus, settings: Settings, status: str, reason: str
) -> None:
    async with edge_that_dials(bus, settings) as (running, carrier):
        await order(running, {"to": "+15550001"})
        url = carrier.orders[0]["StatusCallback"]
        form = {"CallSid": carrier.orders[0]["Sid"], "CallStatus": status}
        async with httpx.AsyncClient() as http:
            assert (await http.post(url, data=form)).status_code == 403
            signed = {"X-Twilio-Signature": RequestValidator(AUTH_TOKEN).compute_signature(url, form)}
            assert (await http.post(url, data=form, headers=signed)).status_code == 204
        assert (await running.event(CallEnded)).reason == reason


async def test_a_token_is_used_once_among_all_edges(bus: TestBus) -> None:
    call = bus.call()
    await claim_stream(bus.bus, call, "1.token")
    with pytest.raises(RejectedError, match="used before"):
        await claim_stream(bus.bus, call, "1.token")
    await claim_stream(bus.bus, call, "1.other")


async def test_a_caller_is_not_turned_away_because_redis_answer_was_lost_and_its_client_asked_again(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = bus.bus.redis.set

    async def again(*words: Any, **options: Any) -> Any:
        await claim(*words, **options)
        return await claim(*words, **options)

    monkeypatch.setattr(bus.bus.redis, "set", again)
    await claim_stream(bus.bus, bus.call(), "1.token")
    assert await claim_end(bus.bus, bus.call())


async def test_keys_that_the_agents_press_are_heard_as_tones(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "hello", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            await bus.publish(
                DigitsRequested(call=call, turn=1, digits="12"), TurnCompleted(call=call, turn=1, agent="a")
            )
            assert await line.until(lambda: line.agent_audible_s > 0.2, 30)

        await running.call(talk)


async def test_a_silent_caller_is_asked_before_the_call_ends(bus: TestBus, settings: Settings) -> None:
    app = Greeting(greeting="", still_there="Are you there?")
    async with running_edge(bus, settings, app=app, caller_silence_s=0.5) as running:
        ending = await running.call(_wait)
    assert ending.how == "agent_hung_up"
    assert [event.text for event in await bus.published(ReplySpoken)] == ["Are you there?"]
    assert [event.reason for event in await bus.published(CallEnded)] == ["silence"]


async def test_a_caller_whose_call_was_closed_while_the_edge_was_cut_off_is_told_and_let_go(
    bus: TestBus, settings: Settings
) -> None:
    closer = bus.bus.publisher("persistence")
    async with running_edge(bus, settings, app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            call = (await running.event(CallStarted)).call
            closer.claim(call, CLOSED)
            closer.publish(CallEnded(call=call, reason="failed"))
            await line.until(lambda: False, 60)
            assert line.agent_audible_s > 0.2

        ending = await running.call(talk)
    assert ending.how == "agent_hung_up"
    assert [event.source for event in await bus.published(CallEnded)] == ["persistence"]


async def _wait(line: PhoneLine) -> None:
    await line.until(lambda: False, 60)


async def tell_who_answered(running: RunningEdge, placed: dict[str, str], answered_by: str) -> None:
    url, form = placed["AsyncAmdStatusCallback"], {"CallSid": placed["Sid"], "AnsweredBy": answered_by}
    signed = {"X-Twilio-Signature": RequestValidator(AUTH_TOKEN).compute_signature(url, form)}
    async with httpx.AsyncClient() as http:
        assert (await http.post(url, data=form, headers=signed)).status_code == 204


async def test_a_machine_that_is_detected_later_hears_the_message_instead(bus: TestBus, settings: Settings) -> None:
    greeting = Greeting(greeting="Hello there, " * 60, voicemail=APP.voicemail)
    line = PhoneLine()
    async with edge_that_dials(bus, settings, app=greeting, machine_detection_async=True) as (running, carrier):
        await order(running, {"to": "+15550001"})
        (placed,) = carrier.orders
        assert placed["AsyncAmd"] == "true"
        caller = Caller(running.url, AUTH_TOKEN, voice_url=placed["Url"], call_sid=placed["Sid"])

        async def talk(line: PhoneLine) -> None:
            await line.until(lambda: line.agent_audible_s > 0.3, 30)
            assert not await bus.published(CallAnswered)
            await tell_who_answered(running, placed, "machine_end_beep")
            await line.until(lambda: False, 60)

        async with asyncio.timeout(90):
            ending = await caller.call(line, talk)
        ended = await running.event(CallEnded)
    assert (ending.how, ended.reason) == ("agent_hung_up", "agent_hung_up")
    assert [(event.by, event.detail) for event in await bus.published(CallAnswered)] == [
        ("machine", "machine_end_beep")
    ]
    assert [event.text for event in await bus.published(ReplySpoken)] == [APP.voicemail]
    (cut,) = await bus.published(ReplyInterrupted)
    assert 1 <= len(cut.heard.split()) < 110


async def test_a_person_who_is_detected_later_continues_talking(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings, machine_detection_async=True) as (running, carrier):
        await order(running, {"to": "+15550001"})
        (placed,) = carrier.orders
        caller = Caller(running.url, AUTH_TOKEN, voice_url=placed["Url"], call_sid=placed["Sid"])

        async def talk(_: PhoneLine) -> None:
            await tell_who_answered(running, placed, "human")
            await running.event(CallAnswered, by="human")
            await running.event(ReplySpoken, turn=0)

        async with asyncio.timeout(90):
            assert (await caller.call(PhoneLine(), talk)).how == "caller_hung_up"


async def test_a_status_callback_closes_an_incoming_call_whose_socket_never_came(
    bus: TestBus, settings: Settings
) -> None:
    async with running_edge(bus, settings, reconnect_s=0.1) as running, httpx.AsyncClient() as http:

        async def post(path: str, **form: str) -> httpx.Response:
            url = running.url + path
            signed = {"X-Twilio-Signature": RequestValidator(AUTH_TOKEN).compute_signature(url, form)}
            return await http.post(url, data=form, headers=signed)

        assert (await post("/twilio/voice", CallSid="CA7", From="+15550001", To="+15550100")).status_code == 200
        for sid in ("CA8", "CA7"):
            assert (await post("/twilio/status", CallSid=sid, CallStatus="completed")).status_code == 204
        ended = await running.event(CallEnded)
        assert len(await bus.published(CallEnded)) == 1
    assert ended.reason == "caller_hung_up"


async def test_an_order_that_is_not_text_is_refused(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings) as (running, carrier):
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{running.url}/calls", content=b'{"\xde": "+15550001"}', headers=DIAL)
        assert answer.status_code == 422
        assert not carrier.orders
