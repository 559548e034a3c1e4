"""How late the live page is, and what it costs: 200 calls, 20 viewers, one of which is a page in Chromium.

The delay of the page is measured from the event to the frame that shows it; both clocks are this machine's.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Page

from orchestra.bus import EmbeddedServer
from tests.bench._most_memory import most_mb
from tests.console.consoles import TOKENS, token_file
from tests.servers.chromium import chromium
from tests.servers.free_ports import free_ports

CALLS, VIEWERS = 200, 20
_WARM_UP_S, _MEASURED_S = 20.0, 60.0
_ROOT = Path(__file__).parents[2]
_PRICES = {"models": {"m": {"prompt_per_million": 3.0, "completion_per_million": 9.0}}, "call_per_minute": 0.01}

#: gathers, for each time that a text of the page has newly, how many ms later the frame with it was made
_OBSERVE = """() => {
  const stamp = /~(\\d{13})/g, seen = new Set();
  window.delays = [];
  const collect = (text) => [...(text ?? "").matchAll(stamp)].map(([, made]) => made).filter((made) => !seen.has(made));
  collect(document.body.textContent).forEach((made) => seen.add(made));
  new MutationObserver((records) => {
    const found = new Set();
    for (const { target, addedNodes } of records)
      for (const node of [target, ...addedNodes]) collect(node.textContent).forEach((made) => found.add(made));
    found.forEach((made) => seen.add(made));
    if (!found.size) return;
    const { port1, port2 } = new MessageChannel();  // after the frame
    port1.onmessage = () => found.forEach((made) => window.delays.push(Date.now() - made));
    requestAnimationFrame(() => port2.postMessage(0));
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


@asynccontextmanager
async def _child(*command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, stdin=pipe, stdout=pipe, limit=2**26,
        env=os.environ | {"PYTHONPATH": str(_ROOT), "ORCHESTRA_LOG_LEVEL": "warning"} | environment,
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _percentiles(name: str, delays: list[float]) -> dict[str, float]:
    ordered = sorted(delays)
    at = {"p50": 0.5, "p99": 0.99}
    found = {f"{name}_{each}_ms": round(ordered[int(len(ordered) * share)], 1) for each, share in at.items()}
    return found | {f"{name}_max_ms": round(ordered[-1], 1), f"{name}_seen": len(ordered)}


async def _until_up(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(60):
        while True:
            try:
                if (await http.get(f"{url}/healthz")).json()["redis"]:
                    return
            except (httpx.HTTPError, KeyError):
                pass
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _page(url: str, call: str) -> AsyncIterator[Page]:
    """The live page with this call, signed in as somebody who may only look."""
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 1400, "height": 900})
        answer = await context.request.post(f"{url}/api/session", data={"token": TOKENS["read"]})
        assert answer.ok, await answer.text()
        page = await context.new_page()
        await page.goto(f"{url}/?call={call}")
        await page.wait_for_selector(".transcript li", timeout=60_000)
        yield page


async def measure() -> dict[str, Any]:
    """Run all of it for about two minutes."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_ports(1)
        url = f"http://127.0.0.1:{port}"
        async with (
            EmbeddedServer(folder) as server,
            _child("tests.bench._live_calls", server.url, str(CALLS), str(VIEWERS)) as calls,
        ):
            assert calls.stdout is not None
            watched = json.loads(await calls.stdout.readline())
            await asyncio.sleep(_WARM_UP_S)  # every call has begun
            console = _child(
                "orchestra.cli", "console", ORCHESTRA_REDIS_URL=server.url, ORCHESTRA_CONSOLE_PORT=str(port),
                ORCHESTRA_CONSOLE_TOKENS=str(token_file(folder)), ORCHESTRA_PRICES=json.dumps(_PRICES),
                ORCHESTRA_DATA_DIR=str(folder),
            )  # fmt: skip
            async with console as running:
                await _until_up(url)
                found = await _watch(url, port, running.pid, watched)
            published, _ = await calls.communicate(b"")
        rates = json.loads(published.splitlines()[-1])
        return found | {"calls": CALLS, "viewers": VIEWERS} | {f"{name}_per_s": rate for name, rate in rates.items()}


async def _watch(url: str, port: int, pid: int, watched: list[str]) -> dict[str, Any]:
    seconds = _MEASURED_S * 4 / 3
    viewers = _child("tests.bench._live_viewers", str(port), TOKENS["read"], str(seconds), *watched[1:])
    async with viewers as viewing, _page(url, watched[0]) as page:
        await asyncio.sleep(seconds / 4)
        await page.evaluate(_OBSERVE)
        began_s, began = _cpu_s(pid), asyncio.get_running_loop().time()
        assert viewing.stdout is not None
        streams = json.loads(await viewing.stdout.readline())
        took = asyncio.get_running_loop().time() - began
        used_s = _cpu_s(pid) - began_s
        delays = await page.evaluate("window.delays")
        rows = await page.locator(".call-list tbody tr").count()
    return {
        **_percentiles("event_to_screen", delays),
        **_percentiles("event_to_viewer", streams["delays"]),
        "viewers_lag_p99_ms": _percentiles("lag", streams["lags"])["lag_p99_ms"],
        "console_cores": round(used_s / took, 3),
        "console_most_mb": round(most_mb(pid), 1),
        "rows_on_the_page": rows,
        "sent_kb_per_s_and_viewer": round(streams["bytes"] / took / (VIEWERS - 1) / 1000, 1),
        "viewers_let_go": streams["ended"],
    }
