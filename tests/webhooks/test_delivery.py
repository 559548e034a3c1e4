"""Chosen events reach real receivers: signed, redacted, in order per call, whatever the others do."""

import asyncio
import time
from collections.abc import Callable

import msgspec
import pytest
import structlog

from orchestra.bus.group.dead_letters import dead_letters, resolve
from orchestra.testing import TestBus
from orchestra.webhooks import delivery, endpoint_health
from orchestra.webhooks.endpoint_status import start_again
from orchestra.webhooks.endpoints import load_endpoints
from orchestra.webhooks.handlers import Webhooks
from orchestra.webhooks.overview import EndpointOverview, overview
from orchestra.webhooks.resend import resend
from orchestra_schemas import (
    AlarmCleared,
    AlarmRaised,
    CallAnalysed,
    CallEnded,
    CallStarted,
    Event,
    RecordingSaved,
    ReplySpoken,
)
from tests.servers.webhook_receiver import Trouble, WebhookReceiver

TROUBLES: list[Trouble] = ["hang", "close", "huge", "redirect", 500, 404, 429]
KINDS = ["call.started", "call.ended", "recording.saved"]


def a_call(call: str, app: str = "shop") -> list[Event]:
    return [
        CallStarted(call=call, app=app, from_number="+15550001"),
        ReplySpoken(call=call, text="Welcome."),
        CallEnded(call=call, reason="caller_hung_up", duration_s=5.0),
        RecordingSaved(call=call, url=f"file:///recordings/{call}.wav"),
    ]


def kinds_of(receiver: WebhookReceiver, call: str) -> list[str]:
    return [each["type"] for each in receiver.once() if each["data"]["call"] == call]


async def look(bus: TestBus, name: str = "crm") -> EndpointOverview:
    (endpoint,) = load_endpoints(bus.bus.settings, only=name)
    return await overview(bus.bus, endpoint)


async def until(bus: TestBus, reached: Callable[[EndpointOverview], bool]) -> EndpointOverview:
    async with asyncio.timeout(10):
        while not reached(seen := await look(bus)):  # noqa: ASYNC110 - the state of another's loop
            await asyncio.sleep(0.02)
    return seen


async def test_what_was_found_out_about_a_call_and_alarms_arrive(bus: TestBus, crm: WebhookReceiver) -> None:
    call, alarm = bus.call(), bus.call()
    async with bus.run(Webhooks().consumer):
        await bus.publish(
            CallStarted(call=call, app="shop"),
            CallEnded(call=call, reason="caller_hung_up"),
            CallAnalysed(call=call, summary="Mail to ann@example.com.", extracted={"parcel": 4271}, success=True),
            AlarmRaised(call=alarm, monitor="wait", value=3000.0, threshold=2500.0, side="above"),
            AlarmCleared(call=alarm, monitor="wait", value=900.0, threshold=2500.0, side="above"),
        )
        await crm.until(lambda: len(crm.delivered) == 5)
    assert kinds_of(crm, call) == ["call.started", "call.ended", "call.analysed"]
    assert kinds_of(crm, alarm) == ["alarm.raised", "alarm.cleared"]
    (analysed,) = (each["data"] for each in crm.delivered if each["type"] == "call.analysed")
    assert (analysed["extracted"], analysed["success"]) == ({"parcel": 4271}, True)
    assert "ann@example.com" not in analysed["summary"]


async def test_what_an_endpoint_wants_arrives_signed_redacted_and_in_order(
    bus: TestBus, crm: WebhookReceiver, billing: WebhookReceiver
) -> None:
    calls = [bus.call() for _ in range(12)]
    async with bus.run(Webhooks().consumer):
        stored = await bus.publish(
            *(event for number, call in enumerate(calls) for event in a_call(call, ("shop", "help")[number % 2]))
        )
        await crm.until(lambda: len(crm.delivered) == 36)
        await billing.until(lambda: len(billing.delivered) == 6)
        await bus.settled()
    assert all(kinds_of(crm, call) == KINDS for call in calls)
    assert {each["data"]["id"] for each in crm.delivered} == {
        event.id for event in stored if not isinstance(event, ReplySpoken)
    }
    assert {each["data"]["call"] for each in billing.delivered} == set(calls[::2])
    assert b"5550001" not in msgspec.json.encode(crm.delivered)
    assert not crm.refused
    seen = await look(bus, "crm")
    assert (seen.messages, seen.calls, seen.status.delivered, seen.status.failed) == (0, 0, 36, 0)


async def test_an_endpoint_that_misbehaves_holds_back_no_other_and_gets_everything_in_the_end(
    bus: TestBus, crm: WebhookReceiver, billing: WebhookReceiver
) -> None:
    calls = {bus.call(): trouble for trouble in TROUBLES}
    well = asyncio.Event()
    crm.trouble = lambda _path, message: None if well.is_set() else calls[message.partition(":")[0]]
    async with bus.run(Webhooks(timeout_s=0.3).consumer):
        await bus.publish(*(event for call in calls for event in a_call(call)))
        await billing.until(lambda: len(billing.once()) == len(calls))
        await bus.settled()  # the group has no lag: the journal does not wait
        await crm.until(lambda: len(crm.requests) >= 3)
        assert not crm.delivered
        well.set()
        await crm.until(lambda: len(crm.arrived_at) == 3 * len(calls))
    assert all(kinds_of(crm, call) == KINDS for call in calls)
    assert crm.paths == {"/hooks"}  # a redirect is not followed


async def test_an_endpoint_that_fails_at_random_is_logged_once_a_minute(bus: TestBus, crm: WebhookReceiver) -> None:
    calls = [bus.call() for _ in range(10)]
    crm.trouble = lambda _path, _message: 500 if crm.requests.total() % 2 else None
    with structlog.testing.capture_logs() as logs:
        async with bus.run(Webhooks().consumer):
            await bus.publish(*(event for call in calls for event in a_call(call)))
            await crm.until(lambda: len(crm.once()) == 3 * len(calls))
            seen = await until(bus, lambda seen: seen.status.delivered == 3 * len(calls))
    assert seen.status.failed > 3
    said = [log["event"] for log in logs if log["event"] in {"webhooks.waiting", "webhooks.recovered"}]
    assert said == ["webhooks.waiting", "webhooks.recovered"]


async def test_a_call_whose_message_is_refused_waits_and_the_others_go_on(bus: TestBus, crm: WebhookReceiver) -> None:
    bad, good = bus.call(), [bus.call() for _ in range(5)]
    crm.trouble = lambda _path, message: 422 if message.startswith(bad) else None
    async with bus.run(Webhooks().consumer):
        await bus.publish(*(event for call in (bad, *good) for event in a_call(call)))
        await crm.until(lambda: len(crm.once()) == 15)
        seen = await until(bus, lambda seen: seen.failing > 0)
        assert (seen.messages, seen.calls, seen.failing) == (3, 1, 1)
        assert len({message for message in crm.requests if message.startswith(bad)}) == 1  # its first one only
        crm.trouble = lambda _path, _message: None
        await crm.until(lambda: kinds_of(crm, bad) == KINDS)


async def test_what_waited_three_days_is_a_dead_letter_that_can_be_sent_again(
    bus: TestBus, crm: WebhookReceiver, billing: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "GIVEN_UP_S", 0.0)
    call = bus.call()
    crm.trouble = lambda _path, _message: 500
    async with bus.run(Webhooks().consumer):
        await bus.publish(*a_call(call))
        await until(bus, lambda seen: bool(seen.status.stopped))  # it has received nothing for so long
        letters = await dead_letters(bus.bus, "webhooks")
        crm.trouble = lambda _path, _message: None
        assert (letters[0].type, letters[0].handler, letters[0].error) == ("call.started", "endpoint crm", "500 said")
        assert b"5550001" not in letters[0].body
        monkeypatch.setattr(delivery, "GIVEN_UP_S", endpoint_health.GIVEN_UP_S)
        assert await start_again(bus.bus, "crm")
        await crm.until(lambda: len(crm.once()) == 2)  # what waited
        assert await resolve(bus.bus, letters, "requeue") == len(letters)
        await crm.until(lambda: sorted(kinds_of(crm, call)) == sorted(KINDS))


async def test_an_endpoint_that_is_gone_gets_nothing_more_until_it_is_started_again(
    bus: TestBus, crm: WebhookReceiver, billing: WebhookReceiver
) -> None:
    first, second = bus.call(), bus.call()
    crm.trouble = lambda _path, _message: 410
    async with bus.run(Webhooks().consumer):
        await bus.publish(*a_call(first))
        await until(bus, lambda seen: bool(seen.status.stopped))
        asked = sum(crm.requests.values())
        await bus.publish(*a_call(second))
        await billing.until(lambda: len(billing.delivered) == 2)
        assert sum(crm.requests.values()) == asked
        crm.trouble = lambda _path, _message: None
        assert await start_again(bus.bus, "crm")
        await crm.until(lambda: kinds_of(crm, first) == KINDS)
        assert kinds_of(crm, second) == []
        (endpoint,) = load_endpoints(bus.bus.settings, only="crm")
        count = await resend(bus.bus, [endpoint], call=second, on_warning=pytest.fail)
        assert count == {"crm": 3}
        await crm.until(lambda: kinds_of(crm, second) == KINDS)


async def test_another_worker_goes_on_with_what_waited(
    bus: TestBus, crm: WebhookReceiver, billing: WebhookReceiver
) -> None:
    call = bus.call()
    crm.trouble = lambda _path, _message: 503
    async with bus.run(Webhooks().consumer):
        await bus.publish(*a_call(call))
        await billing.until(lambda: len(billing.delivered) == 1)
        await crm.until(lambda: bool(crm.requests))
    crm.trouble = lambda _path, _message: None
    async with bus.run(Webhooks().consumer):
        await crm.until(lambda: kinds_of(crm, call) == KINDS)
        again = load_endpoints(bus.bus.settings)
        event = next(each["data"]["id"] for each in crm.delivered if each["type"] == "call.ended")
        assert await resend(bus.bus, again, call=call, event=event, on_warning=pytest.fail) == {"crm": 1, "billing": 1}
        await crm.until(lambda: len(crm.delivered) == 4)
        assert await resend(bus.bus, again, since=time.time() + 60, on_warning=pytest.fail) == {}
