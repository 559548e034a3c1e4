"""Three-way calls: caller, agent and a person together on the line, and who hears whom."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from orchestra.errors import SettingError
from orchestra.language import DEFAULT_LANGUAGE
from orchestra.settings import Settings
from orchestra.simulator import (
    Caller,
    CallOutcome,
    PhoneLine,
    PlivoCaller,
    SipCaller,
    TelnyxCaller,
    TelnyxNetwork,
    VonageCaller,
)
from orchestra.simulator.caller import live
from orchestra.simulator.sip import Leg as SipLeg
from orchestra.simulator.sip import Telephone
from orchestra.simulator.sip_caller import _play
from orchestra.simulator.telnyx_network import Leg as TelnyxLeg
from orchestra.simulator.twilio_rest import TwilioRestServer
from orchestra.testing import TestBus
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples
from orchestra.voice.edge.three_way_check import check_three_way
from orchestra_schemas import (
    CallEnded,
    CallResumed,
    CallTransferRequested,
    OperatorJoined,
    OperatorLeft,
    OperatorTookOver,
    ReplySpoken,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.servers.plivo import PlivoServer
from tests.servers.vonage import VonageRestServer
from tests.sip.gateways import free_ports, running_gateway
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, running_edge

# the twilio package signs in by what aiohttp is about to drop
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

ACCOUNT = "AC" + "1" * 32
PERSON = "+15550003"
APP = Greeting(transfer_target=PERSON, three_way=True)
#: the voices: the agent's is that of `tone`
AGENT_HZ, CALLER_HZ, PERSON_HZ = 440, 1000, 1700
#: two and a half seconds of the agent's voice
BRIEFING = " ".join(["word"] * 25)
PATIENCE_S = 60.0

Talk = Callable[[RunningEdge, PhoneLine], Awaitable[None]]


def voice(hz: int, seconds: float) -> Samples:
    return (6000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.int16)


def heard(samples: Samples, *voices: int) -> float:
    """For how many seconds all of these voices are heard at the same time."""
    frame = SAMPLE_RATE // 25
    whole = samples[: samples.size // frame * frame].reshape(-1, frame).astype(float)
    turns = np.arange(frame) / SAMPLE_RATE
    levels = [np.abs(whole @ np.exp(-2j * np.pi * hz * turns)) / frame for hz in voices]
    return float(np.logical_and.reduce([level > 400 for level in levels]).sum() * frame / SAMPLE_RATE)


@dataclass
class Office:
    """An edge whose carrier can ring the person: what callers do, and the person's telephone."""

    running: RunningEdge
    caller: Callable[[], Any]
    person: PhoneLine

    async def call(self, talk: Callable[[PhoneLine], Awaitable[None]]) -> CallOutcome:
        line = PhoneLine()
        self.running.lines.append(line)
        async with asyncio.timeout(self.running.patience_s):
            outcome: CallOutcome = await self.caller().call(line, talk)
        return outcome


@asynccontextmanager
async def office(  # noqa: C901, PLR0915 - a case for each carrier
    bus: TestBus, settings: Settings, *hears: str, answers: Talk, carrier: str = "twilio"
) -> AsyncIterator[Office]:
    """An edge with an account at this carrier, and the person, who answers and then does this."""
    line = PhoneLine()
    edges: list[RunningEdge] = []
    tasks: list[asyncio.Task[Any]] = []

    async def talk(line: PhoneLine) -> None:
        await answers(edges[0], line)

    def rung_over(called: Callable[[str], Any]) -> None:
        """Have the person answer what this carrier's server was asked for; their telephone is made of its id."""
        ours = edges[0].edge.carriers[0]
        place = ours.place_call

        async def place_call(call: str, to_number: str, from_number: str = "") -> str:
            provider_call = await place(call, to_number, from_number)
            tasks.append(asyncio.create_task(called(provider_call).call(line, talk)))
            return provider_call

        ours.place_call = place_call  # type: ignore[method-assign]

    async with AsyncExitStack() as stack:

        async def edge(app: Greeting = APP, **changed: Any) -> RunningEdge:
            edges.append(await stack.enter_async_context(running_edge(bus, settings, *hears, app=app, **changed)))
            return edges[0]

        match carrier:
            case "telnyx":
                network = await stack.enter_async_context(TelnyxNetwork())
                running = await edge(**network.settings)

                async def answer(leg: TelnyxLeg, _body: dict[str, Any]) -> None:
                    await TelnyxCaller(network, running.url, leg=leg, detected="human").call(line, talk)

                network.dialled[""] = answer
                yield Office(running, lambda: TelnyxCaller(network, running.url), line)
            case "plivo":
                server = await stack.enter_async_context(PlivoServer("MA1", AUTH_TOKEN))
                account = {"plivo_auth_id": "MA1", "plivo_api_url": server.url, "plivo_number": "+15550100"}
                running = await edge(carrier="plivo", **account)
                rung_over(lambda _: PlivoCaller(running.url, AUTH_TOKEN, answer_url=server.orders[-1]["answer_url"]))
                yield Office(running, lambda: PlivoCaller(running.url, AUTH_TOKEN), line)
            case "vonage":
                vonage = await stack.enter_async_context(VonageRestServer())
                secret = "s" * 40
                running = await edge(carrier="vonage", vonage_signature_secret=secret, **vonage.settings)

                def called(leg: str) -> VonageCaller:
                    urls = {name: vonage.orders[-1][name][0] for name in ("answer_url", "event_url")}
                    return VonageCaller(running.url, secret, answered_by="human", leg=leg, **urls)

                rung_over(called)
                yield Office(running, lambda: VonageCaller(running.url, secret), line)
            case "sip":

                async def take(leg: SipLeg) -> None:
                    await leg.answer()
                    telephone = SipCaller("")
                    telephone.leg = leg
                    async with live(line, talk) as talking:
                        await telephone._follow(bob, _play(bob, leg, line), talking)

                bob = await stack.enter_async_context(Telephone(user="bob", on_call=take))
                listen, control = f"127.0.0.1:{free_ports(2)}", f"http://127.0.0.1:{free_ports(1)}"
                running = await edge(replace(APP, transfer_target=bob.uri), sip=True, sip_url=control)
                ways = {"sip_listen": listen, "sip_url": control}
                await stack.enter_async_context(running_gateway(settings.data_dir, [running.url], **ways))
                yield Office(running, lambda: SipCaller(f"sip:demo@{listen}"), line)
            case _:

                async def ring(order: dict[str, str], sid: str) -> None:
                    asked = {"from_number": order["From"], "to_number": order["To"], "voice_url": order["Url"]}
                    await Caller(running.url, AUTH_TOKEN, **asked, answered_by="human", call_sid=sid).call(line, talk)

                rest = await stack.enter_async_context(TwilioRestServer(ACCOUNT, AUTH_TOKEN, ring))
                account = {"twilio_account_sid": ACCOUNT, "twilio_number": "+15550100", "twilio_api_url": rest.url}
                running = await edge(**account)
                yield Office(running, lambda: Caller(running.url, AUTH_TOKEN), line)
        async with asyncio.timeout(PATIENCE_S):  # whoever was rung is hung up on
            await asyncio.gather(*tasks)


async def asks_for_a_person(running: RunningEdge, line: PhoneLine) -> str:
    target = running.edge.answering.apps[0].transfer_target
    await running.event(ReplySpoken, turn=0)
    line.say(voice(CALLER_HZ, 0.4))
    call = (await running.event(UserTurnEnded, turn=1)).call
    wanted = CallTransferRequested(call=call, turn=1, target=target, briefing=BRIEFING)
    await running.bus.publish(wanted, TurnCompleted(call=call, turn=1, agent="a"))
    return call


@pytest.mark.integration
@pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo", "vonage", "sip"])
async def test_caller_agent_and_person_hear_each_other_until_the_person_leaves(
    bus: TestBus, settings: Settings, carrier: str
) -> None:
    agreed = asyncio.Event()

    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver)
        assert await line.until(lambda: heard(line.tracks.agent, AGENT_HZ) > 0.2, PATIENCE_S)
        line.say(voice(PERSON_HZ, 1.0))  # while the agent says what it is about
        await line.until(agreed.is_set, PATIENCE_S)
        await line.press("*")

    said = ("a person please", "hello", "my parcel")
    async with office(bus, settings, *said, answers=person_talks, carrier=carrier) as at:
        running, bob = at.running, at.person
        person = running.edge.answering.apps[0].transfer_target

        async def talk(line: PhoneLine) -> None:
            call = await asks_for_a_person(running, line)
            await running.event(ReplySpoken, operator=person, text="hello")
            line.say(voice(CALLER_HZ, 0.8))
            await running.event(UserTurnEnded, operator=person, text="my parcel")
            await line.until(lambda: heard(bob.tracks.agent, CALLER_HZ) > 0.6, PATIENCE_S)
            agreed.set()
            back = DEFAULT_LANGUAGE.to_speech(DEFAULT_LANGUAGE.phrases.handed_back)
            await running.event(ReplySpoken, call=call, text=back)

        outcome = await at.call(talk)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 1)
        ann = running.lines[0].tracks.agent
        # the caller: both, and both at once
        assert heard(ann, PERSON_HZ) == pytest.approx(1.0, abs=0.2)
        assert heard(ann, AGENT_HZ, PERSON_HZ) > 0.6
        # the person: the agent and the caller, and not themselves
        assert heard(bob.tracks.agent, AGENT_HZ) > 2.0
        assert heard(bob.tracks.agent, CALLER_HZ) == pytest.approx(0.8, abs=0.2)
        assert heard(bob.tracks.agent, PERSON_HZ) < 0.1
        assert (await running.event(OperatorLeft, operator=person)).reason == "left by key"
        assert len(await bus.published(OperatorJoined)) == 1
        assert (await running.event(CallEnded)).reason == "caller_hung_up"
        assert await bus.published(TransferFailed) == []


@pytest.mark.integration
async def test_both_are_together_again_after_each_of_their_streams_was_lost(bus: TestBus, settings: Settings) -> None:
    over = asyncio.Event()

    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver)
        await line.until(over.is_set, PATIENCE_S)

    def lose(line: PhoneLine) -> None:
        stream: Any = line.stream
        stream._socket.transport.abort()

    async with office(bus, settings, "a person please", "", "hello", answers=person_talks) as at:
        running, bob = at.running, at.person

        async def hear_each_other(line: PhoneLine) -> None:
            before = heard(line.tracks.agent, PERSON_HZ), heard(bob.tracks.agent, CALLER_HZ)
            bob.say(voice(PERSON_HZ, 0.6))
            assert await line.until(lambda: heard(line.tracks.agent, PERSON_HZ) > before[0] + 0.3, PATIENCE_S)
            line.say(voice(CALLER_HZ, 0.6))
            assert await line.until(lambda: heard(bob.tracks.agent, CALLER_HZ) > before[1] + 0.3, PATIENCE_S)

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            await running.event(ReplySpoken, text=BRIEFING)
            lose(line)
            await running.event(CallResumed)
            assert await line.until(lambda: line.stream is not None, PATIENCE_S)
            await hear_each_other(line)
            lose(bob)
            async with asyncio.timeout(PATIENCE_S):
                while len(await bus.published(OperatorTookOver)) < 2:
                    await line.until(lambda: False, 0.1)
            await hear_each_other(line)
            over.set()

        outcome = await at.call(talk)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)


@pytest.mark.integration
async def test_the_person_is_hung_up_on_with_the_caller(bus: TestBus, settings: Settings) -> None:
    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver, operator=PERSON)
        await line.until(lambda: False, PATIENCE_S)

    async with office(bus, settings, "a person please", answers=person_talks) as at:
        running, bob = at.running, at.person

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            await running.event(OperatorTookOver)

        await at.call(talk)
        await running.event(CallEnded)
        async with asyncio.timeout(PATIENCE_S):
            while not bob.ended:  # noqa: ASYNC110 - the line of another call
                await asyncio.sleep(0.02)
    assert len(await bus.published(CallEnded)) == 1


@pytest.mark.integration
async def test_where_the_person_hangs_up_the_agents_have_the_caller(bus: TestBus, settings: Settings) -> None:
    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver, operator=PERSON)
        await line.until(lambda: line.agent_audible_s > 0.3, PATIENCE_S)

    async with office(bus, settings, "a person please", answers=person_talks) as at:
        running = at.running

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            back = DEFAULT_LANGUAGE.to_speech(DEFAULT_LANGUAGE.phrases.handed_back)
            await running.event(ReplySpoken, text=back)

        assert (await at.call(talk)).how == "caller_hung_up"
        assert (await running.event(OperatorLeft, operator=PERSON)).reason == "hung up"


async def test_a_carrier_that_rings_nobody_leaves_the_caller_with_the_agents(bus: TestBus, settings: Settings) -> None:
    async with running_edge(
        bus, settings, "a person please", app=APP, twilio_number="+15550100", twilio_api_url="http://127.0.0.1:9"
    ) as running:

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            assert "ACCOUNT_SID" in (await running.event(TransferFailed, target=PERSON)).reason
            await running.event(ReplySpoken, text="Nobody is there.")

        outcome = await running.call(talk)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 1)


@pytest.mark.parametrize(
    ("chosen", "target", "why"),
    [
        ({"carrier": "browser"}, PERSON, "a browser cannot ring anybody"),
        ({"carrier": "twilio", "twilio_media": "relay"}, PERSON, "ORCHESTRA_TWILIO_MEDIA=stream"),
        ({"carrier": "telnyx", "telnyx_media": "relay"}, PERSON, "ORCHESTRA_TELNYX_MEDIA=stream"),
        ({"carrier": "twilio", "twilio_number": ""}, PERSON, "ORCHESTRA_TWILIO_NUMBER"),
        ({"carrier": "twilio", "sip": False}, "sip:anna@pbx.example", "ORCHESTRA_SIP"),
    ],
)
def test_an_edge_that_cannot_have_the_person_s_voice_does_not_start(
    settings: Settings, chosen: dict[str, object], target: str, why: str
) -> None:
    changed = settings.model_copy(update=chosen)
    with pytest.raises(SettingError, match=why):
        check_three_way(changed, [Greeting(transfer_target=target, three_way=True)])
    check_three_way(changed, [Greeting(transfer_target=target)])
