"""The console's frame in a real browser: signing in, rights, a token that is taken back, Redis that goes away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from orchestra.bus import EmbeddedServer
from orchestra.settings import Settings
from orchestra.testing import TestBus
from tests.console.accessibility import keyboard_problems, narrow_problems, problems
from tests.console.browsers import picture, sign_in, signed_in
from tests.console.consoles import TOKENS, RunningConsole, console_settings, serving_console
from tests.servers.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture
async def running(bus: TestBus) -> AsyncIterator[RunningConsole]:
    async with serving_console(console_settings(bus.bus.settings)) as found:
        yield found


async def test_a_person_signs_in_and_comes_back_to_where_they_were_going(
    browser: Browser, running: RunningConsole
) -> None:
    page = await browser.new_page()
    await page.goto(f"{running.url}/calls?text=parcel#found")
    await expect(page).to_have_url(f"{running.url}/sign-in?next=%2Fcalls%3Ftext%3Dparcel%23found")
    await picture(page, "sign-in")
    assert [*await problems(page), *await keyboard_problems(page), *await narrow_problems(page)] == []
    await sign_in(page, "a wrong token")
    await expect(page.get_by_role("alert")).to_have_text("this token is not known here, or was taken back")
    await sign_in(page, TOKENS["read"])
    await expect(page).to_have_url(f"{running.url}/calls?text=parcel#found")
    await expect(page.get_by_text("reader (read)")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(f"{running.url}/sign-in")


async def test_signing_in_leads_to_no_other_site(browser: Browser, running: RunningConsole) -> None:
    page = await browser.new_page()
    for elsewhere in ("//evil.example/", "https://evil.example/", "javascript:alert(1)", "http://["):
        await page.goto(f"{running.url}/sign-in?next={elsewhere}")
        await sign_in(page, TOKENS["read"])
        await expect(page).to_have_url(f"{running.url}/")
        await page.goto(f"{running.url}/sign-in?next={elsewhere}")  # with a cookie there is nothing to be asked
        await expect(page).to_have_url(f"{running.url}/")
        await page.goto("about:blank")  # the page that was just opened would notice, and go to the sign-in page
        await page.context.clear_cookies()


async def test_the_address_of_the_owner_signs_in_and_leaves_no_token_in_the_history(
    browser: Browser, running: RunningConsole
) -> None:
    page = await browser.new_page()
    await page.goto(f"{running.url}/sign-in#{TOKENS['admin']}")
    await expect(page.get_by_text("admin (admin)")).to_be_visible()
    await page.go_back()
    assert TOKENS["admin"] not in page.url


async def test_a_token_that_is_taken_back_signs_the_page_out(browser: Browser, running: RunningConsole) -> None:
    file = running.console.settings.console_tokens
    assert file is not None
    async with signed_in(browser, running, "operate") as page:
        await page.goto(f"{running.url}/calls")
        await expect(page.get_by_text("operator (operate)")).to_be_visible()
        file.write_text(f"reader:read:{TOKENS['read']}\n")
        await expect(page).to_have_url(f"{running.url}/sign-in?next=%2Fcalls", timeout=20_000)


async def test_while_redis_is_away_the_page_says_so_and_goes_on_by_itself(browser: Browser, tmp_path: Path) -> None:
    settings = console_settings(Settings(data_dir=tmp_path / "data"))
    async with serving_console(settings) as running, signed_in(browser, running, "read") as page:
        await page.goto(f"{running.url}/calls")
        banner = page.get_by_role("alert").filter(has_text="Redis")
        await expect(banner).to_contain_text("orchestra up")
        await picture(page, "redis-away")
        async with EmbeddedServer(settings.data_dir):
            await expect(banner).to_be_hidden(timeout=20_000)
        await expect(banner).to_be_visible(timeout=20_000)
