"""Streams and results in a real browser: a dead letter is requeued, hostile text stays text, rights are seen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from orchestra.bus import Consumer
from orchestra.evaluation.results import keep_comparison
from orchestra.testing import TestBus
from orchestra_schemas import UserTurnEnded
from tests.console.browsers import picture, signed_in
from tests.console.consoles import RunningConsole, console_settings, serving_console
from tests.console.test_results import comparison
from tests.servers.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HOSTILE = "<img src=x onerror=alert(1)> \"'`</script>&amp; \u202eورق\u202c " + "long " * 6000


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture
async def running(bus: TestBus) -> AsyncIterator[RunningConsole]:
    async with serving_console(console_settings(bus.bus.settings)) as found:
        yield found


@asynccontextmanager
async def moody(bus: TestBus) -> AsyncIterator[list[bool]]:
    """A group that cannot handle what anybody says, until something is in the list."""
    consumer, works = Consumer("mood", max_attempts=1), list[bool]()

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        if not works:
            raise ValueError(event.text)

    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=bus.call(), turn=1, text=HOSTILE))
        await bus.settled(allow_dead=True)
        yield works


async def open_group(page: Page, running: RunningConsole) -> None:
    await page.goto(f"{running.url}/streams")
    await page.get_by_role("link", name="mood").click()
    await expect(page.get_by_role("heading", name="Group mood")).to_be_focused()


async def test_an_admin_looks_at_a_dead_letter_and_requeues_it(
    browser: Browser, bus: TestBus, running: RunningConsole
) -> None:
    async with moody(bus) as works, signed_in(browser, running, "admin") as page:
        await open_group(page, running)
        (letter,) = await bus.dead("mood")
        await page.get_by_role("button", name=letter.name).click()
        await expect(page.locator("#letter pre").first).to_contain_text("ValueError")
        await expect(page.locator("#letter pre").last).to_contain_text("<img src=x onerror=alert(1)>")
        assert await page.locator("main img").count() == 0
        await picture(page, "streams-dead-letter")
        works.append(True)
        await page.get_by_role("button", name="Requeue this letter").click()
        await page.get_by_role("dialog").get_by_role("button", name="Requeue").click()
        await expect(page.get_by_text("Requeued: 1 of 1.")).to_be_visible()
        await expect(page.get_by_text("This group could handle everything.")).to_be_visible()
    assert not await bus.dead("mood")


async def test_who_may_not_decide_sees_no_button_for_it(
    browser: Browser, bus: TestBus, running: RunningConsole
) -> None:
    async with moody(bus), signed_in(browser, running, "operate") as page:
        await open_group(page, running)
        await expect(page.get_by_text("Operators with the role admin")).to_be_visible()
        assert await page.get_by_role("button", name="drop").count() == 0
        assert await page.get_by_role("button", name="requeue").count() == 0


async def test_the_tail_shows_what_is_published_from_now_on(
    browser: Browser, bus: TestBus, running: RunningConsole
) -> None:
    call = bus.call()
    async with signed_in(browser, running, "read") as page:
        await page.set_viewport_size({"width": 360, "height": 740})
        await page.goto(f"{running.url}/streams?type=user")
        await expect(page.get_by_text("Following")).to_be_visible()
        await bus.publish(UserTurnEnded(call=call, turn=1, text=HOSTILE))
        line = page.get_by_role("log").get_by_role("listitem").first
        await expect(line).to_contain_text("user.turn.ended")
        await expect(line).to_contain_text(call)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, "nothing reaches beyond a narrow screen"
        await picture(page, "streams-tail-narrow")
        await page.get_by_label("Call", exact=True).fill("nonsense")
        await page.get_by_role("button", name="Follow").click()
        await expect(page.get_by_text("is not a call id")).to_be_visible()


async def test_a_kept_comparison_is_found_by_its_call_and_opened(browser: Browser, running: RunningConsole) -> None:
    keep_comparison(running.console.settings.data_dir, comparison(), "2.0", "gpt")
    call = comparison().calls[0].call
    async with signed_in(browser, running, "read") as page:
        await page.goto(f"{running.url}/results?call={call}")
        await expect(page.locator("#command")).to_have_text(f"orchestra compare {call}")
        await page.get_by_label("Compare with the app").fill("bank next:app")
        await expect(page.locator("#command")).to_have_text(f"orchestra compare {call} --app 'bank next:app'")
        await picture(page, "results-of-a-call")
        await page.get_by_role("row").nth(1).get_by_role("link").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Recorded calls against 2.0")
        await expect(page.get_by_role("link", name="Results")).to_have_attribute("aria-current", "page")
        await expect(page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
        await picture(page, "result")
