"""Every page as people use it: with the keyboard, by ear, in the dark and on a telephone; with pictures of it."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from orchestra.console.pages import page_paths
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AgentChanged, CallStarted, TurnMeasured, UserTurnEnded
from tests.console.accessibility import NARROW, keyboard_problems, narrow_problems, problems
from tests.console.browsers import picture, signed_in
from tests.console.consoles import RunningConsole, console_settings, serving_console
from tests.console.long_call import TURN_S, long_call, store, write_recording
from tests.servers.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HOSTILE = (
    '<script>window.broken = 1</script><img src=x onerror="window.broken = 1">"\' &amp; \u202e\u05d8\u05e7\u05e1\u05d8'
)
LONG = "a word that nobody can hyphenate: " + "x" * 30_000
#: all pages but the one for those who are not signed in
PATHS = [path for path in page_paths() if path != "/sign-in"]
WIDE: ViewportSize = {"width": 1280, "height": 720}
#: a page is looked at when it has been quiet for so long
QUIET_MS = 700


@dataclass(frozen=True)
class Calls:
    """A recorded call, and one that runs with everything hostile that can be said."""

    recorded: str
    hostile: str


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture
async def calls(bus: TestBus, settings: Settings) -> Calls:
    recorded, hostile = bus.call(), bus.call()
    wav = write_recording(settings.recordings / f"{recorded}.wav", 3 + 4 * TURN_S)
    await store(bus.bus, long_call(recorded, time.time() - 60, 4, wav.as_uri()))
    now = time.time()
    await store(
        bus.bus,
        [
            CallStarted(call=hostile, id=f"{hostile}:e.1", at=now - 9, from_number=HOSTILE, app=HOSTILE),
            AgentChanged(call=hostile, id=f"{hostile}:e.2", at=now - 8, agent=HOSTILE),
            UserTurnEnded(call=hostile, id=f"{hostile}:e.3", at=now - 5, turn=1, text=f"{HOSTILE} {LONG}"),
            TurnMeasured(call=hostile, id=f"{hostile}:e.4", at=now - 4, turn=1, total_ms=900),
        ],
    )
    return Calls(recorded, hostile)


@pytest_asyncio.fixture
async def running(bus: TestBus, settings: Settings) -> AsyncIterator[RunningConsole]:
    async with serving_console(console_settings(settings)) as found:
        yield found


def name_of(path: str) -> str:
    """``/calls/{call}`` → ``calls-call``; the live page is at ``/``."""
    return path.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "live"


async def is_quiet(page: Page) -> None:
    """Wait until the page has loaded what it shows: it says so no more, and nothing of it has changed for a moment."""
    await page.get_by_role("heading", level=1).first.wait_for(timeout=30_000)
    await expect(page.locator(".empty[role=status]:visible")).to_have_count(0, timeout=60_000)
    await page.evaluate(
        "quiet => new Promise((done) => { let timer = setTimeout(done, quiet);"
        " new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, quiet); })"
        ".observe(document.body, { subtree: true, childList: true, characterData: true }); setTimeout(done, 6000); })",
        QUIET_MS,
    )


async def test_every_page_can_be_used_by_everybody(browser: Browser, running: RunningConsole, calls: Calls) -> None:
    found: dict[str, list[str]] = {}
    async with signed_in(browser, running, "admin") as page:
        for path in PATHS:
            await page.goto(running.url + path.replace("{call}", calls.recorded))
            await is_quiet(page)
            found[path] = [*await problems(page), *await keyboard_problems(page), *await narrow_problems(page)]
            await picture(page, name_of(path))
            await page.emulate_media(color_scheme="dark")
            found[path] += [f"in the dark: {each}" for each in await problems(page)]
            await picture(page, f"{name_of(path)}-dark")
            await page.emulate_media(color_scheme="light")
            await page.set_viewport_size(NARROW)
            await picture(page, f"{name_of(path)}-narrow")
            await page.set_viewport_size(WIDE)
    assert {path: each for path, each in found.items() if each} == {}


async def test_hostile_text_stays_text_on_every_page(browser: Browser, running: RunningConsole, calls: Calls) -> None:
    async with signed_in(browser, running, "read") as page:
        for path in PATHS:
            await page.goto(running.url + path.replace("{call}", calls.hostile))
            await is_quiet(page)
            assert await page.evaluate("window.broken") is None, path
            assert await page.locator("script:not([src]), img[src=x]").count() == 0, path
            assert await narrow_problems(page) == [], path
