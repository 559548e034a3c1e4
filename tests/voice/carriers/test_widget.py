"""`<orchestra-call>` in a web site of another origin than the edge's, in Chromium."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from orchestra.settings import Settings
from orchestra.storage.secrets import link_key
from orchestra.testing import TestBus
from orchestra.voice.carriers.browser.visitors import WidgetClaims, WidgetKeys
from orchestra_schemas import CallEnded, CallStarted, DigitPressed, ReplySpoken
from tests.servers.chromium import chromium
from tests.voice.carriers.page import MEDIA, recording
from tests.voice.edges import running_edge

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]

_PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>A shop</title>
<style>
  orchestra-call {{ --orchestra-accent: rgb(1, 2, 200); }}
  orchestra-call::part(call) {{ border-radius: 3px; }}
</style>
<h1>A shop</h1>
<script type="module" src="{edge}/browser/orchestra-call.js"></script>
<orchestra-call key="{key}" transcript></orchestra-call>"""


@asynccontextmanager
async def site(content: Callable[[str], str]) -> AsyncIterator[str]:
    """A web site with one page, which is made of its own address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = content(f"http://127.0.0.1:{self.server.server_address[1]}").encode()
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = asyncio.create_task(asyncio.to_thread(server.serve_forever, 0.05))
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        await serving
        server.server_close()


@asynccontextmanager
async def visitor(folder: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone hears nothing."""
    silence = recording(folder / "silence.wav", np.zeros(16_000, np.int16))
    async with chromium(*MEDIA, f"--use-file-for-fake-audio-capture={silence}") as browser:
        yield browser


def of_shop(settings: Settings, edge: str, **changed: Any) -> Callable[[str], str]:
    """The shop's page; unless changed, its key is for the shop itself."""

    def content(here: str) -> str:
        claims = {"line": "web", "origins": (here,), "calls_a_day": 100, "calls_a_minute": 100, "expires": 2**32}
        key = WidgetKeys(link_key(settings)).issue(WidgetClaims(**(claims | changed)))
        return _PAGE.format(edge=edge, key=key)

    return content


async def state(page: Page, words: str) -> None:
    await expect(page.get_by_role("status")).to_contain_text(words, timeout=30_000)


async def test_a_visitor_of_a_site_with_a_key_calls_its_line(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    async with (
        running_edge(bus, settings) as running,
        site(of_shop(settings, running.url)) as shop,
        visitor(tmp_path) as browser,
    ):
        page = await browser.new_page()
        await page.goto(shop)
        await page.get_by_role("button", name="Call").click()
        await state(page, "Connected")
        await expect(page.get_by_role("listitem").filter(has_text="Hello there.")).to_be_visible(timeout=30_000)
        await running.event(ReplySpoken)
        assert (await running.event(CallStarted)).to_number == "web"
        await page.get_by_role("button", name="Hang up").click()
        assert (await running.event(CallEnded)).reason == "caller_hung_up"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"origins": ("https://other.example.com",)}, "the widget key is not for pages of http://127.0.0.1"),
        ({"calls_a_minute": 0}, "too many calls from this address in a minute"),
        ({"calls_a_day": 0}, "calls of the day are used up"),
        ({"expires": 1}, "expired"),
    ],
    ids=["another site", "minute used up", "day used up", "expired"],
)
async def test_a_visitor_who_may_not_call_is_told_why(
    bus: TestBus, settings: Settings, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    async with (
        running_edge(bus, settings) as running,
        site(of_shop(settings, running.url, **changed)) as shop,
        visitor(tmp_path) as browser,
    ):
        page = await browser.new_page()
        statuses: list[int] = []
        page.on("response", lambda answer: statuses.append(answer.status) if "/calls" in answer.url else None)
        await page.goto(shop)
        await page.get_by_role("button", name="Call").click()
        await state(page, said)
        assert statuses == [403]
        await expect(page.get_by_role("button", name="Call")).to_be_enabled()
    assert await bus.published(CallStarted) == []


async def test_a_service_that_cannot_be_reached_is_said_to_be(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    async with (
        running_edge(bus, settings) as running,
        site(of_shop(settings, running.url)) as shop,
        visitor(tmp_path) as browser,
    ):
        page = await browser.new_page()
        await page.goto(shop)
        await page.route("**/browser/calls", lambda route: route.abort())
        await page.get_by_role("button", name="Call").click()
        await state(page, "The service cannot be reached.")


async def test_the_telephone_is_used_with_the_keyboard_and_read_by_a_screen_reader(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    async with (
        running_edge(bus, settings) as running,
        site(of_shop(settings, running.url)) as shop,
        visitor(tmp_path) as browser,
    ):
        page = await browser.new_page()
        await page.goto(shop)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Call")).to_be_focused()
        await page.keyboard.press("Enter")
        await state(page, "Connected")
        await expect(page.get_by_role("button", name="Hang up")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await expect(page.get_by_role("button", name="Unmute", pressed=True)).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Keypad", expanded=True)).to_be_focused()
        keypad = page.get_by_role("group", name="Keypad")
        await keypad.get_by_role("button", name="5").focus()
        await page.keyboard.press("Enter")
        assert (await running.event(DigitPressed)).digit == "5"
        await expect(page.get_by_role("slider", name="Volume")).to_be_visible()
        await expect(page.get_by_role("log", name="What was said")).to_contain_text("Hello there.", timeout=30_000)


async def test_a_site_gives_the_telephone_its_own_style(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    async with (
        running_edge(bus, settings) as running,
        site(of_shop(settings, running.url)) as shop,
        visitor(tmp_path) as browser,
    ):
        page = await browser.new_page(viewport={"width": 320, "height": 640}, color_scheme="dark")
        await page.goto(shop)
        call = page.get_by_role("button", name="Call")
        await expect(call).to_have_css("background-color", "rgb(1, 2, 200)")
        await expect(call).to_have_css("border-radius", "3px")
        await call.click()
        await state(page, "Connected")
        await page.get_by_role("button", name="Keypad").click()
        width = await page.evaluate("document.documentElement.scrollWidth")
        await page.screenshot(path=tmp_path / "narrow.png")
    assert width <= 320


async def test_the_line_that_the_page_names_is_called(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    async with running_edge(bus, settings) as running, visitor(tmp_path) as browser:
        page = await browser.new_page()
        await page.goto(running.url)
        await page.locator("orchestra-call").evaluate("(element) => element.setAttribute('line', 'help')")
        await page.get_by_role("button", name="Call").click()
        assert (await running.event(CallStarted)).to_number == "help"
