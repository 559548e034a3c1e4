"""How many calls an edge holds on one core, and how much it adds to a turn, against the stock Pipecat pipeline.

The edge runs alone on one core; the callers, the server and the agents on the others. Both sides have the same stub
engines, which answer a fixed time after speech, the real Silero and smart-turn, and uvloop; ours also has the bus and
the audio events. `calls_per_core` is the largest number of calls at which the event loop is at most 20 ms late (p99),
no caller hears a gap of more than 60 ms within a reply, and every caller gets an answer and keeps the line. Callers'
response time at that load is `turn_p50_ms_at_most_calls`; `prompt_calls_per_core` is the largest number, of those
measured, at which half of the answers also come within 1.5 s. Latencies are of 4 calls, from the callers' audio.
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from orchestra.bus import EmbeddedServer
from orchestra.simulator import ScriptLine, synthesize_lines
from orchestra.voice.engines.local import LocalSpeech
from tests.bench._edge_callers import LINES, Heard, Load, Said
from tests.bench._edge_side import TOKEN, Probe
from tests.sip.gateways import running_gateway

QUESTIONS = (
    "Until when is the depot open today?",
    "Could you tell me when it closes?",
    "When will my parcel arrive?",
    "What are the opening hours of the depot?",
)
_LAG_MS, _GAP_MS = 20.0, 60.0
_PROMPT_MS = 1500
_INTERRUPTS = 0.4
_LATENCY_CALLS = 4
_GATEWAY_CALLS = 100
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Plan:
    """How long each measurement takes, in seconds, and the largest number of calls to try."""

    window_s: float = 6.0
    latency_s: float = 30.0
    slices: int = 2
    most: int = 64


QUICK = Plan(window_s=4.0, latency_s=16.0, slices=1, most=8)


@asynccontextmanager
async def process(*command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is terminated at the end of the block."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=os.environ | {"PYTHONPATH": str(_ROOT)} | environment,
        stdin=pipe,
        stdout=pipe,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.communicate()


class Side:
    """One side: its process and its callers."""

    def __init__(self, name: str, child: asyncio.subprocess.Process, load: Load) -> None:
        self.name = name
        self._child, self._load = child, load
        self._own = Probe()  # callers that run late themselves report false gaps
        self.rungs: dict[int, dict[str, float]] = {}

    async def probe(self) -> dict[str, float]:
        """The measurements of the process since the last time."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(b"\n")
        found: dict[str, float] = json.loads(await self._child.stdout.readline())
        return found

    async def hold(self, calls: int) -> None:
        """Run this many calls, all past their greeting, and let the event loop recover from their start."""
        await self._load.set(calls)
        await asyncio.sleep(2.5)
        for _ in range(6):
            await self.probe()
            await asyncio.sleep(0.5)
            if (await self.probe())["lag_p99_ms"] < _LAG_MS:
                return

    async def look(self, seconds: float) -> tuple[dict[str, float], Heard]:
        """The measurements of the process and its callers over this many seconds."""
        self._load.read()
        await self.probe()
        self._own.read()
        watching = asyncio.create_task(self._own.run())
        await asyncio.sleep(seconds)
        watching.cancel()
        return await self.probe() | {"callers_lag_p99_ms": self._own.read()["lag_p99_ms"]}, self._load.read()

    async def holds(self, calls: int, window_s: float) -> bool:
        """Whether it holds this many calls; a first failure may be due to other load, so it is measured again."""
        await self.hold(calls)
        for _ in range(2):
            probed, heard = await self.look(window_s)
            gap_ms = max(heard.gap_ms, default=0.0)
            rung = {
                "lag_p99_ms": round(probed["lag_p99_ms"], 1),
                "gap_ms": round(gap_ms),
                "cpu_ms_per_call_s": round(probed["cpu_s"] / probed["seconds"] / calls * 1000, 1),
                "mb": round(probed["mb"], 1),
                "callers_lag_p99_ms": round(probed["callers_lag_p99_ms"], 1),
                **heard.counts,
            }
            if heard.response_ms:
                rung["turn_p50_ms"] = round(statistics.median(heard.response_ms))
            self.rungs[calls] = rung
            print(f"  {self.name} {calls} calls: {rung}", file=sys.stderr, flush=True)
            deserted = heard.counts["unanswered"] + heard.counts["cut_off"]
            if probed["lag_p99_ms"] <= _LAG_MS and gap_ms <= _GAP_MS and not deserted:
                return True
        return False

    async def search(self, step: int, plan: Plan) -> AsyncGenerator[int, None]:
        """The largest number of calls that it is known to hold, after each measurement: in steps, then by bisection."""
        good, bad = 0, step
        while bad <= plan.most and await self.holds(bad, plan.window_s):
            good, bad = bad, bad + step
            yield good
        while bad - good > 1 and bad <= plan.most:  # it failed at `bad`
            yield good
            middle = (good + bad) // 2
            if await self.holds(middle, plan.window_s):
                good = middle
            else:
                bad = middle
        yield good

    async def rest(self) -> None:
        """End all calls, so that another side has the core."""
        await self._load.set(0)
        await asyncio.sleep(1.0)


async def most_calls(sides: list[Side], step: int, plan: Plan) -> list[int]:
    """The largest number of calls that each holds; they are measured in turns, under the same load of others."""
    searches = {each.name: each.search(step, plan) for each in sides}
    most: dict[str, int] = {}
    while searches:
        for each in sides:
            if each.name not in searches:
                continue
            try:
                most[each.name] = await anext(searches[each.name])
            except StopAsyncIteration:
                del searches[each.name]
            if len(sides) > 1:
                await each.rest()
    return [most[each.name] for each in sides]


@asynccontextmanager
async def side(
    name: str, options: dict[str, Any], said: list[Said], *, interrupts: float, called: str = ""
) -> AsyncIterator[Side]:
    """One side, running; it may be ``called`` otherwise in what is printed."""
    profile = [f"/tmp/{name}.prof"] if os.environ.get("PROFILE") else []
    async with (
        process(str(Path(__file__).with_name("_edge_side.py")), name, json.dumps(options), *profile) as child,
        AsyncExitStack() as gateways,
    ):
        assert child.stdout is not None
        url = (await child.stdout.readline()).decode().strip()
        assert url, f"{name} ended at start"
        line = options["line"] if name == "ours" else "twilio"
        if line == "sip":
            running = running_gateway(Path(options["data_dir"]), [url], sip_max_calls=_GATEWAY_CALLS)
            url = f"sip:demo@127.0.0.1:{(await gateways.enter_async_context(running)).port}"
        load = Load(url, TOKEN, said, interrupts=interrupts, line=line)
        try:
            yield Side(called or name, child, load)
        finally:
            await load.close()


async def latencies(options: dict[str, Any], said: list[Said], plan: Plan) -> dict[str, Heard]:
    """The turns of both sides at few calls, alternating."""
    found: dict[str, Heard] = {"ours": Heard(), "stock": Heard()}
    for at in range(plan.slices):
        names = ["ours", "stock"]
        for name in names if at % 2 else reversed(names):
            async with side(name, options, said, interrupts=_INTERRUPTS) as each:
                await each.hold(_LATENCY_CALLS)
                _, heard = await each.look(plan.latency_s)
            found[name].response_ms += heard.response_ms
            found[name].clear_ms += heard.clear_ms
            found[name].counts += heard.counts
    return found


async def compare_lines(lines: list[str], options: dict[str, Any], said: list[Said], plan: Plan) -> dict[str, Any]:
    """How many calls our edge holds by each line, and what a call costs by each with as many calls by the others."""
    async with AsyncExitStack() as stack:
        sides = [
            await stack.enter_async_context(side("ours", options | {"line": line}, said, interrupts=0.0, called=line))
            for line in lines
        ]
        most = await most_calls(sides, 8, plan)
    result: dict[str, Any] = {}
    for each, calls in zip(sides, most, strict=True):
        result |= capacity(f"{each.name}_", calls, each.rungs)
    shared = set.intersection(*(set(each.rungs) for each in sides))
    for calls in sorted(shared):
        for each in sides:
            result[f"{each.name}_cpu_ms_per_call_s_at_{calls}"] = each.rungs[calls]["cpu_ms_per_call_s"]
    for each, calls in zip(sides[1:], most[1:], strict=True):
        result[f"{each.name}_over_{sides[0].name}"] = round(calls / max(1, most[0]), 2)
    return result


async def measure(plan: Plan, sides: list[str], lines: list[str]) -> dict[str, Any]:
    cores = sorted(os.sched_getaffinity(0))
    assert len(cores) > 1, "the edge needs a core to itself, and the rest another"
    os.sched_setaffinity(0, set(cores[:-1]))
    speech = await asyncio.to_thread(LocalSpeech.load)
    said = [
        Said.of(each.samples) for each in synthesize_lines([ScriptLine(text) for text in QUESTIONS], speech.synthesize)
    ]
    del speech
    result: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(EmbeddedServer(folder))
        environment = {"ORCHESTRA_REDIS_URL": server.url, "ORCHESTRA_LOG_LEVEL": "warning"}
        agents = ("-m", "orchestra.cli", "worker", "tests.bench._edge_agents:consumer")
        await stack.enter_async_context(process(*agents, **environment, ORCHESTRA_DATA_DIR=str(folder)))
        options = {"core": cores[-1], "redis_url": server.url, "data_dir": str(folder), "line": lines[0]}
        if len(lines) > 1:
            return await compare_lines(lines, options, said, plan) | {"load": round(os.getloadavg()[0], 1)}
        for name in sides:
            async with side(name, options, said, interrupts=0.0) as each:
                (most,) = await most_calls([each], 8 if name == "ours" else 4, plan)
                result |= capacity("" if name == "ours" else "stock_", most, each.rungs)
        if len(sides) > 1:
            result |= summary(await latencies(options, said, plan))
    return result | {"load": round(os.getloadavg()[0], 1)}


def capacity(prefix: str, most: int, rungs: dict[int, dict[str, float]]) -> dict[str, Any]:
    few, many = min(rungs), max([most, *(calls for calls in rungs if calls <= most)])
    found: dict[str, Any] = {f"{prefix}calls_per_core": most}
    if most in rungs:
        found[f"{prefix}cpu_ms_per_call_s"] = rungs[most]["cpu_ms_per_call_s"]
        found[f"{prefix}turn_p50_ms_at_most_calls"] = rungs[most].get("turn_p50_ms")
    prompt = [at for at, rung in rungs.items() if at <= most and rung.get("turn_p50_ms", math.inf) <= _PROMPT_MS]
    found[f"{prefix}prompt_calls_per_core"] = max(prompt, default=0)
    if many > few:
        found[f"{prefix}mb_per_call"] = round((rungs[many]["mb"] - rungs[few]["mb"]) / (many - few), 2)
    return found


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def summary(found: dict[str, Heard]) -> dict[str, Any]:
    ours, stock = found["ours"].response_ms, found["stock"].response_ms
    clear = found["ours"].clear_ms
    at = {(name, share): percentile(values, share) for name, values in (("ours", ours), ("stock", stock))
          for share in (0.5, 0.99)}  # fmt: skip
    return {
        "turn_p50_ms": round(at["ours", 0.5], 1),
        "turn_p99_ms": round(at["ours", 0.99], 1),
        "stock_turn_p50_ms": round(at["stock", 0.5], 1),
        "stock_turn_p99_ms": round(at["stock", 0.99], 1),
        "turn_latency_over_stock_ms_p50": round(at["ours", 0.5] - at["stock", 0.5], 1),
        "turn_latency_over_stock_ms_p99": round(at["ours", 0.99] - at["stock", 0.99], 1),
        "bargein_to_clear_ms_p50": round(statistics.median(clear)),
        "bargein_to_clear_ms_p95": round(percentile(clear, 0.95)),
        "stock_bargein_to_clear_ms_p50": round(statistics.median(found["stock"].clear_ms)),
        "turns": len(ours),
        "stock_turns": len(stock),
        "bargeins": len(clear),
        "unanswered": found["ours"].counts["unanswered"],
        "stock_unanswered": found["stock"].counts["unanswered"],
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench edge", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="short windows and few calls: whether it works")
    parser.add_argument("--side", choices=["ours", "stock"], help="only how many calls this side holds")
    how = f"how our callers come: {', '.join(sorted(LINES))}; several, with commas between them, are compared in turns"
    parser.add_argument("--line", default="twilio", help=how)
    options = parser.parse_args(arguments)
    plan = QUICK if options.quick else Plan()
    lines = options.line.split(",")
    if not set(lines) <= set(LINES):
        parser.error(f"--line {options.line}: there are {', '.join(sorted(LINES))}")
    result = uvloop.run(measure(plan, [options.side] if options.side else ["ours", "stock"], lines))
    if "stock_calls_per_core" in result and "calls_per_core" in result:
        result["ratio"] = round(result["calls_per_core"] / max(1, result["stock_calls_per_core"]), 2)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:34} {value}")
