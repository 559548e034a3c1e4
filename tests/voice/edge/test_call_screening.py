"""A call that is placed, and answered by a robot that asks first: it is told who calls and why, a person is greeted."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from orchestra.settings import Settings
from orchestra.simulator.caller import Caller, CallOutcome
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallAnswered,
    CallEnded,
    CallScreened,
    ReplySpoken,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
)
from tests.voice.edge.test_dial_api import edge_that_dials, order
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, tone

# the twilio package signs in by what aiohttp is about to drop
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

ASKS = "Hi, if you record your name and reason for calling, I'll see if this person is available."
INTRODUCTION = "Acme about your parcel."
APP = Greeting(greeting="Good day.", voicemail="We called.", introduction=INTRODUCTION)

Talk = Callable[[RunningEdge, PhoneLine], Awaitable[None]]


async def call_that_hears(bus: TestBus, settings: Settings, hears: list[str], talk: Talk) -> CallOutcome:
    """Place a call; each sound of whoever answers is one of these texts."""
    async with edge_that_dials(bus, settings, app=APP) as (running, carrier):
        cast("deque[str]", running.edge.engines.words).extend(hears)  # type: ignore[attr-defined]
        await order(running, {"to": "+15550001"})
        (placed,) = carrier.orders
        caller = Caller(running.url, AUTH_TOKEN, answered_by="human", voice_url=placed["Url"], call_sid=placed["Sid"])
        async with asyncio.timeout(90):
            ending = await caller.call(PhoneLine(), lambda line: talk(running, line))
        await running.event(CallEnded)
        return ending


async def spoken(running: RunningEdge, text: str, count: int = 1) -> None:
    """Wait until the edge has said this so often."""
    while [event.text for event in await running.bus.published(ReplySpoken)].count(text) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def screened(bus: TestBus) -> list[str]:
    return [event.status for event in await bus.published(CallScreened)]


@pytest.mark.integration
async def test_a_robot_is_told_who_calls_and_a_person_is_greeted(bus: TestBus, settings: Settings) -> None:
    async def talk(running: RunningEdge, line: PhoneLine) -> None:
        await spoken(running, "Good day.")
        line.say(tone(0.5))
        await spoken(running, INTRODUCTION)
        line.say(tone(0.5))
        await running.event(CallScreened, status="waiting")
        line.say(tone(0.5))
        await spoken(running, "Good day.", 2)
        line.say(tone(0.5))
        await running.event(UserTurnEnded)

    hears = [ASKS, "Thanks. Please stay on the line.", "Hello?", "What parcel?"]
    ending = await call_that_hears(bus, settings, hears, talk)
    assert ending.how == "caller_hung_up"
    assert await screened(bus) == ["asked", "waiting", "accepted"]
    assert [event.text for event in await bus.published(UserTurnEnded)] == ["What parcel?"]
    assert not [event for event in await bus.published(UserTurnPredicted) if event.text != "What parcel?"]


@pytest.mark.integration
async def test_a_person_who_asks_at_once_is_answered_by_the_agents(bus: TestBus, settings: Settings) -> None:
    async def talk(running: RunningEdge, line: PhoneLine) -> None:
        await spoken(running, "Good day.")
        line.say(tone(0.5))
        await spoken(running, INTRODUCTION)
        line.say(tone(0.5))
        await running.event(UserTurnEnded)

    await call_that_hears(bus, settings, [ASKS, "Hi, is it the red one?"], talk)
    assert await screened(bus) == ["asked", "accepted"]
    assert [event.turn for event in await bus.published(UserTurnEnded)] == [1]


async def test_a_call_that_is_declined_ends_and_says_so(bus: TestBus, settings: Settings) -> None:
    async def talk(running: RunningEdge, line: PhoneLine) -> None:
        await spoken(running, "Good day.")
        line.say(tone(0.5))
        await spoken(running, INTRODUCTION)
        line.say(tone(0.5))
        await line.until(lambda: False, 60)

    ending = await call_that_hears(bus, settings, [ASKS, "I can't take your call right now."], talk)
    assert ending.how == "agent_hung_up"
    assert await screened(bus) == ["asked", "declined"]
    assert not await bus.published(UserTurnEnded)


@pytest.mark.integration
async def test_a_robot_that_only_asks_is_left(bus: TestBus, settings: Settings) -> None:
    async def talk(running: RunningEdge, line: PhoneLine) -> None:
        await spoken(running, "Good day.")
        for count in (1, 2, 3):
            line.say(tone(0.5))
            await spoken(running, INTRODUCTION, count)
        line.say(tone(0.5))
        await line.until(lambda: False, 60)

    ending = await call_that_hears(bus, settings, [ASKS] * 4, talk)
    assert ending.how == "agent_hung_up"
    assert await screened(bus) == ["asked", "asked", "asked", "declined"]


@pytest.mark.integration
async def test_an_answering_machine_that_was_taken_for_a_person_gets_the_message(
    bus: TestBus, settings: Settings
) -> None:
    async def talk(running: RunningEdge, line: PhoneLine) -> None:
        await spoken(running, "Good day.")
        line.say(tone(0.5))
        await line.until(lambda: False, 60)

    ending = await call_that_hears(bus, settings, ["Please leave a message after the tone."], talk)
    assert ending.how == "agent_hung_up"
    assert [event.by for event in await bus.published(CallAnswered)] == ["human", "machine"]
    assert [event.text for event in await bus.published(ReplySpoken)] == ["Good day.", "We called."]
    assert await bus.published(UserSpeechStarted)
    assert not await bus.published(UserTurnEnded)
