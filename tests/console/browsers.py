"""A browser that an operator has signed in with, and the pictures that a run keeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page

from tests.console.consoles import TOKENS, RunningConsole
from tests.servers.chromium import chromium, only_from

#: where a run of the browser suite leaves its pictures; ignored by git
PICTURES = Path(__file__).parents[2] / ".artifacts" / "console"


@asynccontextmanager
async def console_page(
    running: RunningConsole, role: str = "admin", *arguments: str, path: str = "/"
) -> AsyncIterator[Page]:
    """A page of this console at this path, signed in, in a browser with these arguments; see `signed_in`."""
    async with chromium(*arguments) as browser, signed_in(browser, running, role) as page:
        await page.goto(running.url + path)
        yield page


@asynccontextmanager
async def signed_in(browser: Browser, running: RunningConsole, role: str = "admin") -> AsyncIterator[Page]:
    """A new page of an operator with this role, who is signed in.

    It may load nothing from another site, and afterwards it has reported no error.
    """
    context = await browser.new_context(timezone_id="Europe/Vienna", locale="en-GB")
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if is_error(told.type, told.text) else None)
    foreign = await only_from(page, running.url)
    answer = await context.request.post(f"{running.url}/api/session", data={"token": TOKENS[role]})
    assert answer.ok, await answer.text()
    try:
        yield page
    finally:
        await context.close()
    assert not foreign
    assert not errors, errors


def is_error(kind: str, text: str) -> bool:
    """Whether the browser's console reports a fault of the page; answers of 4xx and 5xx are the page's to show."""
    return kind == "error" and "Failed to load resource" not in text


async def picture(page: Page, name: str) -> None:
    """Keep a picture of the page for a person to look at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


async def sign_in(page: Page, token: str) -> None:
    """Type the token in, as a person does."""
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()
