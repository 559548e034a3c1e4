"""Calls that an admin places from the console, through an edge and a carrier's API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from orchestra.settings import Settings
from orchestra.testing import TestBus
from tests.console.browsers import console_page, picture
from tests.console.consoles import RunningConsole, as_operator, console_app, console_settings, serving_console
from tests.servers.twilio import TwilioServer
from tests.voice.edge.test_dial_api import edge_that_dials

# the twilio package signs in by what aiohttp is about to drop
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

REQUEST = "0123456789abcdef"


@asynccontextmanager
async def edge_to_dial(bus: TestBus, settings: Settings) -> AsyncIterator[tuple[Settings, TwilioServer]]:
    """An edge, and the settings of a console that may ask it."""
    async with edge_that_dials(bus, settings) as (running, carrier):
        yield (
            settings.model_copy(update={"public_url": running.url, "dial_token": running.edge.settings.dial_token}),
            carrier,
        )


async def place(console: RunningConsole, role: str = "admin", **asked: Any) -> Any:
    body = {"request": REQUEST, "to": "+15550001", **asked}
    return await console.http.post("/api/dialling", json=body, headers=as_operator(role))


@pytest.mark.integration
async def test_an_admin_has_the_edge_place_a_call_once(bus: TestBus, settings: Settings) -> None:
    async with (
        edge_to_dial(bus, settings) as (of_console, carrier),
        console_app(console_settings(of_console)) as console,
    ):
        told = await console.http.get("/api/dialling", headers=as_operator("admin"))
        assert told.json() == {"problem": "", "lines": []}
        for role in ("read", "operate"):
            assert (await place(console, role)).status_code == 403
        placed = [await place(console, variables={"parcel": "4271"}) for _ in range(2)]  # a page that asks again
        assert [each.status_code for each in placed] == [201, 201]
        (call,) = {each.json()["call"] for each in placed}
        (order,) = carrier.orders
        assert (order["To"], call in order["Url"]) == ("+15550001", True)
        for asked, status, words in (
            ({"to": "+49301234"}, 403, "ORCHESTRA_DIAL_PREFIXES"),
            ({"to": "555"}, 422, "555"),
            ({"line": "+15550999"}, 422, "none of our numbers"),
            ({"variables": {"no name": "x"}}, 422, "variables"),
            ({"x": 1}, 400, "x"),
        ):
            refused = await place(console, **({"request": "fedcba9876543210"} | asked))
            assert (refused.status_code, words in refused.json()["error"]) == (status, True), refused.json()
        assert len(carrier.orders) == 1


async def test_why_no_call_can_be_placed_is_said(settings: Settings) -> None:
    async with console_app(console_settings(settings)) as console:
        told = await console.http.get("/api/dialling", headers=as_operator("admin"))
        assert "ORCHESTRA_DIAL_TOKEN" in told.json()["problem"]
        refused = await place(console)
        assert (refused.status_code, "ORCHESTRA_DIAL_TOKEN" in refused.json()["error"]) == (409, True)
    away = console_settings(settings).model_copy(update={"dial_token": SecretStr("a token"), "port": 1})
    async with console_app(away) as console:
        refused = await place(console)
        assert (refused.status_code, "no edge answers" in refused.json()["error"]) == (503, True)


@pytest.mark.browser
async def test_a_call_is_placed_in_the_browser(bus: TestBus, settings: Settings) -> None:
    async with (
        edge_to_dial(bus, settings) as (of_console, carrier),
        serving_console(console_settings(of_console)) as console,
        console_page(console) as page,
    ):
        await page.get_by_role("button", name="Place a call").click()
        dialog = page.get_by_role("dialog", name="Place a call")
        number = dialog.get_by_label("Number, as in")
        await number.fill("+49301234")
        await dialog.get_by_label("What the agents are told").fill("parcel=4271\nname=Ann")
        await picture(page, "dial")
        await dialog.get_by_role("button", name="Call").click()
        await expect(page.get_by_role("alert").filter(has_text="ORCHESTRA_DIAL_PREFIXES")).to_be_visible()
        await expect(number).to_have_value("+49301234")  # it is there again, to be mended
        await number.fill("+15550001")
        await number.press("Enter")
        await expect(page.get_by_text("+15550001 is being called")).to_be_visible(timeout=30_000)
        assert [order["To"] for order in carrier.orders] == ["+15550001"]
