"""How long a person waits from the click on *Call* to the first sound of the greeting, in Chromium, on this machine.

Each click is in a page of its own, at a system with the demo app and local engines. `microphone_ms` is the time until
the page has a microphone, `connected_ms` until its stream is open, `greeting_ms` until the loudspeaker gets a sound.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser

from orchestra.settings import Settings
from orchestra.stack import stack
from tests.servers.chromium import chromium
from tests.voice.carriers.page import MEDIA, recording

_CLICK = """() => new Promise((done) => {
  const element = document.querySelector("orchestra-call"), took = {}, began = performance.now();
  const since = () => performance.now() - began;
  element.shadowRoot.querySelector("button.call").click();
  element.call.addEventListener("state", ({ detail }) => {
    took[`${detail.state}_ms`] ??= since();
    if (detail.state === "ended") done({ failed: detail.error || detail.reason });
  });
  element.call.addEventListener("level", ({ detail }) => {
    if (detail.loudness < 0.01) return;
    done({ microphone_ms: took.connecting_ms, connected_ms: took.connected_ms, greeting_ms: since() });
  });
})"""


async def click(browser: Browser, url: str) -> dict[str, float]:
    context = await browser.new_context(permissions=["microphone"])
    page = await context.new_page()
    await page.goto(url)
    found: dict[str, Any] = await page.evaluate(_CLICK)
    assert "failed" not in found, found
    await context.close()
    return found


async def measure(clicks: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder / "data", port=0, embedded_port=0)
        silence = recording(folder / "silence.wav", np.zeros(16_000, np.int16))
        async with (
            stack(settings, logs=folder / "logs") as started,
            chromium(*MEDIA, f"--use-file-for-fake-audio-capture={silence}") as browser,
        ):
            first = await click(browser, started.url)
            await asyncio.sleep(2.0)
            found = []
            for _ in range(clicks):
                found.append(await click(browser, started.url))
                await asyncio.sleep(1.0)
    result: dict[str, Any] = {"clicks": clicks, "first_greeting_ms": round(first["greeting_ms"])}
    for name in ("microphone_ms", "connected_ms", "greeting_ms"):
        values = sorted(each[name] for each in found)
        result[f"{name}_p50"], result[f"{name}_max"] = round(statistics.median(values)), round(values[-1])
    return result | {"load": round(os.getloadavg()[0], 1)}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench page", description=__doc__)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    result = asyncio.run(measure(options.clicks))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:34} {value}")
