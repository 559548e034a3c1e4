"""Twilio's Conversation Relay at a real edge: who may open its socket, bad input, and calls from end to end."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from pydantic import ValidationError
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from orchestra.settings import Settings
from orchestra.simulator import Caller, CallOutcome, PhoneLine, TransferTarget
from orchestra.simulator.twiml import ConnectRelay, Verb, parse_twiml
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    DigitPressed,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    TranscriptPartial,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, relay_voice, running_edge, tone

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
PATIENCE_S = 60.0
Talk = Callable[[PhoneLine], Awaitable[None]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"twilio_media": "relay"})


async def ask(running: RunningEdge, url: str, sid: str = "CA1", **fields: str) -> list[Verb]:
    """Twilio asks the edge."""
    url = urljoin(running.url, url)
    form = {"CallSid": sid, "From": "+15550001", "To": "+15550100", "CallStatus": "in-progress"} | fields
    signature = RequestValidator(AUTH_TOKEN).compute_signature(url, form)
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(url, data=form, headers={"X-Twilio-Signature": signature})
    return parse_twiml(answer.raise_for_status().text)


async def offered(running: RunningEdge, sid: str = "CA1") -> ConnectRelay:
    (relay,) = await ask(running, "/twilio/voice", sid)
    assert isinstance(relay, ConnectRelay)
    return relay


def setup(relay: ConnectRelay, sid: str = "CA1", **parameters: str) -> dict[str, Any]:
    return {"type": "setup", "callSid": sid, "customParameters": relay.parameters | parameters}


@asynccontextmanager
async def session(relay: ConnectRelay, *first: Any) -> AsyncIterator[ClientConnection]:
    """A socket on which these messages have been sent."""
    async with connect(relay.url, proxy=None, compression=None) as socket:
        await send(socket, *first)
        yield socket


async def send(socket: ClientConnection, *messages: Any) -> None:
    for message in messages:
        await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """How the edge closes the socket."""
    async with asyncio.timeout(PATIENCE_S):
        await socket.wait_closed()
    return socket.close_code, socket.close_reason


async def call(
    running: RunningEdge, talk: Talk, *, tells: bool = True, person: TransferTarget | None = None
) -> CallOutcome:
    line = PhoneLine()
    running.lines.append(line)
    caller = Caller(running.url, AUTH_TOKEN, relay=relay_voice(running, tells=tells), transfer_target=person)
    async with asyncio.timeout(running.patience_s):
        return await caller.call(line, talk)


# -- the document


async def test_the_webhook_connects_the_call_as_text(bus: TestBus, settings: Settings) -> None:
    chosen = {"voice": "en-US-Journey-O", "language": "en-GB", "speechModel": "nova-3-general"}
    async with running_edge(bus, settings, relay_attributes=chosen) as running:
        relay = await offered(running)
    assert relay.url == f"ws{running.url[4:]}/twilio/relay"
    assert relay.action.startswith(f"{running.url}/twilio/after-stream?call=")
    assert relay.attributes.items() >= chosen.items()
    assert (relay.attributes["interruptible"], relay.attributes["dtmfDetection"]) == ("any", "true")
    assert relay.parameters["from_number"] == "+15550001"


@pytest.mark.parametrize("attributes", ['{"url": "wss://elsewhere.example"}', '{"a b": "c"}', "no json", '["voice"]'])
def test_attributes_that_cannot_be_set_are_refused(monkeypatch: pytest.MonkeyPatch, attributes: str) -> None:
    monkeypatch.setenv("ORCHESTRA_RELAY_ATTRIBUTES", attributes)
    with pytest.raises(ValidationError):
        Settings()


# -- the door


@pytest.mark.parametrize(
    "parameters", [{"token": ""}, {"token": "1.0-x"}, {"call": "00-other"}, {"token": "9" * 5000}], ids=str
)
async def test_a_token_that_is_not_the_calls_opens_nothing(
    bus: TestBus, settings: Settings, parameters: dict[str, str]
) -> None:
    async with running_edge(bus, settings) as running:
        relay = await offered(running)
        async with session(relay, setup(relay, **parameters)) as socket:
            code, _ = await closed(socket)
    assert (code, await bus.published(CallStarted)) == (1008, [])


async def test_a_token_opens_one_socket_for_one_call_sid(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        relay = await offered(running)
        async with session(relay, setup(relay, sid="CA2")) as other:
            assert (await closed(other))[0] == 1008
        async with session(relay, setup(relay)):
            await running.event(CallStarted)
            async with session(relay, setup(relay)) as again:
                assert (await closed(again))[0] == 1008
    assert len(await bus.published(CallStarted)) == 1


@pytest.mark.parametrize(
    "first",
    [{"type": "prompt", "voicePrompt": "hello"}, "no json", b"\x00", {"type": "setup"}, "x" * 70_000, {"type": "end"}],
    ids=lambda first: str(first)[:20],
)
async def test_a_socket_that_does_not_begin_with_a_setup_is_refused(
    bus: TestBus, settings: Settings, first: Any
) -> None:
    async with running_edge(bus, settings) as running:
        relay = await offered(running)
        async with session(relay, first, setup(relay, token="")) as socket:
            assert (await closed(socket))[0] == 1008
    assert await bus.published(CallStarted) == []


@pytest.mark.parametrize(
    "bad",
    [setup, lambda _: b"\x00\x01", lambda _: "x" * 70_000, lambda _: "{", lambda _: "[]"],
    ids=["a second setup", "binary", "too long", "no json", "no message"],
)
async def test_what_is_no_message_ends_the_call(
    bus: TestBus, settings: Settings, bad: Callable[[ConnectRelay], Any]
) -> None:
    async with running_edge(bus, settings) as running:
        relay = await offered(running)
        async with session(relay, setup(relay)) as socket:
            await running.event(CallStarted)
            await send(socket, bad(relay))
            assert (await closed(socket))[0] == 1008
        assert (await running.event(CallEnded)).reason == "failed"


async def test_messages_that_make_no_sense_are_passed_over_and_counted(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        relay = await offered(running)
        async with session(relay, setup(relay)) as socket:
            await running.event(CallStarted)
            await send(
                socket,
                {"type": "future", "x": 1},
                {"type": "prompt", "voicePrompt": None},
                {"type": "dtmf", "digit": "99"},
                {"type": "interrupt", "utteranceUntilInterrupt": 5},
                {"type": "error", "description": "Invalid message: \x1b[31m"},
                {"type": "info", "name": "unknown", "value": "x"},
                {"type": "prompt", "voicePrompt": "still here", "last": True},
            )
            assert (await running.event(UserTurnEnded)).text == "still here"
        assert running.edge.admission.skipped_messages == 3


async def test_nothing_but_nonsense_ends_the_call(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        relay = await offered(running)
        async with session(relay, setup(relay)) as socket:
            await running.event(CallStarted)
            await send(socket, *[{"type": "dtmf", "digit": "x"}] * 200)
            assert (await closed(socket))[0] == 1008


async def test_a_flood_of_interim_words_ends_the_call_and_harms_no_other(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        relay, other = await offered(running), await offered(running, "CA2")
        async with session(other, setup(other, sid="CA2")) as calm, session(relay, setup(relay)) as socket:
            await running.event(CallStarted, provider_call="CA1")
            flood = [{"type": "prompt", "voicePrompt": f"word {number}", "last": False} for number in range(5_000)]
            with suppress(ConnectionClosed):
                await send(socket, *flood)
            assert (await closed(socket))[0] == 1008
            await send(calm, {"type": "prompt", "voicePrompt": "hello", "last": True})
            assert (await running.event(UserTurnEnded)).text == "hello"
    assert len(await bus.published(TranscriptPartial)) < 200


async def test_what_comes_after_the_end_is_nothing(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting="")) as running:
        relay = await offered(running)
        async with session(relay, setup(relay), {"type": "prompt", "voicePrompt": "good bye"}) as socket:
            which = (await running.event(UserTurnEnded)).call
            await bus.publish(CallEndRequested(call=which, turn=1), TurnCompleted(call=which, turn=1, agent="a"))
            await running.event(CallEnded)
            ended = json.loads(await socket.recv())
            with suppress(ConnectionClosed):
                await send(socket, *[{"type": "prompt", "voicePrompt": "hello again"}] * 20)
    assert (ended["type"], json.loads(ended["handoffData"])) == ("end", {"call": which})
    assert len(await bus.published(UserTurnEnded)) == 1


async def test_words_of_any_script_reach_the_agents_as_they_are(bus: TestBus, settings: Settings) -> None:
    words = "Où est mon colis ? 我的包裹在哪里 \u202e𝄞"
    async with running_edge(bus, settings, app=Greeting(greeting="")) as running:
        relay = await offered(running)
        async with session(
            relay, setup(relay), {"type": "prompt", "voicePrompt": f" {words}\n", "last": True}
        ) as socket:
            which = (await running.event(UserTurnEnded)).call
            await bus.publish(ReplyChunk(call=which, turn=1, text="Réponse: 在这里。", agent="a"))
            assert json.loads(await socket.recv())["token"] == "Réponse: 在这里。 "
    assert (await running.event(UserTurnEnded)).text == words


# -- a caller who hears and is heard


@pytest.mark.integration
@pytest.mark.parametrize("tells", [True, False], ids=["with reports", "without reports"])
async def test_an_interruption_in_mid_sentence_leaves_what_was_heard(
    bus: TestBus, settings: Settings, tells: bool
) -> None:
    async with running_edge(bus, settings, "stop that", app=Greeting(greeting=LONG)) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.7, PATIENCE_S)
            line.say(tone(0.4))
            which = (await running.event(UserTurnEnded)).call
            reply = ReplyChunk(call=which, turn=1, text="As you wish.", agent="a")
            await bus.publish(reply, TurnCompleted(call=which, turn=1, agent="a"))
            await running.event(ReplySpoken, turn=1)

        assert (await call(running, talk, tells=tells)).how == "caller_hung_up"
    heard = (await running.event(ReplyInterrupted)).heard
    assert LONG.startswith(heard)
    assert 4 <= len(heard.split()) < 16
    assert (await running.event(TurnMeasured, turn=1)).total_ms > 0


@pytest.mark.integration
async def test_a_key_during_the_reply_is_heard_and_the_reply_goes_on(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting=LONG)) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.5, PATIENCE_S)
            await line.press("5")
            await running.event(ReplySpoken, text=LONG)

        await call(running, talk)
    assert [event.digit for event in await bus.published(DigitPressed)] == ["5"]
    assert running.lines[0].agent_audible_s == pytest.approx(1.6, abs=0.25)


async def test_a_person_is_briefed_before_a_transfer(bus: TestBus, settings: Settings) -> None:
    person = TransferTarget()
    async with running_edge(bus, settings, "a person") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(tone(0.4))
            which = (await running.event(UserTurnEnded)).call
            briefing = "The caller wants a refund."
            transfer = CallTransferRequested(call=which, turn=1, target="+15550003", briefing=briefing)
            await bus.publish(transfer, TurnCompleted(call=which, turn=1, agent="a"))
            await line.until(lambda: False, PATIENCE_S)

        outcome = await call(running, talk, person=person)
    assert (outcome.how, outcome.target) == ("transferred", "+15550003")
    assert "The caller wants a refund." in " ".join(person.briefed)


@pytest.mark.integration
async def test_a_person_who_does_not_come_gives_the_caller_back(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "a person") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(tone(0.4))
            which = (await running.event(UserTurnEnded)).call
            transfer = CallTransferRequested(call=which, turn=1, target="+15550003")
            await bus.publish(transfer, TurnCompleted(call=which, turn=1, agent="a"))
            await running.event(ReplySpoken, text="Nobody is there.")

        assert (await call(running, talk, person=TransferTarget(answers=False))).how == "caller_hung_up"
    assert len(await bus.published(CallResumed)) == 1


@pytest.mark.integration
async def test_after_a_broken_socket_the_rest_of_the_reply_is_said(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "tell me", reconnect_s=30) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(tone(0.4))
            which = (await running.event(UserTurnEnded)).call
            for text in ("One two three four.", LONG):
                await bus.publish(ReplyChunk(call=which, turn=1, text=text, agent="a"))
            await bus.publish(TurnCompleted(call=which, turn=1, agent="a"))
            before = line.agent_audible_s
            assert await line.until(lambda: line.agent_audible_s - before > 1.0, PATIENCE_S)
            stream: Any = line.stream
            stream._socket.transport.abort()
            await running.event(ReplySpoken, turn=1)

        outcome = await call(running, talk)
    assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)
    assert (await running.event(ReplySpoken, turn=1)).text == f"One two three four. {LONG}"


@pytest.mark.integration
async def test_a_caller_who_hangs_up_ends_the_call_by_the_webhook(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, reconnect_s=120) as running:
        relay = await offered(running)
        async with session(relay, setup(relay)):
            which = (await running.event(CallStarted)).call
        await ask(running, relay.action, CallStatus="completed", SessionStatus="completed")
        ended = await running.event(CallEnded)
    assert (ended.call, ended.reason, ended.audio_ms) == (which, "caller_hung_up", 0)
