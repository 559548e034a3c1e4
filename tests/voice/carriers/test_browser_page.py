"""The page in a real browser, with a recorded voice as its microphone: what it plays is what the journal says."""

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page, expect

from orchestra.cli.up import own_page
from orchestra.settings import Settings
from orchestra.simulator import ScriptLine, compare, synthesize_lines
from orchestra.testing import TestBus
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import CallEnded, CallResumed, CallStarted, ReplySpoken, UserTurnEnded
from tests.faults.test_draining import up
from tests.servers.chromium import chromium
from tests.voice.carriers.page import MEDIA, page_of, played, recording, say, until_played
from tests.voice.edges import running_edge

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

QUESTION = "What happens if a parcel gets lost?"


async def question(folder: Path, speech: LocalSpeech) -> Path:
    """A WAV file in which a person asks the question."""
    (said,) = await asyncio.to_thread(synthesize_lines, [ScriptLine(QUESTION)], speech.synthesize)
    return recording(folder / "question.wav", said.samples, 8_000)


def silence(folder: Path) -> Path:
    """A WAV file in which nobody says anything."""
    return recording(folder / "silence.wav", np.zeros(16_000, np.int16))


async def test_a_person_calls_from_the_page_and_hears_what_the_journal_says(tmp_path: Path) -> None:
    speech = await asyncio.to_thread(LocalSpeech.load)
    asked = await question(tmp_path, speech)
    async with up(tmp_path / "data") as stack, page_of(stack.stack.url, silence(tmp_path)) as page:
        await page.get_by_role("button", name="Call").click()
        await expect(page.get_by_role("status")).to_have_text("Connected", timeout=30_000)
        call = (await stack.journal.event(CallStarted)).call
        assert await page.locator("orchestra-call").get_attribute("data-call") == call
        await stack.journal.event(ReplySpoken, turn=0)
        await say(page, asked)
        ended = await stack.journal.event(UserTurnEnded, turn=1)
        answer = await stack.journal.event(ReplySpoken, turn=1)
        said = page.get_by_role("listitem")
        await expect(said.filter(has_text=ended.text).first).to_be_visible(timeout=30_000)
        await expect(said.filter(has_text=answer.text).first).to_be_visible(timeout=30_000)
        await expect(said.filter(has_text="Reply after").first).to_be_visible(timeout=30_000)
        await page.screenshot(path=tmp_path / "call.png")
        await until_played(page, (await played(page)).size / 16_000 + 0.5)
        audio = await played(page)
        await page.get_by_role("button", name="Hang up").click()
        assert (await stack.journal.event(CallEnded)).reason == "caller_hung_up"
        await expect(page.get_by_role("status")).to_have_text("You hung up.")
        spoken = " ".join([event.text for event in await stack.journal.bus.published(ReplySpoken, call)])
    assert compare(QUESTION, ended.text).matches
    heard = await asyncio.to_thread(speech.transcribe, audio.tobytes(), 16_000)
    assert compare(spoken, heard).matches, heard


async def until_silent(page: Page) -> None:
    """Wait until the agent, who may repeat what the dead edge was saying, has said nothing for two seconds."""
    quiet = (
        "() => window.played.length > 40 && window.played.slice(-20).flat().every((value) => Math.abs(value) < 0.01)"
    )
    await page.wait_for_function(quiet, polling=200, timeout=60_000)


async def test_the_page_comes_back_when_its_edge_dies(tmp_path: Path) -> None:
    speech = await asyncio.to_thread(LocalSpeech.load)
    asked = await question(tmp_path, speech)
    async with up(tmp_path / "data") as stack, page_of(stack.stack.url, silence(tmp_path)) as page:
        await page.get_by_role("button", name="Call").click()
        started = await stack.journal.event(CallStarted)
        await expect(page.get_by_role("status")).to_have_text("Connected", timeout=30_000)
        os.kill(stack.stack.edges[started.source], signal.SIGKILL)
        resumed = await stack.journal.event(CallResumed, call=started.call)
        assert resumed.source != started.source
        await expect(page.get_by_role("status")).to_have_text("Connected", timeout=30_000)
        await until_silent(page)
        await say(page, asked)
        ended = await stack.journal.event(UserTurnEnded, turn=1)
        await stack.journal.event(ReplySpoken, turn=1)
        await page.get_by_role("button", name="Hang up").click()
        await stack.journal.event(CallEnded)
    assert compare(QUESTION, ended.text).matches


async def test_the_key_in_the_address_of_the_edges_page_begins_a_call_where_others_can_reach_it(
    bus: TestBus, settings: Settings
) -> None:
    async with (
        running_edge(bus, settings, public_url="https://voice.example.com") as running,
        chromium(*MEDIA) as browser,
    ):
        address = own_page(running.edge.settings, running.url)
        for where, state in ((running.url, "a widget key is needed"), (address, "Connected")):
            page = await browser.new_page()
            await page.goto(where)
            await page.get_by_role("button", name="Call").click()
            await expect(page.get_by_role("status")).to_contain_text(state, timeout=30_000)
            await page.close()
        await running.event(CallEnded)
    assert len(await bus.published(CallStarted)) == 1
