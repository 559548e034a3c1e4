"""How long a person waits for the page of a call of 200 turns: Chromium, a console of its own process, loopback.

`paint_ms` is the browser's first contentful paint; `call_ms` is when all of the call was painted, its transcript, its
waterfall and its waveforms. Each opening is in a browser profile without a cache.
"""

import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from tests.console.consoles import TOKENS, as_operator, token_file
from tests.console.long_call import TURN_S, long_call, store, write_recording
from tests.servers.chromium import chromium

TURNS = 200
_OPENINGS = 5
#: resolves with the ms since the navigation began, after the frame in which everything is there
_PAINTED = """([lines, turns]) => new Promise((done) => {
  const look = () => {
    const all = document.querySelectorAll("li.line").length >= lines
      && document.querySelectorAll("details.turn").length >= turns
      && document.querySelector("canvas.waveform")?.getAttribute("aria-label");
    if (!all) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => done({
      call_ms: performance.now(),
      paint_ms: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
      transferred: performance.getEntriesByType("resource").reduce((sum, each) => sum + each.encodedBodySize, 0),
    })));
  };
  look();
})"""


@asynccontextmanager
async def console_process(settings: Settings) -> AsyncIterator[tuple[str, int]]:
    """`orchestra console` for these settings: its address and process id."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    known = {
        "ORCHESTRA_REDIS_URL": settings.redis_url, "ORCHESTRA_DATA_DIR": settings.data_dir,
        "ORCHESTRA_CONSOLE_TOKENS": settings.console_tokens, "ORCHESTRA_CONSOLE_PORT": port,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", "console",
        env=os.environ | {name: str(value) for name, value in known.items()},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        await _answers(url)
        yield url, process.pid
    finally:
        process.terminate()
        await process.wait()


async def _answers(url: str) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                health = await http.get(f"{url}/api/health", headers=as_operator("read"))
                if health.status_code == httpx.codes.OK and health.json()["redis"]:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def opening(browser: Browser, url: str, call: str) -> dict[str, float]:
    """One opening of the page, without anything in the browser's cache."""
    context = await browser.new_context()
    try:
        signed_in = await context.request.post(f"{url}/api/session", data={"token": TOKENS["read"]})
        assert signed_in.ok
        page = await context.new_page()
        await page.goto(f"{url}/calls/{call}", wait_until="commit")
        found: dict[str, float] = await page.evaluate(_PAINTED, [2 * TURNS, TURNS])
        return found
    finally:
        await context.close()


async def _api(url: str, call: str) -> dict[str, float]:
    """How long the console takes for the first, and for another question about the call, in ms."""
    took = []
    async with httpx.AsyncClient(base_url=url, headers=as_operator("read"), trust_env=False) as http:
        for _ in range(2):
            began = time.perf_counter()
            (await http.get(f"/api/calls/{call}")).raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
    return {"api_first_ms": took[0], "api_again_ms": took[1]}


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(data_dir=Path(name), embedded_port=0)
        async with EmbeddedServer(settings.data_dir) as server:
            settings = settings.model_copy(
                update={"redis_url": server.url, "console_tokens": token_file(settings.data_dir)}
            )
            bus = await Bus.connect(settings)
            call = bus.new_call()
            path = write_recording(settings.recordings / f"{call}.wav", 3 + TURNS * TURN_S)
            events = long_call(call, time.time() - TURNS * TURN_S, TURNS, path.as_uri())
            await store(bus, events)
            await bus.close()
            async with console_process(settings) as (url, pid), chromium() as browser:
                api = await _api(url, call)
                openings = [await opening(browser, url, call) for _ in range(_OPENINGS)]
                resident = _resident_mb(pid)
    middle = {key: statistics.median(each[key] for each in openings) for key in openings[0]}
    return {
        "workload": f"{TURNS} turns, {len(events):,} events, {TURNS * TURN_S / 60:.0f} min of audio",
        "first_paint_ms": round(middle["paint_ms"]),
        "whole_call_ms": round(middle["call_ms"]),
        "slowest_whole_call_ms": round(max(each["call_ms"] for each in openings)),
        "transferred_kb": round(middle["transferred"] / 1000),
        "console_mb": round(resident),
    } | {key: round(value) for key, value in api.items()}
