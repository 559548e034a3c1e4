"""The page in Chromium: what a person says to it, when it suits the test, and all that it plays."""

import base64
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from playwright.async_api import Page

from tests.servers.chromium import chromium, only_from

#: runs on the audio clock, so a busy page loses nothing of what was played
_RECORDER = """
registerProcessor("recorder", class extends AudioWorkletProcessor {
  constructor() { super(); this.part = []; }
  process([[input]], [[output]]) {
    if (input) output.set(input);
    this.part.push(...output);
    if (this.part.length >= 1600) { this.port.postMessage(this.part); this.part = []; }
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
AudioNode.prototype.connect = function (to, ...rest) {
  if (this instanceof AudioWorkletNode && !this.recorded) {
    this.recorded = new AudioWorkletNode(this.context, "recorder", { outputChannelCount: [1] });
    this.recorded.port.onmessage = ({ data }) => {
      window.began ??= Date.now() - data.length / this.context.sampleRate * 1000;
      window.played.push(data);
    };
    connect.call(connect.call(this, this.recorded), this.context.destination);
  }
  return connect.call(this, to, ...rest);
};
"""
#: what is said beside the sound of the microphone
_SAY = """
const ask = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (constraints) {
  const context = new AudioContext(), mixed = context.createMediaStreamDestination();
  context.createMediaStreamSource(await ask.call(this, constraints)).connect(mixed);
  window.say = async (wav) => {
    const { buffer } = Uint8Array.from(atob(wav), (letter) => letter.charCodeAt(0));
    const source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(buffer) });
    source.connect(mixed);
    source.start();
  };
  return mixed.stream;
};
"""
MEDIA = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


@asynccontextmanager
async def page_of(url: str, voice: Path | None = None) -> AsyncIterator[Page]:
    """The page of this edge, which may load nothing from elsewhere and must report no error."""
    speaking = (f"--use-file-for-fake-audio-capture={voice}%noloop",) if voice is not None else ()
    async with chromium(*MEDIA, *speaking) as browser:
        page = await browser.new_page(bypass_csp=True)  # for the recorder alone
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.add_init_script(_SAY)
        await page.add_init_script(_RECORD.replace("RECORDER", _RECORDER))
        refused = await only_from(page, url)
        await page.goto(url)
        yield page
        assert (refused, errors) == ([], [])


def recording(path: Path, samples: npt.NDArray[np.int16], rate: int = 16_000) -> Path:
    """A WAV file with these samples."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


async def say(page: Page, path: Path) -> None:
    """The person at the microphone says this WAV file now."""
    await page.evaluate("(wav) => window.say(wav)", base64.b64encode(path.read_bytes()).decode())  # noqa: ASYNC240 - small


async def until_played(page: Page, seconds: float) -> None:
    """Wait until the page has played so much, silence included."""
    enough = "(samples) => window.played.reduce((sum, part) => sum + part.length, 0) >= samples"
    await page.wait_for_function(enough, arg=seconds * 16_000, polling=100, timeout=60_000)


async def played(page: Page) -> npt.NDArray[np.int16]:
    """What the page has played so far, at the call's rate."""
    parts: list[list[float]] = await page.evaluate("window.played")
    return (np.concatenate([np.zeros(0), *(np.array(part) for part in parts)]) * 32767).astype(np.int16)
