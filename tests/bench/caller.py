"""How long a caller waits: from the end of their words to the first sound of the answer, by the caller's own clock.

Simulated calls in real time, through every process of the platform, with the vendors' own clients against servers that
answer at the vendors' published speeds (`_vendors.py`). The edge has one core for itself, everything else has the
others. The peer is the stock Pipecat pipeline in one process on the edge's core, on servers of exactly the same speeds,
in the same run: calls to the two sides alternate. It is left out beyond 8 calls, which is more than a core can hold.

`vendors_p50_ms` is the median of the vendors' own time (final transcript after the end of speech, first token, first
byte): the lower bound for everybody who asks one vendor after the other. `stages` are the edge's own times, `ready`
what there was of the replies when the turns ended, `predicted` the share of turns whose end was predicted rightly, and
`wasted` the predictions for each turn that were not. `looks` are smart-turn's: what was shed was not run.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvloop

from orchestra.bus import Bus
from orchestra.settings import Settings, load_settings
from orchestra.simulator import ScriptLine, synthesize_lines
from orchestra.stack import RunningStack, stack
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import Event, TurnMeasured, UserTurnEnded, UserTurnPredicted
from tests.bench._edge_callers import Heard, Load, Said
from tests.bench._edge_side import Probe
from tests.bench._vendors import PUBLISHED_S, Speeds
from tests.servers.first_answer import first_answer

#: smart-turn, which both sides use, recognizes each of them as a finished turn
QUESTIONS = (
    "Until when is the depot open today?",
    "Could you tell me when it closes?",
    "When will my parcel arrive?",
    "What are the opening hours of the depot?",
)
_LINE = "Until when is the depot open today?"
_GREETING = "Welcome to Swift Parcel. How can I help you?"
_HERE = Path(__file__).parent
_TOKEN = "a local token"
_TURNS = 8
_SETTLED_S = 2.5
_STOCK_HOLDS = 8


@asynccontextmanager
async def process(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with the block."""
    environment = os.environ | {"PYTHONPATH": str(_HERE.parents[1])}
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment, stdin=pipe, stdout=pipe)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def keep_to(pid: int, cores: set[int]) -> None:
    """Keep all threads of a process on these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def edge_process() -> int:
    """The process of the edge among the children of this one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") for child in children}
    return next(child for child, command in commands.items() if b"edge" in command)


@asynccontextmanager
async def stock(vendors: dict[str, str], cores: set[int]) -> AsyncIterator[str]:
    """The stock pipeline's address."""
    port = free_port()
    options = json.dumps({**vendors, "port": port, "greeting": _GREETING})
    async with process(str(_HERE / "_stock_pipecat.py"), options) as child, httpx.AsyncClient() as http:
        async with asyncio.timeout(120):
            await first_answer(http, f"http://127.0.0.1:{port}/", has_ended=lambda: child.returncode is not None)
        keep_to(child.pid, cores)
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def orchestra(
    vendors: dict[str, str], folder: Path, speculate: str, cores: set[int]
) -> AsyncIterator[RunningStack]:
    """The platform, every process running."""
    chosen = {
        "data_dir": str(folder), "port": "0", "embedded_port": "0", "twilio_auth_token": _TOKEN, "log_level": "warning",
        "stt": "deepgram", "deepgram_url": vendors["stt"], "deepgram_api_key": "any",
        "tts": "elevenlabs", "elevenlabs_url": vendors["tts"], "elevenlabs_api_key": "any",
        "model": "house-model", "model_url": vendors["model"], "model_api_key": "any",
        "max_calls": "1000", "speculate": speculate,
    }  # fmt: skip
    os.environ.update({f"ORCHESTRA_{name.upper()}": value for name, value in chosen.items()})
    async with stack(load_settings(), logs=folder / "logs") as started:
        keep_to(edge_process(), cores)
        yield started


@dataclass
class Rung:
    """What was found at one number of calls."""

    heard: dict[str, Heard] = field(default_factory=lambda: {"caller": Heard(), "stock": Heard()})
    spans: list[tuple[float, float]] = field(default_factory=list)
    looks: Counter[str] = field(default_factory=Counter)
    callers_late_ms: float = 0.0

    async def slice(self, side: str, url: str, said: list[Said], calls: int, seconds: float) -> None:
        """Hold this many calls to one side, and measure for this long."""
        load = Load(url, _TOKEN, said, interrupts=0.0)
        try:
            await load.set(calls)
            await asyncio.sleep(_SETTLED_S)
            load.read()
            looks = await looks_of(url) if side == "caller" else Counter()
            probe, began = Probe(), time.time()
            watching = asyncio.create_task(probe.run())
            await asyncio.sleep(seconds)
            watching.cancel()
            self.callers_late_ms = max(self.callers_late_ms, probe.read()["lag_p99_ms"])
            heard = load.read()
        finally:
            await load.close()
        if side == "caller":
            self.spans.append((began, time.time()))
            self.looks += await looks_of(url) - looks
        self.heard[side].response_ms += heard.response_ms
        self.heard[side].counts += heard.counts


async def looks_of(url: str) -> Counter[str]:
    """Smart-turn's looks so far, by kind, as the edge counts them."""
    async with httpx.AsyncClient() as http:
        lines = (await http.get(f"{url}/metrics")).text.splitlines()
    name = 'orchestra_edge_looks_total{kind="'
    return Counter(
        {line[len(name) :].partition('"')[0]: int(float(line.split()[-1])) for line in lines if name in line}
    )


async def measure(
    calls: list[int], seconds: float, rounds: int, speculate: str, *, beside_stock: bool
) -> dict[str, Any]:
    load_before = round(os.getloadavg()[0], 1)
    cores = os.sched_getaffinity(0)
    of_edge = {max(cores)} if len(cores) > 1 else cores
    speech = await asyncio.to_thread(LocalSpeech.load)
    lines = [ScriptLine(text) for text in QUESTIONS]
    said = [Said.of(each.samples) for each in synthesize_lines(lines, speech.synthesize)]
    del speech
    os.sched_setaffinity(0, cores - of_edge or cores)
    order = {"line": _LINE, "turns": _TURNS, "calls": max(calls) * rounds, "sides": 2}
    rungs = {count: Rung() for count in calls}
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        vendors = await opened.enter_async_context(process("-m", "tests.bench._vendors", json.dumps(order)))
        assert vendors.stdout is not None
        ours, theirs = json.loads(await vendors.stdout.readline())
        started = await opened.enter_async_context(orchestra(ours, folder, speculate, of_edge))
        sides = [("caller", started.url)]
        if beside_stock and min(calls) <= _STOCK_HOLDS:
            sides.append(("stock", await opened.enter_async_context(stock(theirs, of_edge))))
        for at in range(rounds):
            for count, rung in rungs.items():
                for side, url in sides if at % 2 else reversed(sides):
                    if side == "caller" or count <= _STOCK_HOLDS:
                        await rung.slice(side, url, said, count, seconds)
        events = await events_of(started, folder)
    found = {f"calls_{count}": summary(rung, events, order) for count, rung in rungs.items()}
    loads = {"load_before": load_before, "load_after": round(os.getloadavg()[0], 1)}
    return found | loads if len(calls) > 1 else found[f"calls_{calls[0]}"] | loads


async def events_of(started: RunningStack, folder: Path) -> list[Event]:
    """What the calls' journals say of their turns."""
    bus = await Bus.connect(Settings(redis_url=started.redis_url, data_dir=folder))
    kinds = (TurnMeasured, UserTurnEnded, UserTurnPredicted)
    try:
        return [
            event
            for partition in range(bus.partitions)
            async for entry in bus.entries(partition, "events")
            if isinstance(event := entry.event(), kinds)
        ]
    finally:
        await bus.close()


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def summary(rung: Rung, events: list[Event], order: dict[str, Any]) -> dict[str, Any]:
    speeds = [Speeds(stage, order["turns"], order["calls"]) for stage in PUBLISHED_S]
    draws = [(call, turn) for call in range(order["calls"]) for turn in range(order["turns"])]
    vendors = [sum(speed(*draw) for speed in speeds) * 1000 for draw in draws]
    result: dict[str, Any] = {}
    for side, heard in rung.heard.items():
        if heard.response_ms:
            result |= {f"{side}_p50_ms": round(statistics.median(heard.response_ms))}
            result |= {f"{side}_p95_ms": round(percentile(heard.response_ms, 0.95))}
            result |= {f"{side}_turns": len(heard.response_ms)}
            result |= {f"{side}_unanswered": heard.counts["unanswered"] + heard.counts["cut_off"]}
    if rung.heard["stock"].response_ms:
        result["over_stock_p50_ms"] = result["caller_p50_ms"] - result["stock_p50_ms"]
        result["over_stock_p95_ms"] = result["caller_p95_ms"] - result["stock_p95_ms"]
    result["vendors_p50_ms"] = round(statistics.median(vendors))
    result["vendors_p95_ms"] = round(percentile(vendors, 0.95))
    inside = [event for event in events if any(begin <= event.at < end for begin, end in rung.spans)]
    return result | journal(inside) | {"looks": dict(rung.looks), "callers_late_p99_ms": round(rung.callers_late_ms, 1)}


def journal(events: list[Event]) -> dict[str, Any]:
    """The turns as the edge has measured them."""
    measured = [event for event in events if isinstance(event, TurnMeasured)]
    ended = [event for event in events if isinstance(event, UserTurnEnded)]
    predicted = [event for event in events if isinstance(event, UserTurnPredicted)]
    right = sum(event.predicted for event in ended)
    turns = max(1, len(ended))
    names = [name for name in TurnMeasured.__struct_fields__ if name.endswith("_ms")]
    stages = {name: [getattr(event, name) or 0.0 for event in measured] for name in names}
    return {
        "stages_p50_ms": {name: round(percentile(values, 0.5)) for name, values in stages.items() if values},
        "stages_p95_ms": {name: round(percentile(values, 0.95)) for name, values in stages.items() if values},
        "ready": dict(Counter(event.ready or "unknown" for event in measured)),
        "predicted": round(right / turns, 2),
        "wasted": round((len(predicted) - right) / turns, 2),
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench caller", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--calls", type=int, nargs="+", default=[3], help="calls at the same time, on the edge's core")
    parser.add_argument("--seconds", type=float, default=45.0, help="length of a slice of one side")
    parser.add_argument("--rounds", type=int, default=2, help="slices of each side")
    parser.add_argument("--speculate", choices=["off", "prompt", "speech"], default="speech")
    parser.add_argument("--no-stock", action="store_true", help="leave the stock pipeline out")
    options = parser.parse_args(arguments)
    beside_stock = not options.no_stock
    result = uvloop.run(
        measure(options.calls, options.seconds, options.rounds, options.speculate, beside_stock=beside_stock)
    )
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:20} {value}")
