"""The platform's own part of a turn: from `UserTurnEnded` published to first `ReplyChunk` read, with an instant model.

This process is the edge; orchestration and execution are `orchestra worker` processes with the demo's team. The
baseline, on the same server and in the same run, is three bare redis-py hops over three processes: the minimum for such
a path. Both get the same load in short alternating slices, so that other load on the machine affects both. A call has a
turn every 2 s on average, at random moments: about twice as often as people do.

`stages_p50_ms`: to the request of the prompt, then to the chunk, then to the edge.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import redis.asyncio
import uvloop

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra_schemas import (
    CallStarted,
    PromptRequested,
    ReplyChunk,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
    tag_of,
)
from tests.bench._raw_hop import Sample, decode, encode, rows
from tests.bench._zero_model import PLAIN, WITH_TOOL

PACE_S = 2.0
WORKERS = {"orchestration": "orchestration", "execution": "tests.bench._zero_model:consumer"}
_RAW_HOP = str(Path(__file__).with_name("_raw_hop.py"))
_HOMES = [3, 11]
_LATE_S = 20.0
_WANTED = {tag_of(kind) for kind in (PromptRequested, ReplyChunk, TurnCompleted)}

Turn = Callable[[int], Awaitable[float]]


class Edge:
    """The calls, as an edge holds them: home partitions, one publisher, one reader."""

    def __init__(self, bus: Bus, calls: int) -> None:
        self._bus = bus
        self._publisher = bus.publisher("edge-bench")
        self._calls = [bus.new_call(_HOMES) for _ in range(calls)]
        self._turns = [0] * calls
        self._sent_at: dict[tuple[str, int], float] = {}
        self._asked_at: dict[tuple[str, int], float] = {}
        #: ms from `UserTurnEnded` to the request, from there to the chunk, and from there to the edge
        self.stages: list[tuple[float, ...]] = []
        self._waiting: dict[tuple[str, int], asyncio.Future[float]] = {}
        self._completed: dict[tuple[str, int], asyncio.Future[None]] = {}

    async def begin(self) -> None:
        """Start the calls, and ask each for its parcel: from then on their agent is `tracking`."""
        for call in self._calls:
            self._publisher.publish(CallStarted(call=call, greeting="Welcome to Swift Parcel.", app="parcels"))
        for number in range(len(self._calls)):
            await self.turn(number, WITH_TOOL)

    async def turn(self, number: int, text: str) -> float:
        """One turn of one call: seconds until the first chunk. Returns when the turn is complete."""
        loop = asyncio.get_running_loop()
        self._turns[number] += 1
        key = self._calls[number], self._turns[number]
        first = self._waiting[key] = loop.create_future()
        done = self._completed[key] = loop.create_future()
        started = time.perf_counter()
        self._sent_at[key] = self._publisher.publish(UserTurnEnded(call=key[0], turn=key[1], text=text)).at
        async with asyncio.timeout(_LATE_S):
            latency: float = await first - started
            await done
        self._publisher.publish(ReplySpoken(call=key[0], turn=key[1], text="It is open until eight."))
        return latency

    async def read(self, ready: asyncio.Event) -> None:
        """Read the agents' replies, until cancelled."""
        follow = self._bus.follow(_HOMES)
        await follow.start()
        ready.set()
        async for entry in follow:
            event = entry.event() if entry.type in _WANTED else None
            if isinstance(event, PromptRequested):
                self._asked_at[event.call, event.turn] = event.at
            elif isinstance(event, ReplyChunk) and event.index == 0:
                key = event.call, event.turn
                self._waiting.pop(key).set_result(time.perf_counter())
                moments = self._sent_at.pop(key), self._asked_at.pop(key), event.at, time.time()
                self.stages.append(tuple((end - start) * 1000 for start, end in itertools.pairwise(moments)))
            elif isinstance(event, TurnCompleted):
                assert not event.failed, f"turn {event.id} failed"
                self._completed.pop((event.call, event.turn)).set_result(None)


class RawHops:
    """Three streams, one per hop, and the waiters for the last."""

    def __init__(self, url: str) -> None:
        self._client = redis.asyncio.from_url(url, socket_timeout=None)
        self._reader = redis.asyncio.from_url(url, socket_timeout=None)
        self._waiting: dict[int, asyncio.Future[float]] = {}
        self._sent = 0

    async def turn(self, _: int) -> float:
        """Seconds for three hops."""
        self._sent += 1
        arrived = self._waiting[self._sent] = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        await self._client.xadd("raw:1", {"body": encode(Sample(self._sent))})
        async with asyncio.timeout(_LATE_S):
            latency: float = await arrived - started
            return latency

    async def read(self, ready: asyncio.Event) -> None:
        """Read the results, until cancelled."""
        await self._reader.xgroup_create("raw:3", "raw", "0", mkstream=True)
        ready.set()
        while True:
            for stream_id, fields in rows(
                await self._reader.xreadgroup("raw", "one", {"raw:3": ">"}, count=100, block=0)
            ):
                self._waiting.pop(decode(fields[b"body"]).number).set_result(time.perf_counter())
                await self._reader.xack("raw:3", "raw", stream_id)

    async def close(self) -> None:
        await self._client.aclose()
        await self._reader.aclose()


@asynccontextmanager
async def running(read: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    """Run this reader during the block."""
    ready = asyncio.Event()
    task = asyncio.ensure_future(read(ready))
    waiting = asyncio.ensure_future(ready.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def process(*command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is terminated at the end of the block."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=os.environ | environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.communicate()


async def owned(bus: Bus) -> None:
    """Wait until the workers own every partition."""
    async with asyncio.timeout(60):
        while True:
            have = {(group.group, group.partition) for group in await bus.groups() if group.owner}
            if all((name, partition) in have for name in WORKERS for partition in range(bus.partitions)):
                return
            await asyncio.sleep(0.05)


def cpu_s(pids: list[int]) -> float:
    """CPU seconds that processes have used so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def paced(calls: int, seconds: float, turn: Turn) -> list[float]:
    """The latencies in ms of turns at random moments, on average one in `PACE_S` for each call."""
    end = time.monotonic() + seconds

    async def call(number: int) -> list[float]:
        latencies: list[float] = []
        while True:
            pause = random.expovariate(1 / PACE_S)
            if time.monotonic() + pause > end:
                return latencies
            await asyncio.sleep(pause)
            latencies.append(await turn(number) * 1000)

    return [latency for each in await asyncio.gather(*map(call, range(calls))) for latency in each]


async def compare(url: str, folder: Path, calls: int, slices: int, seconds: float) -> dict[str, Any]:
    """The latencies of all kinds of turns at this many calls."""
    found: dict[str, list[float]] = {"raw": [], "turn": [], "tool": []}
    stages: list[tuple[float, ...]] = []
    work_s = 0.0
    async with AsyncExitStack() as stack:
        environment = {"ORCHESTRA_REDIS_URL": url, "ORCHESTRA_DATA_DIR": str(folder), "ORCHESTRA_LOG_LEVEL": "warning"}
        workers = [
            await stack.enter_async_context(process("-m", "orchestra.cli", "worker", place, **environment))
            for place in WORKERS.values()
        ]
        for source, target in (("raw:1", "raw:2"), ("raw:2", "raw:3")):
            hop = await stack.enter_async_context(process(_RAW_HOP, url, source, target))
            assert hop.stdout is not None
            await hop.stdout.readline()
        bus = await Bus.connect(Settings(redis_url=url, data_dir=folder))
        stack.push_async_callback(bus.close)
        await owned(bus)
        edge, raw = Edge(bus, calls), RawHops(url)
        stack.push_async_callback(raw.close)
        await stack.enter_async_context(running(edge.read))
        await stack.enter_async_context(running(raw.read))
        await edge.begin()
        await paced(calls, 1.0, raw.turn)
        kinds: list[tuple[str, Turn]] = [
            ("raw", raw.turn),
            ("turn", lambda number: edge.turn(number, PLAIN)),
            ("tool", lambda number: edge.turn(number, WITH_TOOL)),
        ]
        for at in range(slices):
            for kind, turn in kinds if at % 2 else reversed(kinds):
                edge.stages.clear()
                before = cpu_s([worker.pid for worker in workers])
                found[kind] += await paced(calls, seconds if kind != "tool" else seconds / 2, turn)
                if kind == "turn":
                    stages += edge.stages
                    work_s += cpu_s([worker.pid for worker in workers]) - before
    return {"latencies": found, "stages": stages, "turns_per_s_per_core": len(found["turn"]) / work_s}


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def summary(result: dict[str, Any]) -> dict[str, Any]:
    found = result["latencies"]
    at = {(kind, share): percentile(found[kind], share) for kind in found for share in (0.5, 0.99)}
    return {
        "turn_p50_ms": round(at["turn", 0.5], 2),
        "turn_p99_ms": round(at["turn", 0.99], 2),
        "tool_turn_p50_ms": round(at["tool", 0.5], 2),
        "tool_turn_p99_ms": round(at["tool", 0.99], 2),
        "turns_per_s_per_core": round(result["turns_per_s_per_core"]),
        "raw_three_hops_p50_ms": round(at["raw", 0.5], 2),
        "raw_three_hops_p99_ms": round(at["raw", 0.99], 2),
        "ratio_p50": round(at["turn", 0.5] / at["raw", 0.5], 2),
        "ratio_p99": round(at["turn", 0.99] / at["raw", 0.99], 2),
        "stages_p50_ms": [round(statistics.median(part), 2) for part in zip(*result["stages"], strict=True)],
        "turns": len(found["turn"]),
        "load": round(os.getloadavg()[0], 1),
    }


async def measure(calls: list[int], slices: int, seconds: float) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for count in calls:
        with tempfile.TemporaryDirectory() as folder:
            async with EmbeddedServer(Path(folder)) as server:
                result = await compare(server.url, Path(folder), count, slices, seconds)
        results[f"calls_{count}"] = summary(result)
    return results


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench turn", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--calls", type=int, nargs="+", default=[25, 100])
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a slice")
    options = parser.parse_args(arguments)
    results = uvloop.run(measure(options.calls, options.slices, options.seconds))
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for name, result in results.items():
        print(name)
        for key, value in result.items():
            print(f"  {key:24} {value}")
