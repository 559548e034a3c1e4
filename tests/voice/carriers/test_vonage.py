"""Vonage: who is refused, what comes twice, late or broken, and what its documents and its REST API are told."""

import asyncio
import base64
import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect

from orchestra.errors import CarrierError, RejectedError, SettingError
from orchestra.refusal_log import Refusals
from orchestra.settings import Settings
from orchestra.simulator import CallOutcome, PhoneLine, TransferTarget, VonageCaller, VonageWebhooks
from orchestra.testing import TestBus
from orchestra.voice.carriers.vonage.carrier import VonageCarrier
from orchestra_schemas import (
    AudioChunk,
    CallAnswered,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    ReplySpoken,
    TransferAccepted,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.servers.vonage import APPLICATION_ID, VonageRestServer
from tests.voice.edges import Greeting, RunningEdge, running_edge, tone

SECRET = "signature secret of an account at Vonage"
CALL = {"from": "15550001", "to": "15550100", "uuid": "leg-1", "conversation_uuid": "CON-1"}


@asynccontextmanager
async def edge(bus: TestBus, settings: Settings, *hears: str, **changed: Any) -> AsyncIterator[RunningEdge]:
    ours: dict[str, Any] = {"carrier": "vonage", "vonage_signature_secret": SecretStr(SECRET), "reconnect_s": 0.5}
    async with running_edge(bus, settings, *hears, **ours | changed) as running:
        yield running


async def send(running: RunningEdge, body: bytes, headers: dict[str, str], path: str = "answer") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(f"{running.url}/vonage/{path}", content=body, headers=headers)


async def answered(running: RunningEdge, leg: str = "leg-1", **claims: Any) -> list[dict[str, Any]]:
    """The document that a call gets."""
    body = json.dumps(CALL | {"uuid": leg}).encode()
    response = await send(running, body, VonageWebhooks(SECRET).headers(body, **claims))
    assert response.status_code == 200
    document: list[dict[str, Any]] = response.json()
    return document


@asynccontextmanager
async def stream(document: list[dict[str, Any]], **changed: Any) -> AsyncIterator[ClientConnection]:
    """The stream of this document, its first message sent."""
    endpoint = document[0]["endpoint"][0]
    first = {"event": "websocket:connected", "content-type": endpoint["content-type"], **endpoint["headers"]}
    async with connect(endpoint["uri"], proxy=None) as socket:
        await socket.send(json.dumps(first | changed))
        yield socket


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    noted: list[str] = []
    monkeypatch.setattr(Refusals, "note", lambda _, event, **fields: noted.append(f"{event}: {fields.get('reason')}"))
    return noted


# -- signatures


BODY = json.dumps(CALL).encode()
GOOD = VonageWebhooks(SECRET)


def token(**changed: Any) -> dict[str, str]:
    return GOOD.headers(BODY, **changed)


def unsecured() -> dict[str, str]:
    claims = {"iat": int(time.time()), "jti": "1", "payload_hash": hashlib.sha256(BODY).hexdigest()}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (_NONE, claims)]
    return {"Authorization": f"Bearer {'.'.join(parts)}."}


def signed_as(algorithm: str) -> dict[str, str]:
    claims = {"iat": int(time.time()), "jti": "1", "payload_hash": hashlib.sha256(BODY).hexdigest()}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET * 2, algorithm=algorithm)}"}


_NONE = {"alg": "none", "typ": "JWT"}
BAD: dict[str, tuple[bytes, dict[str, str]]] = {
    "unsigned": (BODY, {}),
    "an empty token": (BODY, {"Authorization": "Bearer"}),
    "another scheme": (BODY, {"Authorization": "Basic " + token()["Authorization"].partition(" ")[2]}),
    "no token": (BODY, {"Authorization": "Bearer a.b.c"}),
    "a token of 10 kB": (BODY, token(more="x" * 10_000)),
    "no algorithm": (BODY, unsecured()),
    "another algorithm": (BODY, signed_as("HS512")),
    "another secret": (BODY, VonageWebhooks("another secret, also of 32 bytes and more").headers(BODY)),
    "a changed body": (BODY.replace(b"15550001", b"15550009"), token()),
    "no hash": (BODY, token(payload_hash=None)),
    "a hash that is a number": (BODY, token(payload_hash=5)),
    "too old": (BODY, token(iat=int(time.time()) - 3600)),
    "from the future": (BODY, token(iat=int(time.time()) + 3600)),
    "without a time": (BODY, token(iat="now")),
    "expired": (BODY, token(exp=int(time.time()) - 60)),
    "without an id": (BODY, token(jti="")),
    "an id that is a number": (BODY, token(jti=5)),
    "no JSON": (b"{", GOOD.headers(b"{")),
    "a list": (b"[]", GOOD.headers(b"[]")),
    "a deep list": (b"[" * 9000, GOOD.headers(b"[" * 9000)),
    "too long": (b" " * 20_000 + BODY, GOOD.headers(b" " * 20_000 + BODY)),
    "no call": (b"{}", GOOD.headers(b"{}")),
    "an id that is no text": (b'{"uuid":7}', GOOD.headers(b'{"uuid":7}')),
}


async def test_a_webhook_that_is_not_vonages_gets_403_and_begins_no_call(
    bus: TestBus, settings: Settings, refusals: list[str]
) -> None:
    async with edge(bus, settings, max_calls=1) as running:
        for count, (name, (body, headers)) in enumerate(BAD.items(), 1):
            assert (await send(running, body, headers)).status_code == 403, name
            assert len(refusals) == count, name
        assert (await send(running, BODY, token())).status_code == 200


async def test_a_webhook_of_another_application_is_refused(bus: TestBus, settings: Settings) -> None:
    async with edge(bus, settings, vonage_application_id=APPLICATION_ID) as running:
        assert (await send(running, BODY, token(application_id="another"))).status_code == 403
        assert (await send(running, BODY, token(application_id=APPLICATION_ID))).status_code == 200


@pytest.mark.parametrize("path", ["after-stream", "after-transfer", "accept", "whisper"])
async def test_an_address_that_is_not_ours_is_refused(bus: TestBus, settings: Settings, path: str) -> None:
    async with edge(bus, settings) as running:
        ours = httpx.URL((await answered(running))[0]["eventUrl"][0])
        changed = ours.params["state"][:-4] + "AAAA"
        for query in (
            "",
            "?state=&proof=",
            f"?state={changed}&proof={ours.params['proof']}",
            f"?state={ours.params['state']}&proof=%C3%A4",
            f"?state={ours.params['state']}",
            f"?{ours.query.decode()}" if path != "after-stream" else "?state=x",  # signed for another path
        ):
            assert (await send(running, BODY, token(), f"{path}{query}")).status_code == 403, query


# -- twice, and late


async def test_a_token_that_came_before_is_refused_with_another_body_or_elsewhere(
    bus: TestBus, settings: Settings
) -> None:
    async with edge(bus, settings) as running:
        document = await answered(running, jti="one")
        other = json.dumps(CALL | {"uuid": "leg-2"}).encode()
        assert (await send(running, other, GOOD.headers(other, jti="one"))).status_code == 403
        assert (await send(running, BODY, token(jti="one"), "event")).status_code == 403
        after = document[0]["eventUrl"][0].partition("/vonage/")[2]
        assert (await send(running, BODY, token(jti="one"), after)).status_code == 403


async def test_what_follows_an_earlier_stream_is_not_asked_again(bus: TestBus, settings: Settings) -> None:
    async with edge(bus, settings, reconnect_s=30) as running:
        document = await answered(running)
        after = document[0]["eventUrl"][0].partition("/vonage/")[2]
        gone = json.dumps(CALL | {"uuid": "leg of the stream", "status": "disconnected"}).encode()
        async with stream(document) as socket:
            await running.event(CallStarted)
            socket.transport.abort()
        async with stream((await send(running, gone, GOOD.headers(gone), after)).json()) as socket:
            await running.event(CallResumed)
            assert (await send(running, gone, GOOD.headers(gone), after)).json() == []
            await socket.close(1000)
        assert (await running.event(CallEnded)).reason == "caller_hung_up"


async def test_events_that_are_none_of_ours_change_nothing(bus: TestBus, settings: Settings) -> None:
    async with edge(bus, settings) as running:
        document = await answered(running)
        after = document[0]["eventUrl"][0].partition("/vonage/")[2]
        for path, fields in (
            ("event", {"uuid": "nobody", "status": "completed"}),
            ("event", {"status": "machine", "call_uuid": "leg-1"}),
            ("event", {"status": ["completed"]}),
            ("event", {}),
            (after, {"status": "started"}),
            (after, {"status": "answered"}),
            (after, {"status": "completed"}),
        ):
            body = json.dumps(fields).encode()
            response = await send(running, body, GOOD.headers(body), path)
            assert (response.status_code, response.content) == (204, b""), fields
        async with stream(document) as socket:
            await running.event(CallStarted)
            await socket.close(1000)


async def test_a_call_whose_stream_never_comes_ends_with_its_event(bus: TestBus, settings: Settings) -> None:
    async with edge(bus, settings, max_calls=1) as running:
        await answered(running)
        assert await answered(running, "leg-2") == []
        body = json.dumps(CALL | {"status": "completed"}).encode()
        assert (await send(running, body, GOOD.headers(body), "event")).status_code == 204
        assert (await answered(running, "leg-3"))[0]["action"] == "connect"


# -- streams


@pytest.mark.parametrize("rate", [8_000, 16_000])
async def test_audio_is_taken_at_the_rate_of_the_stream_and_sent_in_frames_of_20_ms(
    bus: TestBus, settings: Settings, rate: int
) -> None:
    async with edge(bus, settings) as running:
        sizes = set()
        async with stream(await answered(running), **{"content-type": f"audio/l16;rate={rate}"}) as socket:
            async with asyncio.timeout(45):
                async for message in socket:
                    if isinstance(message, bytes):
                        sizes.add(len(message))
                    elif json.loads(message)["action"] == "notify":
                        break
            await socket.send(b"\1\2" * (rate // 50))
            await socket.close(1000)
        await running.event(CallEnded)
        assert sizes == {rate // 50 * 2}
        assert {chunk.sample_rate for chunk in await bus.published(AudioChunk)} == {rate}


# -- transfers


async def transferred(
    running: RunningEdge, person: TransferTarget, target: str = "+15550003", ended: set[str] | None = None
) -> CallOutcome:
    caller = VonageCaller(running.url, SECRET, transfer_target=person, ended_legs=set() if ended is None else ended)
    line = PhoneLine()

    async def talk(line: PhoneLine) -> None:
        await running.event(ReplySpoken, turn=0)
        line.say(tone(0.4))
        which = (await running.event(UserTurnEnded, turn=1)).call
        wanted = CallTransferRequested(call=which, turn=1, target=target, briefing="A parcel is lost.")
        await running.bus.publish(wanted, TurnCompleted(call=which, turn=1, agent="a"))
        await line.until(lambda: bool(failed), 40)

    failed: list[TransferFailed] = []

    async def watch() -> None:
        failed.append(await running.event(TransferFailed))
        await running.event(ReplySpoken, text="Nobody is there.")

    watching = asyncio.create_task(watch())
    try:
        async with asyncio.timeout(running.patience_s):
            return await caller.call(line, talk)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.integration
async def test_a_person_is_briefed_and_takes_the_call_with_a_key(bus: TestBus, settings: Settings) -> None:
    person = TransferTarget(says=tone(0.2))
    async with VonageRestServer() as vonage, edge(bus, settings, "a person", **vonage.settings) as running:
        assert (await transferred(running, person, ended=vonage.ended)).target == "+15550003"
        assert (await running.event(CallEnded)).reason == "transferred"
    assert "A parcel is lost." in person.briefed[0]
    assert len(await bus.published(TransferAccepted)) == 1
    assert not vonage.ended


@pytest.mark.integration
@pytest.mark.parametrize("presses", ["", "2"])
async def test_an_answering_machine_does_not_take_the_call_and_its_leg_is_ended(
    bus: TestBus, settings: Settings, presses: str
) -> None:
    person = TransferTarget(presses=presses)
    async with VonageRestServer() as vonage, edge(bus, settings, "a person", **vonage.settings) as running:
        outcome = await transferred(running, person, ended=vonage.ended)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)
        assert (await running.event(TransferFailed)).reason == "completed"
    assert len(vonage.ended) == 1
    assert not await bus.published(TransferAccepted)


@pytest.mark.integration
async def test_without_an_application_key_the_person_is_briefed_and_connected(bus: TestBus, settings: Settings) -> None:
    person = TransferTarget(presses="")
    async with edge(bus, settings, "a person") as running:
        assert (await transferred(running, person)).how == "transferred"
        assert (await running.event(CallEnded)).reason == "transferred"
    assert "A parcel is lost." in person.briefed[0]


@pytest.mark.integration
async def test_a_call_is_handed_to_a_sip_address(bus: TestBus, settings: Settings) -> None:
    async with edge(bus, settings, "a person") as running:
        assert (await transferred(running, TransferTarget(), "sip:desk@example.com")).target == "sip:desk@example.com"


@pytest.mark.integration
async def test_a_transfer_that_nobody_answers_brings_the_agents_back(bus: TestBus, settings: Settings) -> None:
    async with edge(bus, settings, "a person") as running:
        outcome = await transferred(running, TransferTarget(answers=False))
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)
        assert (await running.event(TransferFailed)).reason == "unanswered"


# -- calls that we place


async def placed(running: RunningEdge, vonage: VonageRestServer, answered_by: str = "") -> tuple[VonageCaller, str]:
    call = running.edge.bus.new_call(running.edge.homes.partitions)
    leg = await running.edge.carriers[0].place_call(call, "+15550001")
    order = vonage.orders[-1]
    asked = {"answer_url": order["answer_url"][0], "event_url": order["event_url"][0]}
    return VonageCaller(running.url, SECRET, answered_by=answered_by, leg=leg, **asked), call


async def hello(running: RunningEdge, caller: VonageCaller) -> CallOutcome:
    async def talk(line: PhoneLine) -> None:
        await line.until(lambda: line.agent_audible_s > 0.1, 40)

    async with asyncio.timeout(running.patience_s):
        return await caller.call(PhoneLine(), talk)


async def test_a_call_is_placed_and_answered_by_a_person(bus: TestBus, settings: Settings) -> None:
    async with VonageRestServer() as vonage, edge(bus, settings, **vonage.settings) as running:
        caller, call = await placed(running, vonage, "human")
        assert (await hello(running, caller)).how == "caller_hung_up"
        started = await running.event(CallStarted)
        assert (started.call, started.direction, started.provider_call) == (call, "outbound", caller.leg)
        assert (started.from_number, started.to_number) == ("+15550100", "+15550001")
        assert [event.by for event in await bus.published(CallAnswered)] == ["human"]
    assert vonage.orders[0]["to"] == [{"type": "phone", "number": "15550001"}]
    assert vonage.orders[0]["advanced_machine_detection"]["mode"] == "detect_beep"


async def test_a_machine_that_answers_is_not_talked_to(bus: TestBus, settings: Settings) -> None:
    async with VonageRestServer() as vonage, edge(bus, settings, **vonage.settings) as running:
        caller, _ = await placed(running, vonage, "machine")
        assert (await hello(running, caller)).how == "refused"
        assert [event.by for event in await bus.published(CallAnswered)] == ["machine"]


@pytest.mark.integration
async def test_a_machine_hears_the_message_for_voicemail(bus: TestBus, settings: Settings) -> None:
    app = Greeting(voicemail="Please call us back.")
    async with VonageRestServer() as vonage, edge(bus, settings, app=app, **vonage.settings) as running:
        caller, _ = await placed(running, vonage, "machine")

        async def listen(line: PhoneLine) -> None:
            await line.until(lambda: False, 40)

        async with asyncio.timeout(running.patience_s):
            assert (await caller.call(PhoneLine(), listen)).how == "agent_hung_up"
        assert (await running.event(ReplySpoken)).text == "Please call us back."


@pytest.mark.integration
async def test_a_machine_may_be_detected_during_the_call(bus: TestBus, settings: Settings) -> None:
    async with (
        VonageRestServer() as vonage,
        edge(bus, settings, machine_detection_async=True, **vonage.settings) as running,
    ):
        caller, _ = await placed(running, vonage)

        async def talk(line: PhoneLine) -> None:
            await line.until(lambda: line.agent_audible_s > 0.05, 40)
            await caller.send_event("machine")
            await line.until(lambda: False, 40)

        async with asyncio.timeout(running.patience_s):
            assert (await caller.call(PhoneLine(), talk)).how == "agent_hung_up"
        assert [event.by for event in await bus.published(CallAnswered)] == ["machine"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [("busy", "busy"), ("timeout", "no_answer"), ("unanswered", "no_answer"), ("failed", "failed")],
)
async def test_a_call_that_nobody_takes_ends_with_the_reason(
    bus: TestBus, settings: Settings, status: str, reason: str
) -> None:
    async with VonageRestServer() as vonage, edge(bus, settings, **vonage.settings) as running:
        caller, call = await placed(running, vonage)
        assert (await caller.send_event(status)).status_code == 204
        assert (await running.event(CallEnded, call=call)).reason == reason


def carrier(settings: Settings, **changed: Any) -> VonageCarrier:
    return VonageCarrier(settings.model_copy(update=changed), "https://voice.example.com")


async def test_vonage_that_refuses_or_does_not_answer_is_a_carrier_error(settings: Settings) -> None:
    async with VonageRestServer() as vonage:
        ours = vonage.settings | {"vonage_private_key": SecretStr(vonage.private_key)}
        for status in (401, 403, 429, 500, 302):
            vonage.refuse_with = status
            with pytest.raises(CarrierError, match=str(status)):
                await carrier(settings, **ours).place_call("00-1", "+15550001")
        vonage.refuse_with = None
        for answer in ([], {}, 7):
            vonage.answer = answer
            with pytest.raises(CarrierError, match="did not say which call"):
                await carrier(settings, **ours).place_call("00-1", "+15550001")
    with pytest.raises(CarrierError, match="does not answer"):
        await carrier(settings, **ours).place_call("00-1", "+15550001")


async def test_what_is_missing_for_a_call_is_named(settings: Settings, tmp_path: Any) -> None:
    ours: dict[str, Any] = {"vonage_application_id": APPLICATION_ID, "vonage_number": "+15550100"}
    with pytest.raises(RejectedError, match="is not a telephone number"):
        await carrier(settings, **ours).place_call("00-1", "5550001")
    with pytest.raises(SettingError, match="VONAGE_NUMBER"):
        await carrier(settings).place_call("00-1", "+15550001")
    with pytest.raises(SettingError, match="VONAGE_PRIVATE_KEY is not set"):
        await carrier(settings, **ours).place_call("00-1", "+15550001")
    (tmp_path / "text").write_text("no key")
    for key, said in (
        (str(tmp_path), "cannot be read"),
        (str(tmp_path / "text"), "no RSA key"),
        ("-----BEGIN", "no RSA"),
    ):
        with pytest.raises(SettingError, match=said):
            await carrier(settings, **ours, vonage_private_key=SecretStr(key)).place_call("00-1", "+15550001")
    with pytest.raises(SettingError, match="VONAGE_SIGNATURE_SECRET"):
        carrier(settings).check_settings()


async def test_the_private_key_may_be_in_a_file_or_in_one_line(settings: Settings, tmp_path: Any) -> None:
    async with VonageRestServer() as vonage:
        (tmp_path / "key.pem").write_text(vonage.private_key)
        for key in (str(tmp_path / "key.pem"), vonage.private_key.replace("\n", "\\n")):
            ours = vonage.settings | {"vonage_private_key": SecretStr(key)}
            assert uuid.UUID(await carrier(settings, **ours).place_call("00-1", "+15550001"))


async def test_all_lines_in_use_are_announced_or_the_call_ends(bus: TestBus, settings: Settings) -> None:
    for message, document in (("All lines are busy.", [{"action": "talk", "text": "All lines are busy."}]), ("", [])):
        async with edge(bus, settings, max_calls=1, busy_message=message) as running:
            await answered(running, f"first {message}")
            assert await answered(running, f"second {message}") == document
