"""Keys that the caller presses, and what the settings let an edge say and be stopped by."""

import pytest

from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.call.conversation import COLLECT_DIGITS
from orchestra_schemas import (
    CallStarted,
    DigitPressed,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.edges import WORD_S, Greeting, running_edge, tone

LONG = " ".join(["Your parcel was sent from Denver on Monday and will come to your door on Friday before noon."] * 3)


async def test_the_recording_consent_line_comes_before_the_greeting(bus: TestBus, settings: Settings) -> None:
    consent = "This call is recorded."
    async with running_edge(bus, settings, recording_consent=consent) as running:

        async def talk(_: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)

        await running.call(talk)
    (started,) = await bus.published(CallStarted)
    (spoken,) = await bus.published(ReplySpoken)
    assert started.greeting == spoken.text == f"{consent} Hello there."
    assert running.lines[0].agent_audible_s == pytest.approx(6 * WORD_S, abs=0.1)


async def test_a_key_cuts_the_question_for_keys_and_what_follows_is_heard(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "i want to pay", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            asked = ToolRequested(call=call, turn=1, agent="billing", name=COLLECT_DIGITS)
            await bus.publish(asked, ReplyChunk(call=call, turn=1, text=LONG))
            assert await line.until(lambda: line.agent_audible_s > 0.4, 30)
            await line.press("42")
            pressed = [await running.event(DigitPressed, digit=digit) for digit in "42"]
            await bus.publish(ToolCompleted(call=call, turn=1, request="r", name=COLLECT_DIGITS, result="42"))
            await bus.publish(ReplyChunk(call=call, turn=1, text="Thank you."))
            await bus.publish(TurnCompleted(call=call, turn=1, agent="billing"))
            await running.event(ReplySpoken, turn=1)
            assert {event.turn for event in pressed} == {1}

        await running.call(talk)
    (spoken,) = await bus.published(ReplySpoken)
    heard = spoken.text.removesuffix(" Thank you.").split()
    assert spoken.text.endswith(" Thank you.")
    assert heard == LONG.split()[: len(heard)]
    assert 3 <= len(heard) < len(LONG.split()) - 4
    assert not await bus.published(ReplyInterrupted)


async def test_a_key_that_nobody_asked_for_cuts_nothing(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting="One two three four five six.")) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.1, 30)
            await line.press("1")
            await running.event(ReplySpoken, turn=0)

        await running.call(talk)
    assert running.lines[0].agent_audible_s == pytest.approx(6 * WORD_S, abs=0.1)
