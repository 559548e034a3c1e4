"""What `orchestra load` adds to what callers wait, beside this benchmark's own light callers, on the same system.

Both call in turns, as many at a time, a system with the vendors' servers of the benchmark `caller`. What a turn takes
there differs from turn to turn, so each side's waits are compared with what the journal says of its own turns:
`over_journal_ms` is by how much the median of what callers waited exceeds that of the edge. `added_percent` is how much
more of it the command's callers have than the light ones. `callers_late_ms` is how late each side's process was (p99).
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from orchestra.evaluation.load.callers import Experienced, LoadCallers
from orchestra.evaluation.load.report import late_p99_ms
from orchestra.simulator import Caller, ScriptLine, Utterance, synthesize_lines
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import Event, TurnMeasured
from tests.bench._edge_callers import Load, Said
from tests.bench._edge_side import Probe
from tests.bench.caller import QUESTIONS, events_of, orchestra, percentile, process

_TOKEN = "a local token"
_TURNS, _LINE = 8, "Until when is the depot open today?"
_SETTLED_S = 3.0


@dataclass
class Side:
    """What one side's callers waited in ms, and its own process: how late it was, and its processor time."""

    waits_ms: list[float] = field(default_factory=list)
    late_ms: float = 0.0
    cpu_s: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)

    async def slice(self, run: Coroutine[Any, Any, tuple[list[float], float]]) -> None:
        """Add a slice of this side."""
        began, cpu_s = time.time(), time.process_time()
        waits_ms, late_ms = await run
        self.spans.append((began, time.time()))
        self.waits_ms += waits_ms
        self.late_ms = max(self.late_ms, late_ms)
        self.cpu_s += time.process_time() - cpu_s

    def journal_ms(self, events: list[Event]) -> list[float]:
        """What the edge has measured of the same turns."""
        return [
            event.total_ms
            for event in events
            if isinstance(event, TurnMeasured) and event.total_ms and any(a <= event.at < b for a, b in self.spans)
        ]


async def light(url: str, says: list[Utterance], calls: int, seconds: float) -> tuple[list[float], float]:
    """What the benchmark's callers wait, in ms, and how late their process is."""
    load = Load(url, _TOKEN, [Said.of(each.samples) for each in says], interrupts=0.0)
    try:
        await load.set(calls)
        await asyncio.sleep(_SETTLED_S)
        load.read()
        probe = Probe()
        probing = asyncio.create_task(probe.run())
        await asyncio.sleep(seconds)
        probing.cancel()
        return load.read().response_ms, probe.read()["lag_p99_ms"]
    finally:
        await load.close()


async def command(url: str, says: list[Utterance], calls: int, seconds: float) -> tuple[list[float], float]:
    """What the command's callers wait, in ms, and how late their process is."""
    callers = LoadCallers(lambda _: Caller(url, _TOKEN), says, number=calls, ramp_s=0.12 * calls)
    await callers.run(seconds + _SETTLED_S)
    found: Experienced = callers.read()
    return [1000 * wait for wait in found.waits_s], late_p99_ms(found)


async def measure(calls: list[int], seconds: float, rounds: int) -> dict[str, Any]:
    load_before = round(os.getloadavg()[0], 1)
    cores = os.sched_getaffinity(0)
    of_edge = {max(cores)} if len(cores) > 1 else cores
    speech = await asyncio.to_thread(LocalSpeech.load)
    says = synthesize_lines([ScriptLine(text) for text in QUESTIONS], speech.synthesize)
    del speech
    os.sched_setaffinity(0, cores - of_edge or cores)
    result: dict[str, Any] = {}
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        order = {"line": _LINE, "turns": _TURNS, "calls": 400, "sides": 1}
        vendors = await opened.enter_async_context(process("-m", "tests.bench._vendors", json.dumps(order)))
        assert vendors.stdout is not None
        (ours,) = json.loads(await vendors.stdout.readline())
        started = await opened.enter_async_context(orchestra(ours, folder, "speech", of_edge))
        for count in calls:
            sides = {"bench": Side(), "load": Side()}
            for at in range(rounds):
                for name in ("bench", "load") if at % 2 else ("load", "bench"):
                    run = light if name == "bench" else command
                    await sides[name].slice(run(started.url, says, count, seconds))
            events = await events_of(started, folder)
            result[f"calls_{count}"] = _summary(sides, events)
    return result | {"load_before": load_before, "load_after": round(os.getloadavg()[0], 1)}


def _summary(sides: dict[str, Side], events: list[Event]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    over: dict[str, float] = {}
    for name, side in sides.items():
        waited, measured = statistics.median(side.waits_ms), side.journal_ms(events)
        over[name] = waited - statistics.median(measured)
        found |= {
            f"{name}_p50_ms": round(waited),
            f"{name}_p95_ms": round(percentile(side.waits_ms, 0.95)),
            f"{name}_turns": len(side.waits_ms),
            f"{name}_journal_p50_ms": round(statistics.median(measured)),
            f"{name}_over_journal_ms": round(over[name]),
            f"{name}_callers_late_ms": round(side.late_ms, 1),
            f"{name}_callers_cpu_s": round(side.cpu_s, 1),
        }
    added_ms = over["load"] - over["bench"]
    return {"added_percent": round(100 * added_ms / statistics.median(sides["bench"].waits_ms), 1)} | found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench load", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--calls", type=int, nargs="+", default=[4, 12], help="calls at the same time")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a slice of one side")
    parser.add_argument("--rounds", type=int, default=2, help="slices of each side")
    options = parser.parse_args(arguments)
    result = uvloop.run(measure(options.calls, options.seconds, options.rounds))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:20} {value}")
