"""An edge of each carrier that can ring a person, and the telephones of three-way calls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

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
from orchestra_schemas import CallTransferRequested, ReplySpoken, TurnCompleted, UserTurnEnded
from tests.servers.plivo import PlivoServer
from tests.servers.vonage import VonageRestServer
from tests.sip.gateways import free_ports, running_gateway
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, running_edge

ACCOUNT = "AC" + "1" * 32
PERSON = "+15550003"
APP = Greeting(transfer_target=PERSON, three_way=True)
#: the voices: the agent's is that of `tone`
AGENT_HZ, CALLER_HZ, PERSON_HZ = 440, 1000, 1700
#: two and a half seconds of the agent's voice
BRIEFING = " ".join(["word"] * 25)
PATIENCE_S = 60.0

#: what the person does once they have answered
Talk = Callable[[RunningEdge, PhoneLine], Awaitable[None]]


def voice(hz: int, seconds: float) -> Samples:
    """A person's voice, at 8 kHz."""
    return (6000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.int16)


def levels(samples: Samples, hz: int, frame: int) -> Any:
    """How loud this voice is, frame by frame of so many samples."""
    whole = samples[: samples.size // frame * frame].reshape(-1, frame).astype(float)
    return np.abs(whole @ np.exp(-2j * np.pi * hz * np.arange(frame) / SAMPLE_RATE)) / frame


def heard(samples: Samples, *voices: int) -> float:
    """For how many seconds all of these voices are heard at the same time."""
    frame = SAMPLE_RATE // 25
    loud = [levels(samples, hz, frame) > 400 for hz in voices]
    return float(np.logical_and.reduce(loud).sum() * frame / SAMPLE_RATE)


@dataclass
class Office:
    """An edge whose carrier can ring the person: what callers do, and the person's telephone.

    Attributes:
        orders: how the edge has asked Twilio to ring the person, and Twilio's ids of those calls.

    """

    running: RunningEdge
    caller: Callable[[], Any]
    person: PhoneLine
    orders: list[dict[str, str]] = field(default_factory=list)

    async def call(self, talk: Callable[[PhoneLine], Awaitable[None]]) -> CallOutcome:
        line = PhoneLine()
        self.running.lines.append(line)
        async with asyncio.timeout(self.running.patience_s):
            outcome: CallOutcome = await self.caller().call(line, talk)
        return outcome


@dataclass
class _Opening:
    """An office that is being opened.

    Attributes:
        answers: what the person does once they have answered.
        machine: whether a machine answers in their place, and the carrier says so.

    """

    bus: TestBus
    settings: Settings
    hears: tuple[str, ...]
    answers: Talk
    machine: bool
    stack: AsyncExitStack
    line: PhoneLine = field(default_factory=PhoneLine)
    edges: list[RunningEdge] = field(default_factory=list)
    ringing: list[asyncio.Task[Any]] = field(default_factory=list)

    @property
    def answered_by(self) -> str:
        return "machine" if self.machine else "human"

    async def edge(self, app: Greeting = APP, **changed: Any) -> RunningEdge:
        opened = running_edge(self.bus, self.settings, *self.hears, app=app, **changed)
        self.edges.append(await self.stack.enter_async_context(opened))
        return self.edges[0]

    async def talk(self, line: PhoneLine) -> None:
        await self.answers(self.edges[0], line)

    def ring_over(self, called: Callable[[str], Any]) -> None:
        """Have the person answer what this carrier's server was asked for; their telephone is made of its id."""
        ours = self.edges[0].edge.carriers[0]
        place = ours.place_call

        async def place_call(call: str, to_number: str, from_number: str = "") -> str:
            provider_call = await place(call, to_number, from_number)
            self.ringing.append(asyncio.create_task(called(provider_call).call(self.line, self.talk)))
            return provider_call

        ours.place_call = place_call  # type: ignore[method-assign]


@asynccontextmanager
async def office(
    bus: TestBus, settings: Settings, *hears: str, answers: Talk, carrier: str = "twilio", machine: bool = False
) -> AsyncIterator[Office]:
    """An edge with an account at this carrier, and the person, who answers and then does this."""
    async with AsyncExitStack() as stack:
        opening = _Opening(bus, settings, hears, answers, machine, stack)
        yield await _OPEN[carrier](opening)
        async with asyncio.timeout(PATIENCE_S):  # whoever was rung is hung up on
            await asyncio.gather(*opening.ringing)


async def _telnyx(opening: _Opening) -> Office:
    network = await opening.stack.enter_async_context(TelnyxNetwork())
    running = await opening.edge(**network.settings)

    async def answer(leg: TelnyxLeg, _body: dict[str, Any]) -> None:
        person = TelnyxCaller(network, running.url, leg=leg, detected=opening.answered_by)
        await person.call(opening.line, opening.talk)

    network.dialled[""] = answer
    return Office(running, lambda: TelnyxCaller(network, running.url), opening.line)


async def _plivo(opening: _Opening) -> Office:
    server = await opening.stack.enter_async_context(PlivoServer("MA1", AUTH_TOKEN))
    account = {"plivo_auth_id": "MA1", "plivo_api_url": server.url, "plivo_number": "+15550100"}
    running = await opening.edge(carrier="plivo", **account)

    def called(_provider_call: str) -> PlivoCaller:
        answer_url, machine = server.orders[-1]["answer_url"], "true" if opening.machine else ""
        return PlivoCaller(running.url, AUTH_TOKEN, answer_url=answer_url, machine=machine)

    opening.ring_over(called)
    return Office(running, lambda: PlivoCaller(running.url, AUTH_TOKEN), opening.line)


async def _vonage(opening: _Opening) -> Office:
    server = await opening.stack.enter_async_context(VonageRestServer())
    secret = "s" * 40
    running = await opening.edge(carrier="vonage", vonage_signature_secret=secret, **server.settings)

    def called(leg: str) -> VonageCaller:
        urls = {name: server.orders[-1][name][0] for name in ("answer_url", "event_url")}
        return VonageCaller(running.url, secret, answered_by=opening.answered_by, leg=leg, **urls)

    opening.ring_over(called)
    return Office(running, lambda: VonageCaller(running.url, secret), opening.line)


async def _sip(opening: _Opening) -> Office:
    async def take(leg: SipLeg) -> None:
        await leg.answer()
        telephone = SipCaller("")
        telephone.leg = leg
        async with live(opening.line, opening.talk) as talking:
            await telephone._follow(bob, _play(bob, leg, opening.line), talking)

    bob = await opening.stack.enter_async_context(Telephone(user="bob", on_call=take))
    listen, control = f"127.0.0.1:{free_ports(2)}", f"http://127.0.0.1:{free_ports(1)}"
    running = await opening.edge(replace(APP, transfer_target=bob.uri), sip=True, sip_url=control)
    gateway = running_gateway(opening.settings.data_dir, [running.url], sip_listen=listen, sip_url=control)
    await opening.stack.enter_async_context(gateway)
    return Office(running, lambda: SipCaller(f"sip:demo@{listen}"), opening.line)


async def _twilio(opening: _Opening) -> Office:
    answered_by, orders = "machine_start" if opening.machine else "human", list[dict[str, str]]()

    async def ring(order: dict[str, str], sid: str) -> None:
        orders.append(order | {"Sid": sid})
        asked = {"from_number": order["From"], "to_number": order["To"], "voice_url": order["Url"]}
        person = Caller(running.url, AUTH_TOKEN, **asked, answered_by=answered_by, call_sid=sid)
        await person.call(opening.line, opening.talk)

    rest = await opening.stack.enter_async_context(TwilioRestServer(ACCOUNT, AUTH_TOKEN, ring))
    account = {"twilio_account_sid": ACCOUNT, "twilio_number": "+15550100", "twilio_api_url": rest.url}
    running = await opening.edge(**account)
    return Office(running, lambda: Caller(running.url, AUTH_TOKEN), opening.line, orders)


_OPEN = {"twilio": _twilio, "telnyx": _telnyx, "plivo": _plivo, "vonage": _vonage, "sip": _sip}


async def asks_for_a_person(running: RunningEdge, line: PhoneLine) -> str:
    """The caller has the agent ask for the person. Returns the call's id."""
    target = running.edge.answering.apps[0].transfer_target
    await running.event(ReplySpoken, turn=0)
    line.say(voice(CALLER_HZ, 0.4))
    call = (await running.event(UserTurnEnded, turn=1)).call
    wanted = CallTransferRequested(call=call, turn=1, target=target, briefing=BRIEFING)
    await running.bus.publish(wanted, TurnCompleted(call=call, turn=1, agent="a"))
    return call
