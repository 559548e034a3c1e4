"""What a call needs of its carrier, whichever it is: every carrier passes these tests with a simulated caller."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator import SIMULATED_CARRIERS, CallOutcome, PhoneLine, SimulatedCarrier, simulated_carrier
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    DigitPressed,
    DigitsRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.sip.breakable import Breakable, breakable
from tests.sip.gateways import running_gateway
from tests.voice.edges import WORD_S, Greeting, RunningEdge, relay_voice, running_edge, tone

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
PATIENCE_S = 60.0
#: row and column of the key 5, in Hz (ITU-T Q.23)
FIVE_HZ = (770, 1336)


#: carriers that can connect the caller with a telephone
TRANSFERS = {"twilio", "telnyx", "plivo", "vonage", "sip", "twilio as text", "telnyx as text"}
AS_TEXT = " as text"


#: calls take their time: the quick suite has those of one telephone company and of browsers
QUICK = {"twilio", "browser"}
CARRIERS = [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.integration])
    for name in (*SIMULATED_CARRIERS, f"twilio{AS_TEXT}", f"telnyx{AS_TEXT}")
]


@dataclass(frozen=True, kw_only=True)
class SipThroughGateway(SimulatedCarrier):
    """SIP callers, whose gateway is started with the first call: then the edge has an address."""

    data_dir: Path
    started: AsyncExitStack
    ways: list[Breakable] = field(default_factory=list)

    async def start(self, url: str) -> None:
        if not self.ways:
            self.ways.append(await self.started.enter_async_context(breakable(url)))
            chosen = {name: value for name, value in self.settings.items() if name != "sip"}
            await self.started.enter_async_context(running_gateway(self.data_dir, [self.ways[0].url], **chosen))


@pytest.fixture(params=CARRIERS)
async def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SimulatedCarrier]:
    """Each carrier, and those that can hear and speak themselves."""
    name = request.param.removesuffix(AS_TEXT)
    async with simulated_carrier(name) as carrier, AsyncExitStack() as started:
        if name == "sip":
            yield SipThroughGateway(carrier.name, carrier.settings, carrier.caller, data_dir=tmp_path, started=started)
            return
        as_text = {f"{name}_media": "relay"} if request.param != name else {}
        yield replace(carrier, name=request.param, settings=carrier.settings | as_text)


@pytest.fixture
def settings(settings: Settings, carrier: SimulatedCarrier) -> Settings:
    """Settings with which an edge takes this carrier's calls."""
    return Settings.model_validate(settings.model_dump() | carrier.settings)


async def call(
    running: RunningEdge, carrier: SimulatedCarrier, talk: Callable[[PhoneLine], Awaitable[None]]
) -> CallOutcome:
    line = PhoneLine()
    running.lines.append(line)
    caller = carrier.caller(running.url, None)
    if carrier.name.endswith(AS_TEXT):
        assert carrier.text_caller is not None
        caller = carrier.text_caller(running.url, None, relay_voice(running))
    async with asyncio.timeout(running.patience_s):
        if isinstance(carrier, SipThroughGateway):
            await carrier.start(running.url)
        return await caller.call(line, talk)


async def quiet(line: PhoneLine) -> None:
    """Wait until what the agent has said is played: by SIP the last of it is still on its way."""
    await line.until(lambda: not line.playout and line.now_s - line.agent_last_audible_s > 0.1, PATIENCE_S)


async def asked(running: RunningEdge, line: PhoneLine, turn: int = 1) -> str:
    """The caller says something after the greeting; returns the call's id."""
    await running.event(ReplySpoken, turn=0)
    line.say(tone(0.4))
    return (await running.event(UserTurnEnded, turn=turn)).call


async def test_a_call_is_answered_and_the_greeting_is_heard_whole(
    bus: TestBus, settings: Settings, carrier: SimulatedCarrier
) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting="One two three four five.")) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken)
            await quiet(line)

        outcome = await call(running, carrier, talk)
        assert (outcome.how, (await running.event(CallEnded)).reason) == ("caller_hung_up", "caller_hung_up")
    assert running.lines[0].agent_audible_s == pytest.approx(0.5, abs=0.06)
    assert (await running.event(CallStarted)).provider_call


async def test_a_turn_is_heard_and_its_reply_is_spoken(
    bus: TestBus, settings: Settings, carrier: SimulatedCarrier
) -> None:
    async with running_edge(bus, settings, "where is it") as running:

        async def talk(line: PhoneLine) -> None:
            which = await asked(running, line)
            await quiet(line)
            before = line.agent_audible_s
            reply = ReplyChunk(call=which, turn=1, text="In a lorry.", agent="a")
            await bus.publish(reply, TurnCompleted(call=which, turn=1, agent="a"))
            await running.event(ReplySpoken, turn=1)
            await quiet(line)
            assert line.agent_audible_s - before == pytest.approx(0.3, abs=0.06)

        await call(running, carrier, talk)
    assert (await running.event(UserTurnEnded)).text == "where is it"


async def test_an_interruption_clears_the_audio_and_says_what_was_heard(
    bus: TestBus, settings: Settings, carrier: SimulatedCarrier
) -> None:
    async with running_edge(bus, settings, "stop that please", app=Greeting(greeting=LONG)) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.5, PATIENCE_S)
            line.say(tone(0.6))
            await running.event(ReplyInterrupted)

        await call(running, carrier, talk)
    heard = (await running.event(ReplyInterrupted)).heard
    assert LONG.startswith(heard)
    assert 0 < len(heard) < len(LONG)
    # by SIP the gateway has cleared it, and the caller does not know
    assert running.lines[0].cleared_s or carrier.name == "sip"
    assert running.lines[0].agent_audible_s < len(LONG.split()) * WORD_S - 0.1


async def test_keys_are_heard_in_their_order(bus: TestBus, settings: Settings, carrier: SimulatedCarrier) -> None:
    async with running_edge(bus, settings) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken)
            await line.press("19*0#")
            await running.event(DigitPressed, digit="#")

        await call(running, carrier, talk)
    assert "".join([event.digit for event in await bus.published(DigitPressed)]) == "19*0#"


async def test_keys_of_an_agent_reach_the_other_side_as_tones(
    bus: TestBus, settings: Settings, carrier: SimulatedCarrier
) -> None:
    async with running_edge(bus, settings, "press five", app=Greeting(greeting="")) as running:
        line_of: list[PhoneLine] = []

        async def talk(line: PhoneLine) -> None:
            line_of.append(line)
            line.say(tone(0.4))
            which = (await running.event(UserTurnEnded, turn=1)).call
            await bus.publish(
                DigitsRequested(call=which, turn=1, digits="5"), TurnCompleted(call=which, turn=1, agent="a")
            )
            assert await line.until(lambda: line.agent_audible_s > 0.06, PATIENCE_S)
            await line.until(lambda: False, 0.5)

        await call(running, carrier, talk)
    heard = line_of[0].tracks.agent.astype(np.float64)
    spectrum, step = np.abs(np.fft.rfft(heard)), 8_000 / heard.size
    loudest = sorted(np.argsort(spectrum)[-40:] * step)
    assert {round(hertz / 100) for hertz in loudest} <= {round(hertz / 100) for hertz in FIVE_HZ}


async def test_an_agent_hangs_up(bus: TestBus, settings: Settings, carrier: SimulatedCarrier) -> None:
    async with running_edge(bus, settings, "good bye") as running:

        async def talk(line: PhoneLine) -> None:
            which = await asked(running, line)
            await bus.publish(CallEndRequested(call=which, turn=1), TurnCompleted(call=which, turn=1, agent="a"))
            await line.until(lambda: False, PATIENCE_S)

        outcome = await call(running, carrier, talk)
        assert (outcome.how, (await running.event(CallEnded)).reason) == ("agent_hung_up", "agent_hung_up")


async def test_a_transfer_is_made_or_fails_aloud(bus: TestBus, settings: Settings, carrier: SimulatedCarrier) -> None:
    async with running_edge(bus, settings, "a person") as running:

        async def talk(line: PhoneLine) -> None:
            which = await asked(running, line)
            transfer = CallTransferRequested(call=which, turn=1, target="+15550003")
            await bus.publish(transfer, TurnCompleted(call=which, turn=1, agent="a"))
            if carrier.name in TRANSFERS:
                await line.until(lambda: False, PATIENCE_S)
            else:
                await running.event(TransferFailed, target="+15550003")
                await running.event(ReplySpoken, text="Nobody is there.")

        outcome = await call(running, carrier, talk)
    assert outcome.how == ("transferred" if carrier.name in TRANSFERS else "caller_hung_up")


async def test_a_call_too_many_is_refused_and_its_place_is_free_afterwards(
    bus: TestBus, settings: Settings, carrier: SimulatedCarrier
) -> None:
    async def wait(line: PhoneLine) -> None:
        await line.until(lambda: line.agent_audible_s > 0.1, PATIENCE_S)

    async with running_edge(bus, settings, max_calls=1) as running:

        async def talk(line: PhoneLine) -> None:
            await wait(line)
            assert (await call(running, carrier, wait)).how == "refused"

        assert (await call(running, carrier, talk)).how == "caller_hung_up"
        await running.event(CallEnded)
        assert (await call(running, carrier, wait)).how == "caller_hung_up"


async def test_a_broken_stream_is_followed_by_another_one(
    bus: TestBus, settings: Settings, carrier: SimulatedCarrier
) -> None:
    async with running_edge(bus, settings, "are you there", reconnect_s=30) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken)
            if isinstance(carrier, SipThroughGateway):
                carrier.ways[0].interrupt()
            else:
                stream: Any = getattr(line.stream, "_stream", line.stream)
                stream._socket.transport.abort()
            await running.event(CallResumed)
            await line.until(lambda: line.stream is not None, PATIENCE_S)
            line.say(tone(0.4))
            await running.event(UserTurnEnded, turn=1)

        outcome = await call(running, carrier, talk)
        # a telephone does not notice
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 1 if carrier.name == "sip" else 2)
        assert (await running.event(CallEnded)).reason == "caller_hung_up"
    assert len({event.call for event in await bus.published(CallStarted)}) == 1


async def test_a_gap_in_the_callers_audio_does_not_end_the_call(
    bus: TestBus, settings: Settings, carrier: SimulatedCarrier
) -> None:
    async with running_edge(bus, settings, "after the gap") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken)
            stream, line.stream = line.stream, None  # nothing is sent for a while
            await line.until(lambda: False, 1.5)
            line.stream = stream
            line.say(tone(0.4))
            await running.event(UserTurnEnded, turn=1)

        assert (await call(running, carrier, talk)).how == "caller_hung_up"


async def test_the_recorded_audio_is_what_both_sides_said(
    bus: TestBus, settings: Settings, carrier: SimulatedCarrier
) -> None:
    async with running_edge(bus, settings, "hello") as running:

        async def talk(line: PhoneLine) -> None:
            await asked(running, line)

        await call(running, carrier, talk)
        ended = await running.event(CallEnded)
    if carrier.name.endswith(AS_TEXT):
        assert (await bus.published(AudioChunk), ended.audio_ms) == ([], 0)
        return
    tracks = running.lines[0].tracks
    for speaker, track in (("caller", tracks.caller), ("agent", tracks.agent)):
        chunks = [chunk for chunk in await bus.published(AudioChunk) if chunk.speaker == speaker]
        recorded = np.frombuffer(b"".join(chunk.audio for chunk in chunks), np.int16).astype(np.int32)
        said_s = int((np.abs(track.astype(np.int32)) > 2_000).sum()) / 8_000
        assert int((np.abs(recorded) > 2_000).sum()) / chunks[0].sample_rate == pytest.approx(said_s, rel=0.1)
