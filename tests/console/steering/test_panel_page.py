"""An operator in a real browser steps into a call of a real edge: what they hear, and what the caller hears of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import expect

from orchestra.settings import Settings
from orchestra.simulator.audio_measure import Span
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallEndRequested,
    CallStarted,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorSaid,
    OperatorTookOver,
    OperatorWhispered,
)
from tests.console.consoles import RunningConsole, console_settings, serving_console
from tests.console.steering.panel_page import Played, heard_by, heard_from_s, panel_page
from tests.voice.edges import Greeting, RunningEdge, running_edge

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

#: each beep of the caller's is higher than the one before, so that it tells its own time
EVERY_S, BEEP_S, LOWEST_HZ, STEP_HZ = 0.5, 0.1, 500, 100
BEEPS = 16
OPERATOR_HZ, AGENT_HZ = 1500, 440
#: `python -m tests.bench console` measures how late they are; here, on a machine that others load too, only that they
#: do not fall behind
LATE_S, SPREAD_S = 1.5, 0.1


def beeps() -> npt.NDArray[np.int16]:
    """What the caller says."""
    samples = np.zeros(round(BEEPS * EVERY_S * 8000))
    time = np.arange(round(BEEP_S * 8000)) / 8000
    for number in range(BEEPS):
        start = round(number * EVERY_S * 8000)
        samples[start : start + time.size] = 12_000 * np.sin(2 * np.pi * (LOWEST_HZ + number * STEP_HZ) * time)
    return samples.astype(np.int16)


def delays_s(line: PhoneLine, said: Span, played: Played) -> dict[int, float]:
    """From a beep of the caller's to the same beep at the operator's, by its number."""
    found = {}
    for number in range(BEEPS):
        heard = heard_from_s(played.caller, played.rate, LOWEST_HZ + number * STEP_HZ, 0.25)
        if heard:
            found[number] = played.began_at + heard[0] - (line.started_at + said.start_s + number * EVERY_S)
    return found


@asynccontextmanager
async def calling(running: RunningEdge) -> AsyncIterator[tuple[PhoneLine, str]]:
    """A caller who stays on the line while the block runs; the line, and the call's id."""
    done = asyncio.Event()
    before = {event.call for event in await running.bus.published(CallStarted)}

    async def talk(line: PhoneLine) -> None:
        await line.until(done.is_set, 120.0)

    talking = asyncio.create_task(running.call(talk))
    try:
        async with asyncio.timeout(60):
            while not (new := {event.call for event in await running.bus.published(CallStarted)} - before):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        yield running.lines[-1], new.pop()
    finally:
        done.set()
        await talking


@asynccontextmanager
async def stepping_in(
    bus: TestBus, settings: Settings, greeting: str = ""
) -> AsyncIterator[tuple[RunningConsole, RunningEdge]]:
    async with (
        running_edge(bus, settings, app=Greeting(greeting=greeting)) as running,
        serving_console(console_settings(settings)) as console,
    ):
        yield console, running


async def test_an_operator_hears_both_sides_as_they_are_said(bus: TestBus, settings: Settings) -> None:
    greeting = " ".join(["word"] * 60)  # six seconds of a tone
    async with (
        stepping_in(bus, settings, greeting) as (console, running),
        calling(running) as (line, call),
        panel_page(console, call) as desk,
    ):
        await desk.until_shown("The agents have the call")
        await desk.button("Listen").click()
        await running.event(OperatorJoined, listens=True)
        await desk.until_shown("Listening: you")
        said = line.say(beeps())
        await desk.until_played(BEEPS * EVERY_S + 1.5)
        played = await desk.played()
        await desk.button("Stop listening").click()
        await running.event(OperatorLeft, listens=True, reason="closed")
    delays = delays_s(line, said, played)
    assert sorted(delays) == list(range(BEEPS))
    steady = [delays[number] for number in range(BEEPS // 2, BEEPS)]
    assert max(steady) <= LATE_S, delays
    assert max(steady) - min(steady) <= SPREAD_S, delays
    assert heard_from_s(played.agent, played.rate, AGENT_HZ)


async def test_an_operator_types_what_the_caller_hears_and_what_the_agent_reads(
    bus: TestBus, settings: Settings
) -> None:
    async with (
        stepping_in(bus, settings) as (console, running),
        calling(running) as (line, call),
        panel_page(console, call) as desk,
    ):
        await desk.until_shown("The agents have the call")
        await desk.page.keyboard.press("s")
        await desk.page.keyboard.type("Please stay on the line, it takes a minute.")
        assert not await running.bus.published(OperatorTookOver)  # no letter of it was a key
        await desk.page.keyboard.press("Enter")
        said = await running.event(OperatorSaid)
        assert (said.text, said.operator) == ("Please stay on the line, it takes a minute.", "operator")
        assert await line.until(lambda: bool(heard_from_s(heard_by(line), 8000, AGENT_HZ)), 20.0)
        await desk.page.get_by_label("Tell the agent").fill("Offer a refund.")
        await desk.button("Whisper").click()
        assert (await running.event(OperatorWhispered)).note == "Offer a refund."


async def test_an_operator_speaks_with_the_caller_and_hands_the_call_back(bus: TestBus, settings: Settings) -> None:
    greeting = " ".join(["word"] * 200)
    async with (
        stepping_in(bus, settings, greeting) as (console, running),
        calling(running) as (line, call),
        panel_page(console, call) as desk,
    ):
        await desk.until_shown("The agents have the call")
        assert await line.until(lambda: bool(heard_from_s(heard_by(line), 8000, AGENT_HZ)), 20.0)
        await desk.button("Take over").click()
        await desk.until_shown("You are speaking with the caller")
        took_over = await running.event(OperatorTookOver)
        await desk.say_tone(1.0, OPERATOR_HZ)
        assert await line.until(lambda: bool(heard_from_s(heard_by(line), 8000, OPERATOR_HZ)), 20.0)
        await line.until(lambda: False, 2.0)
        after = heard_by(line)[round((took_over.at - line.started_at + 1.0) * 8000) :]
        assert heard_from_s(after, 8000, AGENT_HZ) == []
        await desk.button("Hand back …").click()
        await desk.page.get_by_label("What was agreed?").fill("A refund of 5.")
        await desk.button("Hand back").click()
        assert (await running.event(OperatorHandedBack)).note == "A refund of 5."
        await desk.until_shown("The agents have the call")


async def test_a_page_that_is_closed_in_a_take_over_gives_the_call_back(bus: TestBus, settings: Settings) -> None:
    async with stepping_in(bus, settings) as (console, running), calling(running) as (_, call):
        async with panel_page(console, call) as desk:
            await desk.until_shown("The agents have the call")
            await desk.page.keyboard.press("t")
            await desk.until_shown("You are speaking with the caller")
            await desk.page.close()
        left = await running.event(OperatorLeft, listens=False)
        assert left.reason == "connection lost"


async def test_an_operator_ends_the_call_after_a_question(bus: TestBus, settings: Settings) -> None:
    async with (
        stepping_in(bus, settings) as (console, running),
        calling(running) as (_, call),
        panel_page(console, call) as desk,
    ):
        await desk.until_shown("The agents have the call")
        await desk.button("End the call …").click()
        await desk.button("Cancel").click()
        assert await running.bus.published(CallEndRequested) == []
        await desk.button("End the call …").click()
        await desk.button("End the call").click()
        await running.event(CallEnded)
        await desk.until_shown("The call is over")
        await expect(desk.button("Listen")).to_be_disabled()


async def test_who_may_only_look_is_told_why_no_button_works(bus: TestBus, settings: Settings) -> None:
    call = bus.call()
    await bus.publish(CallStarted(call=call, app="demo"))
    async with (
        serving_console(console_settings(settings)) as console,
        panel_page(console, call, "read") as desk,
    ):
        await desk.until_shown("The agents have the call")
        panel = desk.page.locator(".steering")
        await expect(panel).to_contain_text("stepping in needs one with the role operate")
        assert await panel.get_by_role("button", disabled=False).count() == 0
