"""What is Plivo's own: signatures, checkpoints that do not come back, transfers, wideband, calls that are made."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import pytest

from orchestra.errors import RejectedError, SettingError
from orchestra.history.ending import Transfer
from orchestra.settings import Settings
from orchestra.simulator import CallOutcome, PhoneLine, PlivoCaller, TransferTarget
from orchestra.simulator.plivo_xml import Speak, Stream, parse_plivo_xml
from orchestra.testing import TestBus
from orchestra.voice.carriers.plivo.carrier import open_carrier
from orchestra.voice.carriers.plivo.documents import Documents
from orchestra.voice.carriers.plivo.signature import check_signature
from orchestra.voice.carriers.plivo.ticket import Ticket, read_ticket, write_ticket
from orchestra.voice.carriers.port import Connect, Parties
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra_schemas import (
    CallAnswered,
    CallEnded,
    CallStarted,
    CallTransferRequested,
    ReplySpoken,
    TransferAccepted,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.servers.plivo import PlivoServer
from tests.servers.server import Faults
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, running_edge, tone

DIAL = {"Authorization": "Bearer dial token"}
PATIENCE_S = 60.0


async def call(running: RunningEdge, talk: Callable[[PhoneLine], Awaitable[None]], **caller: Any) -> CallOutcome:
    line = PhoneLine()
    running.lines.append(line)
    async with asyncio.timeout(running.patience_s):
        return await PlivoCaller(running.url, AUTH_TOKEN, **caller).call(line, talk)


@pytest.mark.parametrize(
    ("address", "form", "signature"),
    [
        (
            "answer",
            {"To": "15550100", "From": "15550001", "CallUUID": "u1"},
            "6yaaevAVEI22+Hmi/Aoa0e7N526daIVPQz2nNszxByY=",
        ),
        (
            "after-stream?stream=1&call=00-a",
            {"CallUUID": "u1", "CallStatus": "in-progress"},
            "41WWGqY7ur/l4yld8CyRAqDJrEc6PBmXCZ4u6XCSRRM=",
        ),
        ("after-stream?call=00-a", {}, "gwbZuGxW8NNfcOY3MyG6iGDRNWMExTsfI5AS21uZ5gM="),
        ("answer", {}, "Z77HcpNMyadoipfnjPXPh/Wbov0JJreBi5eO3N4sZvA="),
        (
            "answer",
            {"CallerName": "Zoë & Co", "CallUUID": "u1", "Empty": "", "X": ["b", "a"]},
            "WZOJ+C3Dodk1SxvfT71NfEhS6zPW2hj7yefJUqN8iHE=",
        ),
    ],
)
def test_a_request_is_signed_as_the_official_client_does(
    address: str, form: dict[str, str | list[str]], signature: str
) -> None:
    pairs = [(name, each) for name, value in form.items() for each in ([value] if isinstance(value, str) else value)]
    fields = [(name.encode(), value.encode()) for name, value in pairs]
    url = f"https://voice.example.com/plivo/{address}"
    for given in ([signature], ["", signature], [f"other,{signature}"]):
        assert check_signature(url, fields, given, "12345", AUTH_TOKEN) == signature
    for changed in (
        (url + "x", fields, [signature], "12345", AUTH_TOKEN),
        (url, [*fields, (b"More", b"")], [signature], "12345", AUTH_TOKEN),
        (url, fields, [signature], "12346", AUTH_TOKEN),
        (url, fields, [signature], "12345", "other token"),
        (url, fields, [signature[:-1]], "12345", AUTH_TOKEN),
        (url, fields, [], "12345", AUTH_TOKEN),
    ):
        with pytest.raises(RejectedError):
            check_signature(*changed)


TICKET = Ticket("1764338400.1-" + "a" * 64, "07-" + "b" * 61, "+15550001", "+15550100", "outbound", True, "machine")


@pytest.mark.parametrize("written", ["{}", "{};more=1", "X-PH-{}", '{{"{}"}}', "a=b,{}"])
def test_a_ticket_is_read_however_the_headers_are_written(written: str) -> None:
    headers = write_ticket(TICKET)
    for given in (headers, headers.replace("=", '":"'), headers.lower()):
        assert read_ticket(written.format(given)) == TICKET


def test_a_ticket_fits_into_the_headers_whatever_the_numbers_are() -> None:
    odd = Ticket(TICKET.token, TICKET.call, 'sip:"\\\x00ü' * 99, "💡" * 99, "outbound", answered_by="machine")
    headers = write_ticket(odd)
    assert len(headers) <= 512
    assert headers.partition("=")[2].isalnum()
    assert read_ticket(headers).call == TICKET.call


@pytest.mark.parametrize("headers", ["", "orchestra=", "orchestra=1", "orchestra=AAAA", "orchestra=" + "A" * 2000])
def test_a_damaged_ticket_is_refused(headers: str) -> None:
    with pytest.raises(RejectedError, match="token"):
        read_ticket(headers)


def documents() -> Documents:
    return Documents(PublicUrl("https://voice.example.com/"), ring_s=30, audio="mulaw", app="bank & co")


def test_a_document_says_nothing_that_xml_cannot() -> None:
    said = documents().briefing(Transfer("+15550003", "a <b> & \x00\x1b\ud800\ufffe“c”"))
    (first, second) = parse_plivo_xml(said)
    assert first == Speak("A call from bank & co. a <b> & “c”")
    assert second == Speak("Press 1 to take it.")


def test_a_stream_goes_to_the_public_address() -> None:
    step = Connect(Parties("00-a", "u1", "+15550001", stream=2), 0.0)
    stream, after = parse_plivo_xml(documents().connect(step, "token"))
    assert isinstance(stream, Stream)
    assert (stream.url, stream.encoding) == ("wss://voice.example.com/plivo/stream", "audio/x-mulaw")
    assert "after-stream?call=00-a&stream=2" in str(after)


@pytest.mark.integration
async def test_a_call_in_wideband_is_heard_both_ways(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "hello", carrier="plivo", plivo_audio="l16") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken)
            line.say(tone(0.4))
            await running.event(UserTurnEnded, turn=1)

        await call(running, talk)
        started = await running.event(CallStarted)
    assert (started.from_number, started.to_number) == ("+15550001", "+15550100")
    assert running.lines[0].agent_audible_s == pytest.approx(0.2, abs=0.06)


@asynccontextmanager
async def transferred(
    bus: TestBus, settings: Settings, person: TransferTarget, target: str = "+15550003"
) -> AsyncIterator[tuple[RunningEdge, CallOutcome]]:
    async with running_edge(bus, settings, "a person", carrier="plivo") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(tone(0.4))
            which = (await running.event(UserTurnEnded, turn=1)).call
            asked = CallTransferRequested(call=which, turn=1, target=target, briefing="They ask for a loan.")
            await bus.publish(asked, TurnCompleted(call=which, turn=1, agent="a"))
            if person.answers and person.presses == "1":
                await line.until(lambda: False, PATIENCE_S)
            else:
                await running.event(ReplySpoken, text="Nobody is there.")

        yield running, await call(running, talk, transfer_target=person)


@pytest.mark.integration
@pytest.mark.parametrize("target", ["+15550003", "sip:desk@phone.plivo.com"])
async def test_a_person_is_briefed_and_takes_the_call_with_a_key(bus: TestBus, settings: Settings, target: str) -> None:
    person = TransferTarget(says=tone(0.3))
    async with transferred(bus, settings, person, target) as (running, outcome):
        assert (outcome.how, outcome.target) == ("transferred", target)
        assert (await running.event(TransferAccepted)).target == target
        assert (await running.event(CallEnded)).reason == "transferred"
    assert person.briefed == ["A call from test. They ask for a loan.", "Press 1 to take it."]


@pytest.mark.integration
@pytest.mark.parametrize("person", [TransferTarget(answers=False), TransferTarget(presses="")], ids=str)
async def test_the_agents_have_the_call_again_if_nobody_takes_it(
    bus: TestBus, settings: Settings, person: TransferTarget
) -> None:
    async with transferred(bus, settings, person) as (running, outcome):
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)
        assert (await running.event(TransferFailed)).reason == "no-answer"


@asynccontextmanager
async def edge_that_dials(
    bus: TestBus, settings: Settings, *, faults: Faults | None = None, answer: str = "", **changed: Any
) -> AsyncIterator[tuple[RunningEdge, PlivoServer]]:
    async with PlivoServer("MA1", AUTH_TOKEN, faults or Faults(), answer) as server:
        given = {
            "carrier": "plivo",
            "plivo_auth_id": "MA1",
            "plivo_api_url": server.url,
            "plivo_number": "+15550100",
            "dial_token": "dial token",
            "dial_prefixes": "+1555",
            "reconnect_s": 0.2,
        }
        app = Greeting(voicemail="One two three four.")
        async with running_edge(bus, settings, app=app, **(given | changed)) as running:
            yield running, server


async def order(running: RunningEdge) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as http:
        return await http.post(f"{running.url}/calls", json={"to": "+15550001"}, headers=DIAL)


async def test_a_call_is_ordered_with_its_addresses(bus: TestBus, settings: Settings) -> None:
    async with edge_that_dials(bus, settings, machine_detection_async=True) as (running, server):
        placed = (await order(running)).json()
    (ordered,) = server.orders
    at, which = f"{running.url}/plivo", f"?call={placed['call']}"
    assert ordered.pop("request_uuid") == placed["provider_call"]
    assert ordered == {
        "from": "15550100",
        "to": "15550001",
        "answer_url": f"{at}/answer{which}",
        "answer_method": "POST",
        "fallback_url": f"{at}/answer{which}",
        "fallback_method": "POST",
        "hangup_url": f"{at}/hangup{which}",
        "hangup_method": "POST",
        "ring_timeout": 30,
        "machine_detection": "true",
        "machine_detection_url": f"{at}/machine{which}",
        "machine_detection_method": "POST",
    }


@pytest.mark.parametrize(
    ("machine", "by", "says"), [("true", "machine", "One two three four."), ("", "human", "Hello there.")]
)
async def test_who_answers_a_call_decides_what_they_hear(
    bus: TestBus, settings: Settings, machine: str, by: str, says: str
) -> None:
    async with edge_that_dials(bus, settings) as (running, server):
        await order(running)

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken)
            await line.until(lambda: not machine, PATIENCE_S)

        await call(running, talk, answer_url=server.orders[0]["answer_url"], machine=machine)
        assert (await running.event(CallStarted)).direction == "outbound"
    assert [event.by for event in await bus.published(CallAnswered)] == [by]
    assert [event.text for event in await bus.published(ReplySpoken)] == [says]


async def test_a_machine_that_is_detected_during_the_call_is_told_to_the_edge(bus: TestBus, settings: Settings) -> None:
    async with (
        edge_that_dials(bus, settings, machine_detection_async=True) as (running, server),
        httpx.AsyncClient() as http,
    ):
        await order(running)
        caller = PlivoCaller(running.url, AUTH_TOKEN, answer_url=server.orders[0]["answer_url"])
        told = await caller.post(http, server.orders[0]["machine_detection_url"], Machine="true")
        assert told.status_code == 204
        assert (await running.event(CallAnswered)).by == "machine"


@pytest.mark.parametrize(
    ("status", "reason"),
    [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed"), ("timeout", "failed"), ("cancel", None)],
)
async def test_the_hang_up_address_closes_a_call_that_nobody_answered(
    bus: TestBus, settings: Settings, status: str, reason: str | None
) -> None:
    async with edge_that_dials(bus, settings) as (running, server), httpx.AsyncClient() as http:
        await order(running)
        caller = PlivoCaller(running.url, AUTH_TOKEN)
        assert (await caller.post(http, server.orders[0]["hangup_url"], CallStatus="ringing")).status_code == 204
        assert (await caller.post(http, server.orders[0]["hangup_url"], CallStatus=status)).status_code == 204
        assert (await running.event(CallEnded)).reason == (reason or "caller_hung_up")


@pytest.mark.parametrize(
    "broken",
    [
        {"faults": Faults(status=401)},
        {"faults": Faults(status=500)},
        {"answer": "no JSON"},
        {"answer": "[]"},
        {"answer": '{"message": "call fired"}'},
        {"answer": '{"request_uuid": ["a", "b"]}'},
        {"answer": '{"request_uuid": ""}'},
        {"plivo_api_url": "http://127.0.0.1:1"},
        {"plivo_api_url": "nonsense"},
    ],
    ids=str,
)
async def test_a_refusal_is_reported_without_secrets(bus: TestBus, settings: Settings, broken: dict[str, Any]) -> None:
    async with edge_that_dials(bus, settings, **broken) as (running, _):
        refused = await order(running)
    assert refused.status_code == 502
    assert AUTH_TOKEN not in refused.text


async def test_what_is_missing_for_calls_is_named(settings: Settings) -> None:
    with pytest.raises(SettingError, match="ORCHESTRA_PLIVO_AUTH_TOKEN"):
        open_carrier(settings, "http://edge").check_settings()
    for name in ("plivo_auth_id", "plivo_auth_token", "plivo_number"):
        given = {"plivo_auth_id": "MA1", "plivo_auth_token": "t", "plivo_number": "+15550100"} | {name: ""}
        chosen = Settings.model_validate(settings.model_dump() | given)
        with pytest.raises(SettingError, match=f"ORCHESTRA_{name.upper()}"):
            await open_carrier(chosen, "http://edge").place_call("00-a", "+15550001")
    with pytest.raises(RejectedError, match="not a telephone number"):
        await open_carrier(settings, "http://edge").place_call("00-a", "sip:somebody")


@pytest.mark.integration
async def test_a_caller_without_a_line_hears_why_or_the_busy_tone(bus: TestBus, settings: Settings) -> None:
    assert 'reason="busy"' in documents().busy()
    busy = {"en": "All lines are busy."}
    async with running_edge(bus, settings, carrier="plivo", max_calls=1, busy_message=busy) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken)
            second = await call(running, talk)
            assert (second.how, second.announcements) == ("refused", ("All lines are busy.",))

        await call(running, talk)


@pytest.mark.integration
async def test_a_caller_who_interrupts_gets_all_marks_back(bus: TestBus, settings: Settings) -> None:
    """Plivo reports no checkpoint whose audio was cleared; the edge must not wait for it."""
    long = Greeting(greeting=" ".join(["word"] * 40))
    async with running_edge(bus, settings, "stop", "and now", app=long, carrier="plivo") as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.5, PATIENCE_S)
            line.say(tone(0.5))
            which = (await running.event(UserTurnEnded, turn=1)).call
            await bus.publish(TurnCompleted(call=which, turn=1, agent="a"))
            line.say(tone(0.5))
            await running.event(UserTurnEnded, turn=2)

        await call(running, talk)
    assert running.lines[0].cleared_s
    assert np.abs(running.lines[0].tracks.agent).max() > 1_000
