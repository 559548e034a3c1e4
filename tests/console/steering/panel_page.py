"""The panel of a running call in Chromium: what an operator does there, what their page plays, what they say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from playwright.async_api import Locator, Page, expect

from orchestra.simulator.phone_line import PhoneLine
from tests.console.consoles import TOKENS, RunningConsole
from tests.servers.chromium import chromium, only_from
from tests.voice.carriers.page import MEDIA

#: runs on the audio clock, so a busy page loses nothing; both sides, each before its volume
_RECORDER = """
registerProcessor("recorder", class extends AudioWorkletProcessor {
  constructor() { super(); this.part = [[], []]; }
  process(inputs) {
    inputs.forEach(([input], side) => this.part[side].push(...(input ?? new Float32Array(128))));
    if (this.part[0].length >= 1024) { this.port.postMessage(this.part); this.part = [[], []]; }
    return true;
  }
});
"""
_RECORD = """
window.played = [];
const recorder = URL.createObjectURL(new Blob([`RECORDER`], { type: "text/javascript" }));
const add = AudioWorklet.prototype.addModule, connect = AudioNode.prototype.connect;
AudioWorklet.prototype.addModule = async function (...rest) {
  await add.call(this, recorder);
  return add.apply(this, rest);
};
AudioNode.prototype.connect = function (to, output, ...rest) {
  if (this instanceof AudioWorkletNode && this.numberOfOutputs === 2 && !this.recorded) {
    this.recorded = new AudioWorkletNode(this.context, "recorder", { numberOfInputs: 2, numberOfOutputs: 0 });
    for (const side of [0, 1]) connect.call(this, this.recorded, side, side);
    this.recorded.port.onmessage = ({ data }) => {
      const rate = this.context.sampleRate;
      window.played.push({ rate, ended: Date.now() / 1000, sides: data });
    };
  }
  return connect.call(this, to, output, ...rest);
};
"""
#: a tone of the microphone that begins when the test wants it, and silence before it
_MICROPHONE = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext(), microphone = context.createMediaStreamDestination();
  window.say = (seconds, hertz) => {
    const tone = new OscillatorNode(context, { frequency: hertz }), volume = new GainNode(context, { gain: 0.3 });
    tone.connect(volume).connect(microphone);
    tone.start();
    tone.stop(context.currentTime + seconds);
    return Date.now() / 1000;
  };
  return microphone.stream;
};
"""
_MOUNT = """
async (call) => {
  const [{ openPage }, { mountPanel }] = await Promise.all([import("/pages/shell.js"), import("/pages/steering.js")]);
  const { main, operator } = await openPage({ title: "Call", section: "live" });
  window.panel = mountPanel(main, call, operator);
}
"""


@dataclass(frozen=True)
class Played:
    """What a page has played: of each side the samples, and the epoch second of the first one."""

    caller: npt.NDArray[np.float64]
    agent: npt.NDArray[np.float64]
    rate: int
    began_at: float


@dataclass(frozen=True)
class PanelPage:
    """An operator at the panel."""

    page: Page

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def until_shown(self, text: str) -> None:
        await expect(self.page.locator(".steering").get_by_role("status")).to_contain_text(text, timeout=30_000)

    async def until_played(self, seconds: float) -> None:
        """Wait until the page has played this much more."""
        before = await self.page.evaluate("window.played.length")
        parts = "([before, parts]) => window.played.length >= before + parts"
        await self.page.wait_for_function(parts, arg=[before, round(seconds * 8000 / 1024)], timeout=60_000)

    async def played(self) -> Played:
        parts = await self.page.evaluate("window.played")
        rate = int(parts[0]["rate"])
        sides = [np.concatenate([np.array(part["sides"][side]) for part in parts]) for side in (0, 1)]
        # the least delayed message tells best when the first sample was played
        ends = np.cumsum([len(part["sides"][0]) for part in parts]) / rate
        began_at = min(part["ended"] - end for part, end in zip(parts, ends, strict=True))
        return Played(sides[0], sides[1], rate, began_at)

    async def say_tone(self, seconds: float, hertz: float) -> float:
        """A tone is said into the microphone; returns the epoch second at which it begins."""
        return float(await self.page.evaluate("([seconds, hertz]) => window.say(seconds, hertz)", [seconds, hertz]))


@asynccontextmanager
async def panel_page(
    console: RunningConsole, call: str, role: str = "operate", microphone: Path | None = None
) -> AsyncIterator[PanelPage]:
    """The panel of this call; ``microphone`` is a WAV file that is said again and again, or there is `say_tone`."""
    device = (f"--use-file-for-fake-audio-capture={microphone}",) if microphone is not None else ()
    async with chromium(*MEDIA, *device) as browser:
        context = await browser.new_context(bypass_csp=True)  # for the recorder alone
        signed_in = await context.request.post(f"{console.url}/api/session", data={"token": TOKENS[role]})
        assert signed_in.ok, await signed_in.text()
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.add_init_script(_RECORD.replace("RECORDER", _RECORDER))
        if microphone is None:
            await page.add_init_script(_MICROPHONE)
        refused = await only_from(page, console.url)
        await page.goto(f"{console.url}/healthz")  # a document in which no script of ours runs
        await page.evaluate(_MOUNT, call)
        yield PanelPage(page)
        assert (refused, errors) == ([], [])


def loudness(samples: npt.NDArray[np.float64], rate: int, hertz: float) -> npt.NDArray[np.float64]:
    """How loud this frequency is in each 10 ms: the amplitude of a tone of it."""
    step = rate // 100
    frames = samples[: samples.size // step * step].reshape(-1, step)
    wave = np.exp(-2j * np.pi * hertz * np.arange(step) / rate)
    return np.asarray(2 * np.abs(frames @ wave) / step)


def heard_from_s(samples: npt.NDArray[np.float64], rate: int, hertz: float, level: float = 0.05) -> list[float]:
    """The seconds at which a tone of this frequency begins: after silence, or after other sounds."""
    loud = loudness(samples, rate, hertz) > level
    return [float(at) / 100 for at in np.flatnonzero(loud[1:] & ~loud[:-1]) + 1]


def heard_by(line: PhoneLine) -> npt.NDArray[np.float64]:
    """What a caller has heard so far, at 8 kHz, from -1 to 1."""
    return line.tracks.agent.astype(np.float64) / 32768
