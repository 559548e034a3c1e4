"""One side of the edge benchmark, alone on one core: ``_edge_side.py ours|stock '{"core": …, "redis_url": …}'``.

Prints its address, then, for each line on standard input, its measurements since the line before, as JSON. With a
third argument it also profiles its event loop into that file.
"""

import os
import sys

if __name__ == "__main__":
    import json

    _SIDE, _OPTIONS = sys.argv[1], json.loads(sys.argv[2])
    os.sched_setaffinity(0, {_OPTIONS["core"]})  # before any library starts threads, which inherit it

import asyncio
import cProfile
import resource
import time
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from orchestra.log import configure_logging
from orchestra.settings import Settings
from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log

redirect_pipecat_log()

from orchestra import Agent, App  # noqa: E402 - as on the next line
from orchestra.bus import Bus  # noqa: E402 - Pipecat greets with a banner when it is imported
from orchestra.bus.worker.process import tune_gc  # noqa: E402
from orchestra.voice.edge.edge import open_edge  # noqa: E402
from orchestra.voice.edge.http import create_app  # noqa: E402
from orchestra.web_server.server import listen, serving  # noqa: E402
from tests.bench import _stock_pipecat  # noqa: E402
from tests.bench._edge_answer import GREETING  # noqa: E402
from tests.bench._edge_engines import StubModel, StubSTT, StubTTS, engines  # noqa: E402

TOKEN = "a local token"
_PROBE_S = 0.01
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _app() -> App:
    agent = Agent(name="reception", about="the depot's hours", prompt="You answer.")
    return App(name="bench", agents=(agent,), entry="reception", greeting=GREETING, apology="Sorry?", holding="Wait.")


class Probe:
    """The delay of the event loop, and the resource use of the process."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._read_at = time.monotonic()
        self._cpu_s = time.process_time()

    async def run(self) -> None:
        """Measure every 10 ms, until cancelled."""
        while True:
            due = time.monotonic() + _PROBE_S
            await asyncio.sleep(_PROBE_S)
            self._late.append((time.monotonic() - due) * 1000)

    def read(self) -> dict[str, float]:
        """The measurements since the last time."""
        late, self._late = sorted(self._late) or [0.0], []
        now, cpu_s = time.monotonic(), time.process_time()
        found = {
            "lag_p50_ms": late[len(late) // 2],
            "lag_p99_ms": late[int(len(late) * 0.99)],
            "lag_max_ms": late[-1],
            "cpu_s": cpu_s - self._cpu_s,
            "seconds": now - self._read_at,
            "mb": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        }
        self._read_at, self._cpu_s = now, cpu_s
        return found


async def report(profile: str) -> None:
    """Answer each line until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    probe = Probe()
    probing = asyncio.create_task(probe.run())
    profiler = cProfile.Profile(time.thread_time)
    while await reader.readline():
        print(json.dumps(probe.read()), flush=True)
        if profile:
            profiler.disable()
            profiler.dump_stats(profile)
            profiler.enable()
    probing.cancel()


async def ours(options: dict[str, Any], profile: str) -> None:
    """The edge, as `orchestra edge` runs it except for its engines."""
    listener = listen("127.0.0.1", 0)
    chosen = {
        "redis_url": options["redis_url"], "port": listener.getsockname()[1], "twilio_auth_token": TOKEN,
        "max_calls": 1000, "log_level": "error", "prerender": False, "data_dir": options["data_dir"],
        "sip": options.get("line") == "sip",
    }  # fmt: skip
    settings = Settings.model_validate(chosen)
    configure_logging(settings, "edge")
    bus = await Bus.connect(settings)
    edge = open_edge(settings, bus, engines(), _app())
    tune_gc()
    async with serving(create_app(edge), listener):
        print(edge.public_url, flush=True)
        await report(profile)
        await edge.admission.drain(1.0)
    await bus.close()


async def stock(options: dict[str, Any], profile: str) -> None:
    """The stock pipeline with the same engines."""
    del options
    configure_logging(Settings(log_level="error"), "stock")
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    app = _stock_pipecat.create_app(port, lambda: (StubSTT(), StubModel(), StubTTS()), GREETING)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    serving_it = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(f"http://127.0.0.1:{port}", flush=True)
    await report(profile)
    server.should_exit = server.force_exit = True
    await asyncio.wait([serving_it], timeout=2.0)
    os._exit(0)  # does not wait for calls that the peer still holds


if __name__ == "__main__":
    uvloop.run({"ours": ours, "stock": stock}[_SIDE](_OPTIONS, sys.argv[3] if len(sys.argv) > 3 else ""))
