"""Shipping to OpenObserve: throughput of the logging worker on one core, memory, lag, and the speed of redaction.

The journal holds mixed events as in real calls, two in five of them audio. The server is the stand-in of the tests, in
a process of its own. The baseline is the simplest loop, one POST per event. The curator is measured against the real
Label Studio, which takes a minute or two to start; ``--no-curator`` omits it.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import redis
import uvloop

from orchestra.bus import EmbeddedServer
from orchestra.bus.keys import key, new_call
from orchestra.bus.stream.encode import encode_event, fill_header
from orchestra.telemetry.redaction import Redaction
from tests.bench._ship_events import CallOfTurns
from tests.bench.curator import CALLS, measure_curator
from tests.servers.label_studio_itself import TOKEN, label_studio

UNBATCHED = 2_000


@contextlib.asynccontextmanager
async def role(name: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the benchmark, once it is ready; terminated at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench._ship_roles", name, json.dumps(options),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def result(name: str, **options: Any) -> dict[str, Any]:
    """Run a process to its end and return its result."""
    async with role(name, **options) as process:
        assert await line(process) == "ready"
        found: dict[str, Any] = json.loads(await line(process))
    return found


def fill_journal(client: "redis.Redis[bytes]", count: int) -> list[bytes]:
    """``count`` events of 200 calls over 16 partitions; returns their bodies."""
    client.flushall()
    names = [new_call(number % 16, time.time_ns() // 1_000_000) for number in range(200)]
    calls, pipe, bodies = [CallOfTurns(name) for name in names], client.pipeline(transaction=False), []
    for number in range(count):
        place = number % len(names)
        event = fill_header(calls[place].next(), f"{names[place]}:edge-1a2b3c.{number}", time.time(), "edge", "")
        encoded = encode_event(event)
        fields = encoded.fields()
        pipe.xadd(key(place % 16, encoded.stream), dict(zip(fields[::2], fields[1::2], strict=True)))
        bodies.append(encoded.body)
        if number % 1000 == 999:
            pipe.execute()
    pipe.execute()
    return bodies


def redaction_speed(bodies: list[bytes]) -> float:
    """MB of event JSON per second and core."""
    redaction, sample = Redaction(), bodies[:20_000]
    started = time.process_time()
    for body in sample:
        redaction.body(body)
    return sum(map(len, sample)) / (time.process_time() - started) / 1e6


async def measure(count: int, seconds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        async with EmbeddedServer(Path(folder)) as server, role("sink") as sink:
            url = await line(sink)
            client = redis.Redis.from_url(server.url)
            async with httpx.AsyncClient(base_url=url) as http:
                bodies = fill_journal(client, count)
                options = {"url": server.url, "sink": url}
                shipped = await result("ship", **options, count=count)
                whole = (await http.get("/stats")).json()
                await http.post("/reset")
                fill_journal(client, UNBATCHED)
                plain = await result("unbatched", **options, count=UNBATCHED)
                await http.post("/reset")
                client.flushall()
                async with role("ship", **options, count=1000 * seconds) as worker:
                    assert await line(worker) == "ready"
                    async with role("steady", **options, rate=1000, seconds=seconds) as load:
                        await line(load)
                    await line(worker)
                steady = (await http.get("/stats")).json()
            client.close()
    assert whole["distinct"] == count, f"{count - whole['distinct']} events are missing"
    per_core, plain_per_core = count / shipped["cpu_s"], plain["count"] / plain["cpu_s"]
    return {
        "events": count,
        "events_per_s_per_core": round(per_core),
        "events_per_s": round(count / shipped["wall_s"]),
        "requests": whole["requests"],
        "rows_twice": whole["count"] - whole["distinct"],
        "bytes_per_event": round(shipped["bytes"] / count),
        "peak_rss_mb": round(shipped["peak_rss_mb"], 1),
        "lag_p50_ms": round(steady["lag_p50_ms"]),
        "lag_p99_ms": round(steady["lag_p99_ms"]),
        "redact_mb_per_s": round(redaction_speed(bodies), 1),
        "unbatched_per_s_per_core": round(plain_per_core),
        "vs_unbatched": round(per_core / plain_per_core, 1),
        "bench_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench ship", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=15, help="length of the steady load for the lag")
    parser.add_argument("--calls", type=int, default=CALLS, help="calls for the curator")
    parser.add_argument("--no-curator", action="store_true", help="do not start Label Studio")
    options = parser.parse_args(arguments)
    found = uvloop.run(measure(options.events, options.seconds))
    if not options.no_curator:
        with tempfile.TemporaryDirectory(prefix="label-studio-") as folder, label_studio(Path(folder)) as url:
            found |= uvloop.run(measure_curator(url, TOKEN, calls=options.calls))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:28} {value}")
