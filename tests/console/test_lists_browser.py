"""Calls and figures in a real browser: found, shared by the address, taken back; a point leads to its calls."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from orchestra.testing import TestBus
from orchestra_schemas import CallAnalysed, Verdict
from tests.console.browsers import picture, signed_in
from tests.console.call_set import DAY, HOSTILE, publish
from tests.console.consoles import console_settings, serving_console
from tests.servers.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest_asyncio.fixture
async def page(bus: TestBus) -> AsyncIterator[Page]:
    async with (
        serving_console(console_settings(bus.bus.settings)) as running,
        chromium() as browser,
        signed_in(browser, running, "read") as found,
    ):
        await found.goto(running.url)
        yield found


async def test_a_call_is_found_by_what_was_said_and_the_address_shares_it(bus: TestBus, page: Page) -> None:
    calls = await publish(bus)
    await page.get_by_role("link", name="Calls", exact=True).click()
    await expect(page.get_by_role("heading", name="Running (1)")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text="bank/1")).to_have_count(2)
    await expect(page.get_by_text(HOSTILE.split()[0]).first).to_be_visible()
    assert await page.locator("main script").count() == 0
    await picture(page, "calls-of-two-days")
    await page.keyboard.press("/")
    await page.keyboard.type("parcels")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/calls[?]words=parcels$"))
    link = page.get_by_role("table", name="Calls", exact=True).get_by_role("link")
    await expect(link).to_have_count(1)
    await expect(link).to_have_attribute("href", f"/calls/{calls.parcel}")
    shared = page.url
    await page.go_back()
    await expect(page.get_by_role("heading", name="Running (1)")).to_be_visible()
    await expect(page.get_by_label("Words that were said")).to_have_value("")
    await page.goto(shared)
    await expect(link).to_have_count(1)
    await page.get_by_label("Number", exact=True).fill("999999")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Show all calls").click()
    await expect(page.get_by_role("heading", name="Running (1)")).to_be_visible()


async def test_a_point_of_a_figure_leads_to_the_calls_behind_it(bus: TestBus, page: Page) -> None:
    calls = await publish(bus)
    said = (Verdict(judge="polite", version="1", passed=True), Verdict(judge="brief", version="2", passed=False))
    await bus.publish(CallAnalysed(call=calls.parcel, at=DAY + 70, success=True, verdicts=said))
    await page.goto(f"{page.url}figures?days=all")
    await page.get_by_role("link", name="2026-11-20, transferred: 1").click()
    link = page.get_by_role("table", name="Calls", exact=True).get_by_role("link")
    await expect(link).to_have_attribute("href", f"/calls/{calls.parcel}")
    await page.go_back()
    judges = page.get_by_role("table", name="What judges say")
    await expect(judges.get_by_role("row")).to_contain_text(["Share that passes", "0%", "100%"])
    await expect(page.get_by_text("100% of 1 call was a success")).to_be_visible()
    await page.get_by_label("Stage of the wait").select_option("first_token")
    await expect(page.get_by_role("link", name="2026-11-20, p95: 1,200 ms")).to_be_visible()
    await picture(page, "figures-of-two-days")
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.get_by_label("By", exact=True).select_option("app")
    await expect(page.get_by_role("link", name="bank, running: 1")).to_be_visible()
    await page.get_by_text("As a table").first.click()
    await expect(page.get_by_role("cell").get_by_role("link", name="1").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await picture(page, "figures-by-app-narrow")


async def test_an_empty_list_says_what_to_do(page: Page) -> None:
    await page.goto(f"{page.url}calls")
    await expect(page.get_by_text("orchestra call", exact=True)).to_be_visible()
    await page.goto(page.url.replace("calls", "figures"))
    await expect(page.get_by_text("There is no call in these days.")).to_be_visible()
