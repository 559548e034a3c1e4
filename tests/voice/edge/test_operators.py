"""Operators step into real calls: an edge with its socket, a caller at a telephone, a console that publishes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import numpy as np
import pytest

from orchestra.listener_leases import renew
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge import absent_listeners
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorSaid,
    OperatorTookOver,
    ReplyInterrupted,
    ReplySpoken,
    TurnMeasured,
    UserTurnEnded,
)
from tests.voice.edge.test_edge_calls import LONG, answer, until_audible
from tests.voice.edge.test_edge_returns import SILENT, cut
from tests.voice.edges import RunningEdge, running_edge, tone
from tests.voice.operator_voice import heard_voice_s, speak

pytestmark = pytest.mark.integration

BACK = "You are speaking with our assistant again. What else can I do for you?"


@asynccontextmanager
async def open_microphone(running: RunningEdge, call: str) -> AsyncIterator[None]:
    speaking = asyncio.create_task(speak(running.bus.publish, call, 60))
    try:
        yield
    finally:
        speaking.cancel()
        with suppress(asyncio.CancelledError):
            await speaking


async def begun(running: RunningEdge) -> str:
    return (await running.event(CallStarted)).call


async def test_an_operators_sentence_replaces_the_reply_that_the_caller_hears(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel", app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = await answer(running, 1, LONG)
            await until_audible(line)
            await bus.publish(OperatorSaid(call=call, operator="anna", text="It is lost. I am sorry."))
            await running.event(ReplySpoken, text="It is lost. I am sorry.", operator="anna")

        await running.call(talk)
    (cut_off,) = await bus.published(ReplyInterrupted)
    assert cut_off.stopped_by == "anna"
    assert len(cut_off.heard.split()) < len(LONG.split())


async def test_the_caller_hears_the_operator_and_no_agent_until_the_call_is_handed_back(
    bus: TestBus, settings: Settings
) -> None:
    async with running_edge(bus, settings, "where is my parcel", "it is lost", "I see it", app=SILENT) as running:
        delays: list[float] = []

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = await answer(running, 1, LONG)
            await until_audible(line)
            await bus.publish(OperatorTookOver(call=call, operator="anna"))
            await running.event(ReplyInterrupted, stopped_by="anna")
            await line.until(lambda: False, 0.5)
            from_s = line.now_s
            await speak(bus.publish, call, 2.0)
            line.say(tone(0.4))
            async with open_microphone(running, call):
                await running.event(UserTurnEnded, turn=2, text="it is lost", operator="anna")
            delays.append(heard_voice_s(line.tracks.agent[round(from_s * 8000) :])[0])
            await bus.publish(OperatorHandedBack(call=call, operator="anna", note="Refund agreed."))
            await running.event(ReplySpoken, text=BACK)
            understood = await running.event(ReplySpoken, operator="anna")
            assert (understood.text, understood.engine) == ("I see it", "script")

        await running.call(talk)
        ended = await running.event(CallEnded)
    assert delays[0] < 0.5
    assert [event.turn for event in await bus.published(TurnMeasured)] == [1]
    agent = [each for each in await bus.published(AudioChunk) if each.speaker == "agent"]
    recorded = np.zeros(ended.audio_ms * 8, np.int16)
    for chunk in agent:
        samples = np.frombuffer(chunk.audio, np.int16)
        recorded[chunk.offset_ms * 8 : chunk.offset_ms * 8 + samples.size] = samples
    assert len(heard_voice_s(recorded)) > 90  # the recording has what the caller heard


async def test_agents_take_the_call_back_when_the_console_is_killed(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=SILENT) as running:
        silent_s: list[float] = []

        async def talk(line: PhoneLine) -> None:
            call = await begun(running)
            await bus.publish(OperatorTookOver(call=call, operator="anna"))
            await speak(bus.publish, call, 1.0)  # the console says nothing any more, not even that it is over
            last_s = line.now_s
            left = await running.event(OperatorLeft)
            assert (left.operator, left.source) == ("anna", (await running.event(CallStarted)).source)
            await running.event(ReplySpoken, text=BACK)
            after = line.tracks.agent[round((last_s + 0.5) * 8000) :]
            silent_s.append(0.5 + float(np.flatnonzero(np.abs(after) > 500)[0]) / 8000)

        await running.call(talk)
    assert silent_s[0] < 2.0


async def test_a_take_over_goes_on_at_the_edge_that_resumes_the_call(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            call = await begun(running)
            await bus.publish(OperatorTookOver(call=call, operator="anna"))
            async with open_microphone(running, call):
                await line.until(lambda: len(heard_voice_s(line.tracks.agent)) > 10, 30)
                cut(line)
                await running.event(CallResumed)
                before = len(heard_voice_s(line.tracks.agent))
                assert await line.until(lambda: len(heard_voice_s(line.tracks.agent)) > before + 25, 30)
            await bus.publish(OperatorHandedBack(call=call, operator="anna"))
            await running.event(ReplySpoken, text=BACK)

        await running.call(talk)
    assert await bus.published(OperatorLeft) == []


async def test_a_listener_whose_console_is_gone_leaves_the_call_and_one_who_is_there_stays(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absent_listeners, "LOOK_EVERY_S", 0.3)
    async with running_edge(bus, settings, app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            call = await begun(running)
            await renew(bus.bus, "here", [(call, "ben")])
            for operator in ("anna", "ben"):  # anna's console is killed before it has a lease
                await bus.publish(OperatorJoined(call=call, operator=operator, console="here", listens=True))
            left = await running.event(OperatorLeft)
            assert (left.operator, left.listens) == ("anna", True)
            await line.until(lambda: False, 1.0)

        await running.call(talk)
    assert [event.operator for event in await bus.published(OperatorLeft)] == ["anna"]


async def test_an_operator_ends_the_call_at_once(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel", app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = await answer(running, 1, LONG)
            await until_audible(line)
            await bus.publish(CallEndRequested(call=call, operator="anna"))
            await line.until(lambda: False, 30)

        assert (await running.call(talk)).how == "agent_hung_up"
        assert (await running.event(CallEnded)).reason == "agent_hung_up"
