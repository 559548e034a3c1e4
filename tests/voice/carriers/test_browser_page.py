"""The page in a real browser, with a recorded voice as its microphone: what it plays is what the journal says."""

import asyncio
import os
import signal
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import Page, expect

from orchestra.cli.up import own_page
from orchestra.settings import Settings
from orchestra.simulator import ScriptLine, compare, synthesize_lines
from orchestra.testing import TestBus
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import CallEnded, CallResumed, CallStarted, ReplySpoken, UserTurnEnded
from tests.faults.test_draining import Up, up
from tests.servers.chromium import chromium, only_from
from tests.voice.edges import running_edge

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

QUESTION = "What happens if a parcel gets lost?"
#: the greeting takes four seconds
BEFORE_S = 8.0
_RECORD = """
window.played = [];
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (this instanceof AudioWorkletNode && !this.recorded) {
    this.recorded = this.context.createScriptProcessor(4096, 1, 1);
    this.recorded.onaudioprocess = ({ inputBuffer }) => window.played.push(Array.from(inputBuffer.getChannelData(0)));
    connect.call(connect.call(this, this.recorded), this.context.destination);
  }
  return connect.call(this, to, ...rest);
};
"""


def microphone(path: Path, speech: LocalSpeech) -> Path:
    """A WAV file (8 kHz) in which a person asks the question after a while."""
    (said,) = synthesize_lines([ScriptLine(QUESTION)], speech.synthesize)
    silence = np.zeros(round(BEFORE_S * 8_000), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(np.concatenate([silence, said.samples, silence, silence, silence]).tobytes())
    return path


@asynccontextmanager
async def page_of(stack: Up, voice: Path) -> AsyncIterator[Page]:
    arguments = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={voice}%noloop",
        "--autoplay-policy=no-user-gesture-required",
    )
    async with chromium(*arguments) as browser:
        page = await browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.add_init_script(_RECORD)
        refused = await only_from(page, stack.stack.url)
        await page.goto(stack.stack.url)
        yield page
        assert (refused, errors) == ([], [])


async def played(page: Page) -> npt.NDArray[np.int16]:
    parts: list[list[float]] = await page.evaluate("window.played")
    return (np.concatenate([np.array(part) for part in parts]) * 32767).astype(np.int16)


async def test_a_person_calls_from_the_page_and_hears_what_the_journal_says(tmp_path: Path) -> None:
    speech = await asyncio.to_thread(LocalSpeech.load)
    voice = await asyncio.to_thread(microphone, tmp_path / "voice.wav", speech)
    async with up(tmp_path / "data") as stack, page_of(stack, voice) as page:
        await page.get_by_role("button", name="Call").click()
        await expect(page.get_by_role("status")).to_have_text("Connected", timeout=30_000)
        call = (await stack.journal.event(CallStarted)).call
        assert await page.locator("orchestra-call").get_attribute("data-call") == call
        ended = await stack.journal.event(UserTurnEnded, turn=1)
        answer = await stack.journal.event(ReplySpoken, turn=1)
        said = page.get_by_role("listitem")
        await expect(said.filter(has_text=ended.text)).to_be_visible(timeout=30_000)
        await expect(said.filter(has_text=answer.text)).to_be_visible(timeout=30_000)
        await expect(said.filter(has_text="Reply after")).to_be_visible(timeout=30_000)
        await page.screenshot(path=tmp_path / "call.png")
        audio = await played(page)
        await page.get_by_role("button", name="Hang up").click()
        assert (await stack.journal.event(CallEnded)).reason == "caller_hung_up"
        await expect(page.get_by_role("status")).to_have_text("You hung up.")
        spoken = " ".join([event.text for event in await stack.journal.bus.published(ReplySpoken, call)])
    assert compare(QUESTION, ended.text).matches
    heard = await asyncio.to_thread(speech.transcribe, audio.tobytes(), 16_000)
    assert compare(spoken, heard).matches, heard


async def test_the_page_comes_back_when_its_edge_dies(tmp_path: Path) -> None:
    speech = await asyncio.to_thread(LocalSpeech.load)
    voice = await asyncio.to_thread(microphone, tmp_path / "voice.wav", speech)
    async with up(tmp_path / "data") as stack, page_of(stack, voice) as page:
        await page.get_by_role("button", name="Call").click()
        started = await stack.journal.event(CallStarted)
        await expect(page.get_by_role("status")).to_have_text("Connected", timeout=30_000)
        os.kill(stack.stack.edges[started.source], signal.SIGKILL)
        resumed = await stack.journal.event(CallResumed, call=started.call)
        assert resumed.source != started.source
        await expect(page.get_by_role("status")).to_have_text("Connected", timeout=30_000)
        ended = await stack.journal.event(UserTurnEnded, turn=1)
        await stack.journal.event(ReplySpoken, turn=1)
        await page.get_by_role("button", name="Hang up").click()
        await stack.journal.event(CallEnded)
    assert compare(QUESTION, ended.text).matches


async def test_the_key_in_the_address_of_the_edges_page_begins_a_call_where_others_can_reach_it(
    bus: TestBus, settings: Settings
) -> None:
    media = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    async with (
        running_edge(bus, settings, public_url="https://voice.example.com") as running,
        chromium(*media) as browser,
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
