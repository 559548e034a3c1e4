"""The page of the versions in a real browser: an admin splits, promotes and rolls back; a reader sees it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from orchestra.testing import TestBus
from orchestra.versions.store import Splits
from tests.console.accessibility import keyboard_problems, narrow_problems, problems
from tests.console.browsers import picture, signed_in
from tests.console.consoles import console_settings, serving_console
from tests.console.test_versions import NEW, OLD, VERSIONS, calls_of, running_versions
from tests.servers.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest_asyncio.fixture
async def pages(bus: TestBus) -> AsyncIterator[tuple[Page, Page]]:
    """The page as an admin has it, and as a reader has it."""
    await bus.publish(*calls_of(bus, VERSIONS[OLD], 30, 26, 500), *calls_of(bus, VERSIONS[NEW], 20, 9, 900))
    async with (
        running_versions(bus),
        serving_console(console_settings(bus.bus.settings)) as running,
        chromium() as browser,
        signed_in(browser, running, "admin") as admin,
        signed_in(browser, running, "read") as reader,
    ):
        for page in (admin, reader):
            await page.goto(f"{running.url}/versions")
        yield admin, reader


async def test_an_admin_splits_promotes_and_rolls_back_and_a_reader_sees_it(
    bus: TestBus, pages: tuple[Page, Page]
) -> None:
    page, reader = pages
    new = page.get_by_role("row").filter(has_text=NEW)
    await expect(new).to_contain_text("(26 – 66 %)")
    await expect(new).to_contain_text("differs by −42")
    await page.get_by_role("button", name="Change the shares…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(f"{OLD}, percent").fill("70")
    await expect(dialog.get_by_role("status")).to_contain_text("70 % of 100 %")
    await dialog.get_by_role("button", name="Change").click()
    await expect(page.get_by_role("alert").filter(has_text="70 in all")).to_be_visible()
    await page.get_by_role("button", name="Close this message").click()
    await page.get_by_role("button", name="Change the shares…").click()
    await dialog.get_by_label(f"{OLD}, percent").fill("70")
    await dialog.get_by_label(f"{NEW}, percent").fill("30")
    await picture(page, "versions-split")
    await dialog.get_by_role("button", name="Change").click()
    await expect(new).to_contain_text("30%")
    assert await Splits(bus.bus).read() == {"*": {OLD: 70, NEW: 30}}

    await page.get_by_role("button", name=f"Promote {NEW}").click()
    await dialog.get_by_role("button", name="Promote").click()
    await expect(new).to_contain_text("100%")
    await page.get_by_role("button", name="Roll back…").click()
    await dialog.get_by_role("button", name="Roll back").click()
    await expect(new).to_contain_text("30%")
    changes = page.get_by_role("list").filter(has_text="by admin").get_by_role("listitem")
    await expect(changes).to_have_count(3)
    await expect(changes.first).to_contain_text(f"rollback by admin: {OLD} 70%, {NEW} 30%")
    while await page.get_by_role("button", name="Close this message").count():
        await page.get_by_role("button", name="Close this message").first.click()
    await picture(page, "versions")
    assert await problems(page) == []
    assert await keyboard_problems(page) == []
    assert await narrow_problems(page) == []
    await page.set_viewport_size({"width": 360, "height": 740})
    await picture(page, "versions-narrow")
    await page.set_viewport_size({"width": 1280, "height": 720})
    await page.emulate_media(color_scheme="dark")
    await picture(page, "versions-dark")

    await reader.reload()
    await expect(reader.get_by_role("row").filter(has_text=NEW)).to_contain_text("30%")
    await expect(reader.get_by_text("Operators with the role admin change the shares.")).to_be_visible()
    assert await reader.get_by_role("button", name="Promote").count() == 0
