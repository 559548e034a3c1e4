"""The bus against its alternatives: CPU per event of client and server, latency, take-over time.

Every row is a process of its own with at most one core of work; the rows of a round follow one another on the same
server, and the ratios are medians over the rounds. CPU time is compared instead of wall time, because other load on
the machine affects it less.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import redis
import uvloop

from orchestra.bus import EmbeddedServer
from orchestra.bus.keys import key

ROLES = str(Path(__file__).with_name("_bus_roles.py"))
FASTSTREAM = ("faststream[redis]==0.7.8", "uvloop")
LEASE_MS = 2000
LIMIT_S = 120


class Bench:
    """One server and the processes that run against it, one after another."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.url = server.url
        self.client = redis.Redis.from_url(server.url)

    def command(self, role: str, options: dict[str, Any], packages: tuple[str, ...] = ()) -> list[str]:
        text = json.dumps({"url": self.url, **options})
        if not packages:
            return [sys.executable, ROLES, role, text]
        wanted = [part for package in packages for part in ("--with", package)]
        return ["uv", "run", "--no-project", "--quiet", *wanted, "python", ROLES, role, text]

    async def run(self, role: str, options: dict[str, Any], packages: tuple[str, ...] = ()) -> dict[str, Any]:
        before = self._server_cpu()
        process = await asyncio.create_subprocess_exec(
            *self.command(role, options, packages), stdout=asyncio.subprocess.PIPE
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        except TimeoutError:
            process.kill()
            sys.exit(f"{role} did not end within {LIMIT_S} s")
        if process.returncode != 0:
            sys.exit(f"{role} failed with {process.returncode}")
        result: dict[str, Any] = json.loads(out.splitlines()[-1])
        result["server_us"] = (self._server_cpu() - before) / max(1, options.get("count", 1)) * 1e6
        return result

    def _server_cpu(self) -> float:
        info = self.client.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def fill(self, count: int, partitions: int) -> None:
        """Events of 50 calls over the partitions."""
        self.client.flushall()
        pipe = self.client.pipeline(transaction=False)
        for number in range(count):
            call = f"{number % 50 % partitions:02d}-0199a2b4-77f0-7abc-8def-{number % 50:012d}"
            body = json.dumps({
                "type": "sample.taken", "call": call, "id": f"{call}:edge-1.{number}", "at": 1763830000.0,
                "source": "edge", "trace": "00-0199a2b477f07abc8def000000000001-00f067aa0ba902b7-01",
                "seq": number, "text": "x" * 40,
            })  # fmt: skip
            fields = {"type": "sample.taken", "call": call, "id": f"{call}:edge-1.{number}", "body": body}
            pipe.xadd(key(number % 50 % partitions, "events"), fields)
            if number % 1000 == 999:
                pipe.execute()
        pipe.execute()

    async def fill_faststream(self, count: int) -> None:
        """Copies of an entry that FastStream itself has published."""
        self.client.flushall()
        event = {"call": "00-1", "id": "e1", "at": 0.0, "seq": 1, "text": "x" * 190}
        await self.run("faststream_seed", {"event": event}, FASTSTREAM)
        ((_, fields),) = self.client.xrange("fast")
        self.client.xgroup_create("fast", "fast", "0")  # FastStream itself would begin at the end
        pipe = self.client.pipeline(transaction=False)
        for number in range(count):
            pipe.xadd("fast", fields)
            if number % 1000 == 999:
                pipe.execute()
        pipe.execute()

    async def latency(self, reader: str, writer: str, options: dict[str, Any]) -> list[float]:
        """Latency from publish to handler in ms, writer and reader in processes of their own."""
        process = await asyncio.create_subprocess_exec(
            *self.command(reader, {**options, "announce": True}), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert (await process.stdout.readline()).strip() == b"ready"
        await self.run(writer, options)
        result = json.loads((await process.stdout.read()).splitlines()[-1])
        await process.wait()
        return list(result["latencies"])

    async def takeover(self) -> float:
        """Seconds from the SIGKILL of one of two workers until the last of its partitions is served again."""
        self.client.flushall()
        options = {"partitions": 16, "lease_ms": LEASE_MS}
        workers = [
            await asyncio.create_subprocess_exec(*self.command("relay", options), stdout=asyncio.subprocess.PIPE)
            for _ in range(2)
        ]
        try:
            return await self._takeover(workers)
        finally:
            for worker in workers:
                if worker.returncode is None:
                    worker.kill()
                await worker.wait()

    async def _takeover(self, workers: list[asyncio.subprocess.Process]) -> float:
        deadline = time.monotonic() + 30
        while True:
            owners = [self.client.get(key(partition, "lease", "relay")) or b"" for partition in range(16)]
            counts = [sum(f"-{worker.pid}-".encode() in owner for owner in owners) for worker in workers]
            if counts == [8, 8]:
                break
            assert time.monotonic() < deadline, f"the partitions were not shared: {counts}"
            await asyncio.sleep(0.05)
        await asyncio.sleep(LEASE_MS / 1000)  # any moment between two renewals is as good as another
        workers[0].kill()
        for partition in range(16):
            call = f"{partition:02d}-x"
            body = json.dumps({"type": "sample.taken", "call": call, "seq": partition, "sent": time.monotonic()})
            fields = {"type": "sample.taken", "call": call, "id": f"e{partition}", "body": body}
            self.client.xadd(key(partition, "events"), fields)
        late: dict[int, float] = {}
        stdout = workers[1].stdout
        assert stdout is not None
        while len(late) < 16:
            line = json.loads(await asyncio.wait_for(stdout.readline(), 30))
            late[line["seq"]] = line["late_s"]
        return max(late.values())


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def measure(rounds: int, scale: float, *, peers: bool) -> dict[str, Any]:
    counts = {"engine": int(60_000 * scale), "batch": int(20_000 * scale), "single": int(3_000 * scale)}
    rows: dict[str, list[dict[str, Any]]] = {}
    latencies: dict[str, list[float]] = {"engine": [], "raw": []}
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedServer(Path(folder)) as server:
            bench = Bench(server)
            for _ in range(rounds):
                for role, partitions in (
                    ("engine", 16), ("raw", 1), ("engine_output", 16), ("engine", 1), ("engine", 64), ("raw", 16),
                ):  # fmt: skip
                    bench.fill(counts["engine"], partitions)
                    result = await bench.run(role, {"count": counts["engine"], "partitions": partitions})
                    rows.setdefault(f"{role}_{partitions}", []).append(result)
                for role, count in (("faststream_batch", "batch"), ("faststream_single", "single")) if peers else ():
                    await bench.fill_faststream(counts[count])
                    result = await bench.run(role, {"count": counts[count]}, FASTSTREAM)
                    rows.setdefault(role, []).append(result)
                pace = {"count": int(800 * scale), "rate": 200}
                bench.client.flushall()  # in parallel, so that other load on the machine affects both alike
                ours, theirs = await asyncio.gather(
                    bench.latency("engine", "publisher", {**pace, "partitions": 16}),
                    bench.latency("raw", "raw_publisher", {**pace, "partitions": 1, "prefix": "raw"}),
                )
                latencies["engine"] += ours
                latencies["raw"] += theirs
            takeover = max([await bench.takeover() for _ in range(rounds)])
    return summary(rows, latencies, takeover)


def summary(
    rows: dict[str, list[dict[str, Any]]], latencies: dict[str, list[float]], takeover: float
) -> dict[str, Any]:
    per_core = {name: [1e6 / row["cpu_us"] for row in found] for name, found in rows.items()}

    def ratio(one: str, other: str) -> float | None:
        if one not in per_core or other not in per_core:
            return None
        return round(statistics.median(a / b for a, b in zip(per_core[one], per_core[other], strict=True)), 2)

    def middle(name: str) -> int | None:
        return round(statistics.median(per_core[name])) if name in per_core else None

    def latency_ratio(share: float) -> float:
        return round(percentile(latencies["engine"], share) / percentile(latencies["raw"], share), 2)

    def latency(name: str, share: float) -> float:
        return round(percentile(latencies[name], share), 3)

    return {
        "engine_per_core": middle("engine_16"),
        "raw_per_core": middle("raw_16"),
        "faststream_batch_per_core": middle("faststream_batch"),
        "faststream_single_per_core": middle("faststream_single"),
        "engine_vs_raw": ratio("engine_16", "raw_16"),
        "engine_vs_raw_one_stream": ratio("engine_16", "raw_1"),
        "engine_with_output_vs_raw": ratio("engine_output_16", "raw_16"),
        "engine_vs_faststream_batch": ratio("engine_16", "faststream_batch"),
        "engine_vs_faststream_single": ratio("engine_16", "faststream_single"),
        "latency_p50_vs_raw": latency_ratio(0.5),
        "latency_p99_vs_raw": latency_ratio(0.99),
        "takeover_s": round(takeover, 2),
        "lease_s": LEASE_MS / 1000,
        "engine_1_partition_per_core": middle("engine_1"),
        "engine_64_partitions_per_core": middle("engine_64"),
        "engine_with_output_per_core": middle("engine_output_16"),
        "latency_ms": {name: {"p50": latency(name, 0.5), "p99": latency(name, 0.99)} for name in latencies},
        "server_us": {
            name: round(statistics.median(row["server_us"] for row in found), 1) for name, found in rows.items()
        },
        "wall_per_s": {name: round(statistics.median(row["per_s"] for row in found)) for name, found in rows.items()},
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench bus", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of events")
    parser.add_argument(
        "--no-peers", action="store_true", help="leave FastStream out (it is fetched from the registry)"
    )
    options = parser.parse_args(arguments)
    result = uvloop.run(measure(options.rounds, options.scale, peers=not options.no_peers))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:32} {value}")
