"""A page whose network stood still for two seconds is not behind afterwards: neither what is heard nor what is said."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from pipecat.frames.frames import Frame, TTSAudioRawFrame
from playwright.async_api import expect

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.carriers.browser.stream import BrowserStream
from orchestra.voice.carriers.port import AudioReceived, Received
from orchestra_schemas import AudioChunk, CallEnded
from tests.servers.stalling_proxy import stalling_proxy
from tests.voice.carriers.page import page_of, played, recording, until_played
from tests.voice.edges import Greeting, ScriptedEngines, ToneTTS, running_edge

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]

EVERY_S, BEEP_S = 0.25, 0.08
_LOWEST_HZ, _STEP_HZ = 400.0, 50.0
STALL_S = 2.0
LATEST_S = 0.2
#: what a frame, the window of a measurement and the page's clock may add
_BLUR_S = 0.08


def beeps(seconds: float, rate: int, *, quiet_s: float = 0.0) -> npt.NDArray[np.int16]:
    """A beep every quarter of a second, each higher than the one before, so that a beep tells its own time."""
    samples = np.zeros(round(seconds * rate))
    time = np.arange(round(BEEP_S * rate)) / rate
    for number in range(int((seconds - quiet_s) / EVERY_S)):
        start = round((quiet_s + number * EVERY_S) * rate)
        samples[start : start + time.size] = 12_000 * np.sin(2 * np.pi * (_LOWEST_HZ + number * _STEP_HZ) * time)
    return samples.astype(np.int16)


def heard_beeps(samples: npt.NDArray[np.int16], rate: int) -> dict[int, float]:
    """When each beep was heard: number → second. Of beeps that were cut, those of which half was heard."""
    step, size = rate // 100, round(BEEP_S / 2 * rate)
    found: dict[int, float] = {}
    for start in range(0, samples.size - size, step):
        window = samples[start : start + size].astype(np.float64)
        if np.abs(window).mean() < 5_000:
            continue
        spectrum = np.abs(np.fft.rfft(window * np.hanning(size), 8 * size))
        number = round((int(spectrum.argmax()) * rate / (8 * size) - _LOWEST_HZ) / _STEP_HZ)
        found.setdefault(number, start / rate)
    return found


def delays(beeps_heard: dict[int, float]) -> dict[int, float]:
    """How late each beep was, compared with the one that was least late."""
    late = {number: at - number * EVERY_S for number, at in beeps_heard.items()}
    least = min(late.values())
    return {number: each - least for number, each in late.items()}


class BeepTTS(ToneTTS):
    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        seconds = 5.0 * len(text.split())
        yield TTSAudioRawFrame(beeps(seconds, 8_000).tobytes(), 8_000, 1, context_id=context_id)
        await self.add_word_timestamps([(text, 0.0)], context_id)


@dataclass
class BeepEngines(ScriptedEngines):
    def tts(self, *_: Any, **__: Any) -> ToneTTS:
        return BeepTTS()


async def test_after_a_stall_the_agent_is_heard_a_fifth_of_a_second_late_at_most(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    silence = recording(tmp_path / "silence.wav", np.zeros(16_000, np.int16))
    app = Greeting(greeting="Nine seconds.")
    async with (
        running_edge(bus, settings, app=app, engines=BeepEngines()) as running,
        stalling_proxy(running.url) as network,
        page_of(network.url, silence) as page,
    ):
        await page.get_by_role("button", name="Call").click()
        await expect(page.get_by_role("status")).to_have_text("Connected", timeout=30_000)
        await until_played(page, 3.0)
        async with network.stalled():
            await asyncio.sleep(STALL_S)
        await until_played(page, 9.0)
        audio = await played(page)
        await page.get_by_role("button", name="Hang up").click()
        await running.event(CallEnded)
    late = delays(heard_beeps(audio, 16_000))
    before = [each for number, each in late.items() if number < 6]
    after = [each for number, each in late.items() if number >= 24]
    assert len(late) < 38  # some were dropped
    assert len(after) >= 6, late
    assert max(after) <= max(before) + LATEST_S + _BLUR_S, late


async def test_after_a_stall_what_the_person_says_arrives_as_before(
    bus: TestBus, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_s: list[float] = []  # of each frame, and a constant
    receive = BrowserStream.receive

    async def noting(stream: BrowserStream) -> Received:
        received = await receive(stream)
        if isinstance(received, AudioReceived):
            late_s.append(time.monotonic() - cast("int", received.timestamp_ms) / 1000)
        return received

    monkeypatch.setattr(BrowserStream, "receive", noting)
    voice = recording(tmp_path / "voice.wav", beeps(14.0, 16_000))
    async with (
        running_edge(bus, settings, app=Greeting(greeting="")) as running,
        stalling_proxy(running.url) as network,
        page_of(network.url, voice) as page,
    ):
        await page.get_by_role("button", name="Call").click()
        await expect(page.get_by_role("status")).to_have_text("Connected", timeout=30_000)
        await until_played(page, 3.0)
        async with network.stalled():
            await asyncio.sleep(STALL_S)
        await until_played(page, 9.0)
        await page.get_by_role("button", name="Hang up").click()
        await running.event(CallEnded)
    chunks = [each for each in await bus.published(AudioChunk) if each.speaker == "caller"]
    assert np.median(late_s[-100:]) - np.median(late_s[:100]) <= LATEST_S + _BLUR_S
    audio = np.zeros(chunks[-1].offset_ms * 16 + 32_000, np.int16)
    for each in chunks:
        samples = np.frombuffer(each.audio, np.int16)
        audio[each.offset_ms * 16 : each.offset_ms * 16 + samples.size] = samples
    late = delays(heard_beeps(audio, 16_000))
    assert max(late.values()) <= LATEST_S + _BLUR_S, late
