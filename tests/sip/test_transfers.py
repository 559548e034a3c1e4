"""A call is connected to somebody else: by an agent, and by the telephone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator.sip import Leg, Telephone
from orchestra.testing import TestBus
from orchestra.voice.audio import mulaw
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from orchestra_schemas import (
    CallEnded,
    CallResumed,
    CallTransferRequested,
    DigitPressed,
    DigitsRequested,
    ReplySpoken,
    TransferAccepted,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.sip.gateways import RunningGateway, running_gateway
from tests.sip.test_edges import speak
from tests.voice.edges import RunningEdge, ScriptedEngines, running_edge, tone

pytestmark = pytest.mark.integration

FRAME = mulaw.encode(tone(0.02))


class SpeakingEngines(ScriptedEngines):
    async def render(self, text: str, *_: Any) -> SynthesizedSpeech:
        return SynthesizedSpeech(tone(0.3).tobytes(), tuple((word, 0.0) for word in text.split()))


class Person:
    """A telephone at which somebody takes the calls."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[Leg] = []
        self.phone = Telephone(user="bob", on_call=self._take, **options)

    async def _take(self, leg: Leg) -> None:
        self.calls.append(leg)
        await leg.answer()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - packets, which nobody announces
            await asyncio.sleep(0.02)


@asynccontextmanager
async def in_a_call(
    bus: TestBus, settings: Settings, ann: Telephone, **gateway_settings: Any
) -> AsyncIterator[tuple[RunningEdge, RunningGateway, Leg, str]]:
    """Ann has said what she wants."""
    engines = SpeakingEngines(["a person please"])
    music = gateway_settings.pop("hold_music", "")
    async with (
        running_edge(bus, settings, engines=engines, sip=True, reconnect_s=30, hold_music=music) as running,
        running_gateway(settings.data_dir, [running.url], reconnect_s=30, **gateway_settings) as gateway,
    ):
        leg = await ann.call(f"sip:demo@127.0.0.1:{gateway.port}")
        await running.event(ReplySpoken)
        await speak(ann, 1.6)
        turn = await running.event(UserTurnEnded)
        yield running, gateway, leg, turn.call
        assert ann.complaints == []


async def transfer(bus: TestBus, call: str, target: str, briefing: str = "") -> None:
    requested = CallTransferRequested(call=call, turn=1, target=target, briefing=briefing)
    await bus.publish(requested, TurnCompleted(call=call, turn=1, agent="a"))


async def test_an_agent_presses_keys(bus: TestBus, settings: Settings) -> None:
    async with Telephone() as ann, in_a_call(bus, settings, ann) as (_, _, leg, call):
        await bus.publish(DigitsRequested(call=call, turn=1, digits="4*7"), TurnCompleted(call=call, turn=1, agent="a"))
        await until(lambda: [pressed.key for pressed in leg.rtp.keys] == ["4", "*", "7"])


async def test_an_agent_connects_the_caller_by_refer(bus: TestBus, settings: Settings) -> None:
    bob = Person()
    async with bob.phone, Telephone() as ann, in_a_call(bus, settings, ann) as (running, _, leg, call):
        await transfer(bus, call, bob.phone.uri)
        await running.event(TransferAccepted)
        assert (await running.event(CallEnded)).reason == "transferred"
        await leg.wait_ended()
        assert leg.transferred is not None
        await leg.transferred.rtp.send_audio(FRAME)
        await until(lambda: bob.calls and bob.calls[0].rtp.heard)
        assert bob.phone.complaints == []


async def test_a_person_hears_what_it_is_about_takes_the_call_and_has_the_caller(
    bus: TestBus, settings: Settings
) -> None:
    bob = Person()
    async with bob.phone, Telephone() as ann, in_a_call(bus, settings, ann) as (running, _, leg, call):
        await transfer(bus, call, bob.phone.uri, "Ann waits for a parcel.")
        await until(lambda: bob.calls and len(bob.calls[0].rtp.heard) > 20)
        bob.calls[0].rtp.press("1")
        for _ in range(20):
            await bob.calls[0].rtp.send_audio(FRAME)
            await asyncio.sleep(0.02)
        await running.event(TransferAccepted)
        assert (await running.event(CallEnded)).reason == "transferred"
        await leg.wait_ended()
        assert leg.transferred is not None
        await leg.transferred.rtp.send_audio(FRAME)
        await until(lambda: bob.calls[-1].rtp.heard)
        assert bob.phone.complaints == []


async def test_a_caller_hears_the_music_until_the_person_answers(bus: TestBus, settings: Settings) -> None:
    answers = asyncio.Event()
    calls: list[Leg] = []

    async def take(leg: Leg) -> None:
        calls.append(leg)
        leg.ring()
        await answers.wait()
        await leg.answer()

    async with (
        Telephone(user="bob", on_call=take) as bob,
        Telephone() as ann,
        in_a_call(bus, settings, ann, hold_music="melody") as (running, _, leg, call),
    ):
        await transfer(bus, call, bob.uri, "Ann waits for a parcel.")
        await until(lambda: calls)
        start = len(leg.rtp.heard)
        await until(lambda: len(leg.rtp.heard) > start + 100)
        loud = [packet for packet in leg.rtp.heard[start:] if np.abs(mulaw.decode(packet.payload)).mean() > 100]
        assert len(loud) > 80  # of the ringing tone a fifth is
        answers.set()
        await until(lambda: len(calls[0].rtp.heard) > 20)
        calls[0].rtp.press("1")
        for _ in range(20):
            await calls[0].rtp.send_audio(FRAME)
            await asyncio.sleep(0.02)
        await running.event(TransferAccepted)


async def test_the_extension_of_a_number_is_pressed_once_it_is_answered(bus: TestBus, settings: Settings) -> None:
    bob = Person()
    async with (
        bob.phone,
        Telephone() as ann,
        in_a_call(bus, settings, ann, sip_trunk=bob.phone.via) as (running, _, _, call),
    ):
        await transfer(bus, call, "+15550123,20#")
        await running.event(TransferAccepted)
        await until(lambda: [pressed.key for pressed in bob.calls[0].rtp.keys] == ["2", "0", "#"])


async def test_where_the_person_is_busy_the_agents_have_the_caller_again(bus: TestBus, settings: Settings) -> None:
    async with (
        Telephone(user="bob") as bob,
        Telephone() as ann,
        in_a_call(bus, settings, ann) as (running, _, leg, call),
    ):
        await transfer(bus, call, bob.uri)
        assert (await running.event(TransferFailed)).reason == "486"
        await running.event(CallResumed)
        assert leg.end == ""


async def test_an_agent_cannot_have_a_stranger_called(bus: TestBus, settings: Settings) -> None:
    async with Telephone() as ann, in_a_call(bus, settings, ann) as (running, _, leg, call):
        await transfer(bus, call, "sip:premium@192.0.2.1")
        assert "192.0.2.1 is not among the hosts" in (await running.event(TransferFailed)).reason
        await running.event(CallResumed)
        assert leg.end == ""


async def talks_with_bob(running: RunningEdge, bob: Person) -> None:
    """Keys that Bob presses are heard, and so the call is his; then he hangs up."""
    leg = bob.phone.legs[-1]
    leg.rtp.press("7")
    for _ in range(20):
        await leg.rtp.send_audio(FRAME)
        await asyncio.sleep(0.02)
    await running.event(DigitPressed, digit="7")
    assert await leg.hang_up() == 200
    assert (await running.event(CallEnded)).reason == "caller_hung_up"


async def test_a_telephone_transfers_the_agents_to_another_one(bus: TestBus, settings: Settings) -> None:
    bob = Person()
    async with bob.phone, Telephone() as ann, in_a_call(bus, settings, ann) as (running, gateway, leg, _):
        assert await leg.transfer("sip:x@192.0.2.1") == 603
        assert await leg.transfer(bob.phone.uri) == 200
        await talks_with_bob(running, bob)
        assert "sip.refer_refused" in gateway.said


async def test_a_telephone_that_hangs_up_at_once_has_transferred_the_agents_all_the_same(
    bus: TestBus, settings: Settings
) -> None:
    rings = asyncio.Event()
    calls: list[Leg] = []

    async def take(leg: Leg) -> None:
        calls.append(leg)
        await rings.wait()
        await leg.answer()

    bob = Person()
    bob.phone = Telephone(user="bob", on_call=take)
    bob.calls = calls
    async with bob.phone, Telephone() as ann, in_a_call(bus, settings, ann) as (running, _, leg, _):
        transferring = asyncio.create_task(leg.transfer(bob.phone.uri))
        await until(lambda: calls)
        await leg.hang_up()
        rings.set()
        await talks_with_bob(running, bob)
        transferring.cancel()
        await asyncio.gather(transferring, return_exceptions=True)


async def test_a_telephone_connects_the_agents_with_whom_it_talks(bus: TestBus, settings: Settings) -> None:
    bob = Person()
    async with bob.phone, Telephone() as ann, in_a_call(bus, settings, ann) as (running, _, leg, _):
        other = await ann.call(bob.phone.uri)
        assert await leg.transfer_to(other) == 200
        await until(lambda: len(bob.phone.legs) > 1 and bob.phone.legs[-1].status == 200)
        await talks_with_bob(running, bob)
