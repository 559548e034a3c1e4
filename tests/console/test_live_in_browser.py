"""The live page in a real browser: during a call of the demo app, and with whatever a journal may have."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from orchestra.bus import Publisher
from orchestra.settings import Settings
from orchestra.simulator import Caller, PhoneLine, ScriptedConversation, ScriptLine, synthesize_lines
from orchestra.stack import stack
from orchestra.testing import TestBus
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    TranscriptPartial,
    UserTurnEnded,
)
from tests.console.browsers import picture, signed_in
from tests.console.consoles import RunningConsole, console_settings, serving_console
from tests.servers.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

HOSTILE = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1"> "quoted" \u202eback\u202c ' * 300


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture
async def running(bus: TestBus) -> AsyncIterator[RunningConsole]:
    async with serving_console(console_settings(bus.bus.settings)) as found:
        yield found


async def publish(publisher: Publisher, *events: Event) -> None:
    for event in events:
        publisher.publish(event)
    await publisher.flush()


async def test_a_call_of_the_demo_is_seen_as_it_runs(browser: Browser, tmp_path: Path) -> None:
    speech = await asyncio.to_thread(LocalSpeech.load)
    question = synthesize_lines([ScriptLine("Where is my parcel four two seven one?")], speech.synthesize)
    settings = Settings(data_dir=tmp_path / "data", port=0, embedded_port=0)
    async with stack(settings, logs=tmp_path / "logs") as started:
        watched = console_settings(settings.model_copy(update={"redis_url": started.redis_url}))
        async with serving_console(watched) as running, signed_in(browser, running, "read") as page:
            await page.goto(running.url)
            await expect(page.get_by_text("No call runs.")).to_be_visible()
            talk = ScriptedConversation(question)
            calling = asyncio.create_task(Caller(started.url, started.auth_token).call(PhoneLine(), talk))
            row = page.locator(".call-list tbody tr")
            await expect(row).to_have_count(1, timeout=30_000)
            await row.get_by_role("button").press("Enter")
            said = page.locator(".transcript .line.caller .what")
            await expect(said.last).to_contain_text("parcel", timeout=30_000, ignore_case=True)
            tool = page.locator(".transcript .line.tool").last
            await expect(tool).to_contain_text("find_parcel(number=", timeout=30_000)
            reply = page.locator(".transcript .line.agent").last
            await expect(reply).to_contain_text("Hill Street", timeout=30_000)
            await expect(reply).to_contain_text("after ", timeout=30_000)  # so many seconds
            await picture(page, "live")
            await calling
            await expect(row).to_contain_text("ended: ", timeout=30_000)
            await expect(page.get_by_role("link", name="Everything about this call")).to_be_visible()


async def test_the_list_is_searched_and_used_with_the_keyboard(
    browser: Browser, running: RunningConsole, bus: TestBus
) -> None:
    publisher, calls = bus.bus.publisher("edge"), [bus.call() for _ in range(3)]
    for number, call in enumerate(calls):
        began = CallStarted(call=call, from_number=f"+1555000{number}", app="parcels", at=1_763_830_000.0 + number)
        await publish(publisher, began, AgentChanged(call=call, agent="claims" if number else "desk"))
    async with signed_in(browser, running, "read") as page:
        await page.goto(running.url)
        rows = page.locator(".call-list tbody tr")
        await expect(rows).to_have_count(3)
        await page.get_by_label("Find").fill("claims")
        await expect(rows).to_have_count(2)
        await expect(page.get_by_text("3 running, 2 shown")).to_be_visible()
        await rows.first.get_by_role("button").focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="+15550002")).to_be_visible()
        await expect(page).to_have_url(f"{running.url}/?call={calls[2]}&find=claims")
        await page.get_by_label("State").select_option("thinking")
        await expect(page.get_by_text("No call is like that.")).to_be_visible()
        await publish(publisher, UserTurnEnded(call=calls[1], turn=1, text="Hello?"))
        await expect(rows).to_have_count(1)
        await page.get_by_role("button", name="Close").click()
        await expect(page.locator(".chosen-call")).to_be_hidden()


async def test_hostile_unknown_and_missing_events_are_shown_as_what_they_are(
    browser: Browser, running: RunningConsole, bus: TestBus
) -> None:
    publisher, call = bus.bus.publisher("edge"), bus.call()
    await publish(
        publisher,
        CallStarted(call=call, from_number="+15550001", greeting=HOSTILE),
        UserTurnEnded(call=call, turn=1, text="one"),
    )
    async with signed_in(browser, running, "read") as page:
        await page.goto(f"{running.url}/?call={call}")
        lines = page.locator(".transcript .line")
        await expect(lines).to_have_count(3)
        odd = ("type", "booking.made", "call", call, "id", f"{call}:odd", "body", "{}")
        await bus.bus.connection(0).call("XADD", bus.bus.key(call, "events"), "*", *odd)
        await publish(
            publisher,
            TranscriptPartial(call=call, turn=3, text="and where is"),
            UserTurnEnded(call=call, turn=3, text=HOSTILE),
            ReplyChunk(call=call, turn=3, agent="desk", text="It comes tomorrow, I think."),
            ReplyInterrupted(call=call, turn=3, heard="It comes"),
        )
        await expect(page.get_by_text("An event that this console does not know: booking.made")).to_be_visible()
        await expect(page.get_by_text("turn 2 is missing")).to_be_visible()
        await expect(page.locator(".line.agent s")).to_have_text(" tomorrow, I think.")
        await expect(page.locator(".call-list .badge.warn")).to_have_text("events missing")
        await publish(publisher, CallEnded(call=call, reason="caller_hung_up", duration_s=9.0))
        await expect(page.locator(".chosen-call h2 + .badge")).to_have_text("ended: caller hung up")
        assert not await page.evaluate("window.hacked")
        await page.set_viewport_size({"width": 360, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await picture(page, "live-narrow")
