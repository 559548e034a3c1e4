"""Redis gone for twenty seconds, in whatever phase a call is: the caller is told of it, and the call goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.simulator.audio_measure import find_sounds
from orchestra.simulator.caller import Caller, CallOutcome
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.call.silence_watch import HOLDING_AFTER_S, HOLDING_AGAIN_S
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    CallTransferRequested,
    ReplyChunk,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, running_edge, tone

HOLDING = "Just a moment."
GREETING = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
LAST_WORDS = "I am going to connect you to a person now."
GONE_S = 20.0
#: what a busy machine may add to a silence
SPARE_S = 4.0


@dataclass
class Outage:
    """When the server goes and comes back, for all calls at once."""

    waiting_for: int
    ready: int = 0
    nearly: asyncio.Event = field(default_factory=asyncio.Event)  # all are ready but the call that is being greeted
    all_ready: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    back: asyncio.Event = field(default_factory=asyncio.Event)

    async def come(self) -> None:
        """This call is where it is to be when the server goes."""
        self.ready += 1
        if self.ready == self.waiting_for - 1:
            self.nearly.set()
        if self.ready == self.waiting_for:
            self.all_ready.set()
        await self.gone.wait()


@dataclass
class Phase:
    """One call that the outage strikes in one phase."""

    number: str
    running: RunningEdge
    outage: Outage
    line: PhoneLine = field(default_factory=PhoneLine)
    waits_from_s: float = 0.0
    waits_to_s: float = 0.0

    async def call(self, talk: Callable[["Phase"], Awaitable[None]]) -> CallOutcome:
        async def on_the_line(_: PhoneLine) -> None:
            await talk(self)

        async with asyncio.timeout(110):
            return await Caller(self.running.url, AUTH_TOKEN, from_number=self.number).call(self.line, on_the_line)

    async def id(self) -> str:
        return (await self.running.event(CallStarted, from_number=self.number)).call

    async def greeted(self) -> str:
        call = await self.id()
        await self.running.event(ReplySpoken, call=call, turn=0)
        return call

    async def ask(self) -> str:
        call = await self.greeted()
        self.line.say(tone(0.4))
        await self.running.event(UserTurnEnded, call=call, turn=1)
        return call

    async def wait(self) -> None:
        """Wait for an answer until the server is back."""
        self.waits_from_s = self.line.now_s
        await self.outage.back.wait()
        self.waits_to_s = self.line.now_s

    async def answered(self) -> None:
        """The call goes on."""
        call = await self.id()
        await self.running.event(UserTurnEnded, call=call, turn=1)
        await self.running.bus.publish(ReplyChunk(call=call, turn=1, text="In Denver."))
        await self.running.bus.publish(TurnCompleted(call=call, turn=1, agent="a"))
        spoken = await self.running.event(ReplySpoken, call=call, turn=1)
        assert spoken.text.endswith(f"{HOLDING} In Denver.")

    def check(self) -> None:
        """The caller was told soon, and again now and then."""
        heard = [span for span in find_sounds(self.line.tracks.agent) if span.end_s > self.waits_from_s]
        silent_from_s, allowed_s = self.waits_from_s, HOLDING_AFTER_S + SPARE_S
        told = [span for span in heard if span.start_s < self.waits_to_s]
        for span in told:
            assert span.start_s - silent_from_s < allowed_s, (self.number, heard)
            silent_from_s, allowed_s = span.end_s, HOLDING_AGAIN_S + SPARE_S
        assert self.waits_to_s - silent_from_s < allowed_s, (self.number, heard)
        assert 2 <= len(told) <= 5, (self.number, heard)


async def rings(phase: Phase) -> None:
    assert await phase.line.until(lambda: phase.line.agent_audible_s > 0.1 * len(GREETING.split()) - 0.1, 60)
    phase.line.say(tone(0.4))
    await phase.wait()
    await phase.answered()


async def is_greeted(phase: Phase) -> None:
    assert await phase.line.until(lambda: phase.line.agent_audible_s > 0.1, 60)
    await phase.outage.come()
    await rings(phase)


async def speaks(phase: Phase) -> None:
    await phase.greeted()
    said = phase.line.say(tone(3.0))
    assert await phase.line.until(lambda: phase.line.now_s > said.start_s + 0.5, 60)
    await phase.outage.come()
    await phase.line.until(lambda: phase.line.now_s > said.end_s, 60)
    await phase.wait()
    await phase.answered()


async def waits(phase: Phase) -> None:
    await phase.ask()
    await phase.outage.come()
    await phase.wait()
    await phase.answered()


async def hears_a_reply(phase: Phase) -> None:
    call = await phase.ask()
    before_s = phase.line.agent_audible_s
    await phase.running.bus.publish(ReplyChunk(call=call, turn=1, text="Let me see."))
    assert await phase.line.until(lambda: phase.line.agent_audible_s > before_s, 60)
    await phase.outage.come()
    await phase.wait()
    await phase.answered()


async def is_put_through(phase: Phase) -> None:
    call = await phase.ask()
    before_s = phase.line.agent_audible_s
    await phase.running.bus.publish(
        ReplyChunk(call=call, turn=1, text=LAST_WORDS),
        CallTransferRequested(call=call, turn=1, target="+15550009"),
        TurnCompleted(call=call, turn=1, agent="a"),
    )
    assert await phase.line.until(lambda: phase.line.agent_audible_s > before_s, 60)
    await phase.outage.come()
    await phase.line.until(lambda: False, 90)


@pytest.mark.faults
@pytest.mark.timeout(240)
async def test_no_caller_is_left_in_silence_while_redis_is_gone_and_every_call_goes_on(settings: Settings) -> None:
    async with EmbeddedServer(settings.data_dir) as server:
        own = Settings(redis_url=server.url, data_dir=settings.data_dir)
        connected = await Bus.connect(own)
        bus, words = TestBus(connected), ["where is my parcel"] * 6
        async with running_edge(bus, own, *words, app=Greeting(greeting=GREETING, holding=HOLDING)) as running:
            outage = Outage(5)
            phases = [Phase(f"+1555000{number}", running, outage) for number in range(6)]
            talks = (speaks, waits, hears_a_reply, is_put_through)
            calls = [asyncio.create_task(phase.call(talk)) for phase, talk in zip(phases, talks, strict=False)]
            async with asyncio.timeout(90):
                await outage.nearly.wait()
                calls.append(asyncio.create_task(phases[4].call(is_greeted)))
                await outage.all_ready.wait()
            await server.kill()
            outage.gone.set()
            calls.append(asyncio.create_task(phases[5].call(rings)))
            await asyncio.sleep(GONE_S)  # so long is it gone
            await server.start()
            outage.back.set()
            endings = await asyncio.gather(*calls)
            for phase in phases:
                await running.event(CallEnded, call=await phase.id())
        await connected.close()
    put_through = endings.pop(3)
    assert (put_through.how, put_through.target) == ("transferred", "+15550009")
    assert 1 <= put_through.announcements.count(HOLDING) <= 4
    assert {ending.how for ending in endings} == {"caller_hung_up"}
    for phase in (*phases[:3], *phases[4:]):
        phase.check()
