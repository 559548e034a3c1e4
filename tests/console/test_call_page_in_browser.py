"""A call's page as a person uses it: in Chromium, with a real console, Redis and recording."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, expect

from orchestra.forgetting.chosen import parse_wanted
from orchestra.forgetting.forget import forget
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallAnalysed,
    CallEnded,
    CallStarted,
    LanguageChanged,
    ReplySpoken,
    TurnMeasured,
    UserTurnEnded,
    Verdict,
)
from tests.console.browsers import console_page, picture
from tests.console.consoles import console_settings, serving_console
from tests.console.long_call import TURN_S, long_call, store, write_recording

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

STAGES = ("turn_end_ms", "routing_ms", "first_token_ms", "first_sentence_ms", "tts_ms", "output_ms")
SOON_MS = 15_000
#: the numbers of the bars: a turn, and ms by stage
_BARS = """[...document.querySelectorAll("details.turn")].map((turn) => [
  Number(turn.dataset.turn),
  Object.fromEntries(
    [...turn.querySelectorAll("rect[data-stage]")].map(({ dataset }) => [dataset.stage, Number(dataset.ms)]),
  ),
])"""


@asynccontextmanager
async def a_page(bus: TestBus, call: str) -> AsyncIterator[Page]:
    """The page of a call, which an operator has opened who may only look."""
    async with (
        serving_console(console_settings(bus.bus.settings)) as running,
        console_page(running, "read", "--autoplay-policy=no-user-gesture-required", path=f"/calls/{call}") as page,
    ):
        yield page


async def recorded(bus: TestBus, settings: Settings, turns: int) -> str:
    call = bus.call()
    path = write_recording(settings.recordings / f"{call}.wav", 3 + turns * TURN_S)
    await store(bus.bus, long_call(call, time.time() - 60, turns, path.as_uri()))
    return call


async def test_a_recorded_call_plays_from_a_clicked_line_and_shows_where_the_time_went(
    bus: TestBus, settings: Settings
) -> None:
    call = await recorded(bus, settings, 12)
    measured = {event.turn: event for event in await bus.published(TurnMeasured, call)}
    async with a_page(bus, call) as page:
        await expect(page.locator("audio")).to_be_visible(timeout=SOON_MS)
        line = page.locator("li.line.caller").nth(4)
        begin = float(await line.get_attribute("data-at") or 0)
        assert begin == 3 + 4 * TURN_S
        await line.click()
        await page.wait_for_function(
            "begin => { const audio = document.querySelector('audio');"
            " return !audio.paused && audio.currentTime > begin + 0.3 && audio.currentTime < begin + 8 }",
            arg=begin,
            timeout=SOON_MS,
        )
        await expect(page.locator("li.line[aria-current]")).to_contain_text("where my parcel")
        await page.locator("li.line.caller button.at").nth(4).press(" ")
        assert await page.evaluate("document.querySelector('audio').paused")

        drawn = await page.evaluate(_BARS)
        bars = {number: stages for number, stages in drawn if stages}
        assert bars == {turn: {stage: getattr(event, stage) for stage in STAGES} for turn, event in measured.items()}

        turn = page.locator("details.turn[data-turn='2']")
        await turn.locator("summary").first.click()
        await expect(turn.get_by_role("heading", name="Tool find_parcel")).to_be_visible(timeout=SOON_MS)
        await turn.get_by_text("As sent:").first.click()
        await expect(turn.get_by_text("You answer for Swift Parcel.").first).to_be_visible()

        await page.locator("#events > summary").click()
        await page.get_by_label("Contains").fill("depot hill street")
        await expect(page.locator("#events [role=status]")).to_contain_text("12 of", timeout=SOON_MS)
        await page.evaluate("scrollTo(0, 0)")
        await picture(page, "call")


async def test_hostile_words_are_shown_as_words_and_folded(bus: TestBus) -> None:
    call, began = bus.call(), time.time() - 30
    evil = '<script>window.broken = 1</script><img src=x onerror="window.broken = 1">"\' &amp; '
    evil += "\u202e\u05d8\u05e7\u05e1\u05d8"
    await bus.publish(
        CallStarted(call=call, from_number=evil, at=began, app=evil, variables={evil: evil}, language=evil),
        LanguageChanged(call=call, language="x" * 30_000, at=began + 1),
        LanguageChanged(call=call, language="", at=began + 1),
        UserTurnEnded(call=call, turn=1, text=f"{evil} {'long ' * 6_000}", speech_ended_at=began + 2, at=began + 2.5),
        ReplySpoken(call=call, turn=1, text=evil, agent=evil, at=began + 5),
        CallEnded(call=call, reason="caller_hung_up", duration_s=6, at=began + 6),
        CallAnalysed(
            call=call, summary=f"{evil} {'long ' * 6_000}", success_reason=evil, errors=(evil,),
            extracted={evil: [evil]}, not_extracted={"colour" * 50: evil},
            verdicts=(Verdict(judge=evil, reason=evil, turns=(1,)), Verdict(judge="polite", passed=False, error=evil),
                      Verdict(judge="brief", error="it is down")),
        ),
    )  # fmt: skip
    async with a_page(bus, call) as page:
        await page.set_viewport_size({"width": 360, "height": 800})
        said = page.locator("li.line.caller")
        await expect(said).to_contain_text("<script>window.broken = 1</script>", timeout=SOON_MS)
        assert len(await said.inner_text()) < 2_000
        await said.get_by_role("button", name="Show all").click()
        assert len(await said.inner_text()) > 30_000
        await expect(page.locator("li.line.reply")).to_contain_text("onerror=")
        languages = page.locator(".facts div", has=page.get_by_text("languages", exact=True)).locator("dd")
        await expect(languages).to_contain_text("<script>window.broken")
        assert len(await languages.inner_text()) < 100
        found = page.locator("section.panel", has=page.get_by_role("heading", name="Analysed"))
        await expect(found.locator(".badge")).to_have_text(
            ["cannot tell", "cannot tell", "not passed", "no verdict"], timeout=SOON_MS
        )
        assert (await found.inner_text()).count("onerror=") >= 8
        assert len(await found.inner_text()) < 4_000
        await found.get_by_role("link", name="turn 1").click()
        await expect(page.locator("details.turn[data-turn='1'][open]")).to_be_in_viewport()
        await expect(page.get_by_text("No recording is complete yet")).to_be_visible(timeout=SOON_MS)
        assert await page.evaluate("window.broken") is None
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await picture(page, "call-narrow")


async def test_the_languages_of_a_call_are_named_in_the_order_in_which_it_was_held_in_them(bus: TestBus) -> None:
    call = bus.call()
    changes = [LanguageChanged(call=call, language=code) for code in ("es-MX", "en", "zh-Hant")]
    await bus.publish(CallStarted(call=call), changes[0])
    async with a_page(bus, call) as page:
        facts = page.locator(".facts div").filter(has_text="languages")
        await expect(facts).to_have_text("languagesEnglish, Mexican Spanish", timeout=SOON_MS)
        await expect(page.get_by_text("the call goes on in es-MX")).to_be_visible()
        await bus.publish(*changes[1:])
        await expect(facts).to_have_text("languagesEnglish, Mexican Spanish, Traditional Chinese", timeout=SOON_MS)


async def test_the_page_of_a_running_call_grows_and_ends_with_it(bus: TestBus) -> None:
    call = bus.call()
    *before, ended = long_call(call, time.time() - 20, 2)
    await bus.publish(*before[:12])
    async with a_page(bus, call) as page:
        await expect(page.get_by_text("running", exact=True)).to_be_visible(timeout=SOON_MS)
        lines = await page.locator("li.line").count()
        await bus.publish(*before[12:])
        await expect(page.locator("li.line.caller")).to_have_count(2, timeout=SOON_MS)
        assert await page.locator("li.line").count() > lines
        await bus.publish(ended)
        await expect(page.get_by_text("the caller hung up")).to_be_visible(timeout=SOON_MS)


async def test_an_unknown_call_says_what_to_do(bus: TestBus) -> None:
    async with a_page(bus, bus.call()) as page:
        await expect(page.get_by_role("heading", name="No such call")).to_be_visible(timeout=SOON_MS)
        await expect(page.get_by_role("link", name="Find the call in the list")).to_be_visible()


async def test_the_page_of_a_forgotten_call_says_so(bus: TestBus, settings: Settings) -> None:
    call = await recorded(bus, settings, 1)
    await forget(bus.bus, parse_wanted([call]))
    async with a_page(bus, call) as page:
        await expect(page.get_by_role("heading", name="Forgotten")).to_be_visible(timeout=SOON_MS)
        await expect(page.get_by_text("The call was forgotten on 20")).to_be_visible()
        await picture(page, "call-forgotten")
