"""One process of the shipping benchmark: ``python -m tests.bench._ship_roles ROLE '{"url": …}'``.

It prints a line when it is ready and one line of JSON at its end.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import redis.asyncio
import structlog
import uvloop
from aiohttp import web

from orchestra.bus import Bus, run_consumer
from orchestra.settings import Settings
from orchestra.telemetry.logging_handlers import Logging
from tests.bench._ship_events import CallOfTurns
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer


class Stored(msgspec.Struct):
    """The parts of a row that are kept."""

    event_id: str
    event_at: float


_rows = msgspec.json.Decoder(list[Stored]).decode


class CountingServer(OpenObserveServer):
    """The stand-in for OpenObserve that counts stored rows and their lag, and keeps the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.ids_seen: set[str] = set()
        self.count = self.bytes = 0
        self.lags: list[float] = []

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/stats", self._stats), web.post("/reset", self._reset)]

    async def _json(self, request: web.Request) -> web.Response:
        """Fast, so that the benchmark does not measure this server."""
        self._admit(request)
        rows, now = _rows(await request.read()), time.time()
        self.ids_seen.update(row.event_id for row in rows)
        self.count += len(rows)
        self.lags += [(now - row.event_at) * 1000 for row in rows]
        return web.json_response({"code": 200, "status": [{"name": "s", "successful": len(rows), "failed": 0}]})

    async def _stats(self, _: web.Request) -> web.Response:
        lags = sorted(self.lags) or [0.0]
        return web.json_response({
            "count": self.count, "distinct": len(self.ids_seen), "requests": self.requests,
            "lag_p50_ms": lags[len(lags) // 2], "lag_p99_ms": lags[int(len(lags) * 0.99)],
        })  # fmt: skip

    async def _reset(self, _: web.Request) -> web.Response:
        self.count = self.requests = 0
        self.ids_seen.clear()
        self.lags.clear()
        return web.json_response({})


async def sink(_: dict[str, Any]) -> dict[str, Any]:
    """Run the server until standard input is closed."""
    async with CountingServer() as server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    return {}


def settings_of(options: dict[str, Any]) -> Settings:
    return Settings(
        redis_url=options["url"], data_dir=Path("/nowhere"), openobserve_url=options["sink"], openobserve_user=USER,
        openobserve_password=PASSWORD,  # type: ignore[arg-type]
    )  # fmt: skip


async def ship(options: dict[str, Any]) -> dict[str, Any]:
    """The logging worker, until it has shipped ``count`` events."""
    bus = await Bus.connect(settings_of(options))
    stop, ready, worker = asyncio.Event(), asyncio.Event(), Logging()
    wall, cpu = time.perf_counter(), time.process_time()
    running = asyncio.create_task(run_consumer(worker.consumer, bus, stop=stop, ready=ready))
    await ready.wait()
    print("ready", flush=True)
    while worker._shipper.shipped < options["count"]:  # noqa: ASYNC110 - the worker has to get there
        await asyncio.sleep(0.02)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sent = worker._shipper._sink.bytes_sent
    stop.set()
    await running
    await bus.close()
    return {
        "cpu_s": cpu, "wall_s": wall, "bytes": sent,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


async def unbatched(options: dict[str, Any]) -> dict[str, Any]:
    """The simplest version: read, one POST an event, one XACK an event."""
    client = redis.asyncio.from_url(options["url"])
    keys = [f"orchestra:{{p{partition:02d}}}:{stream}" for partition in range(16) for stream in ("events", "media")]
    for key in keys:
        await client.xgroup_create(key, "plain", "0", mkstream=True)
    print("ready", flush=True)
    done, wall, cpu = 0, time.perf_counter(), time.process_time()
    async with httpx.AsyncClient(base_url=f"{options['sink']}/api/default", auth=(USER, PASSWORD)) as http:
        while done < options["count"]:
            reply = await client.xreadgroup("plain", "one", dict.fromkeys(keys, ">"), count=10)
            for key, entries in reply.items() if isinstance(reply, dict) else reply:
                rows = entries[0] if entries and isinstance(entries[0], list) else entries
                for stream_id, fields in rows:
                    event = json.loads(fields[b"body"])
                    row = {"event_id": event["id"], "event_at": event["at"], "body": fields[b"body"].decode()}
                    answer = await http.post("/plain/_json", json=[row])
                    answer.raise_for_status()
                    await client.xack(key, "plain", stream_id)
                    done += 1
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await client.aclose()
    return {"cpu_s": cpu, "wall_s": wall, "count": done}


async def steady(options: dict[str, Any]) -> dict[str, Any]:
    """Publish events of many calls at ``rate`` a second for ``seconds`` seconds."""
    bus = await Bus.connect(settings_of(options))
    publisher, calls = bus.publisher("bench"), [CallOfTurns(bus.new_call()) for _ in range(40)]
    count, started = 0, time.perf_counter()
    while count < options["rate"] * options["seconds"]:
        for _ in range(int((time.perf_counter() - started) * options["rate"]) - count):
            publisher.publish(calls[count % len(calls)].next())
            count += 1
        await asyncio.sleep(0.005)
    await bus.close()
    return {"count": count}


ROLES = {"sink": sink, "ship": ship, "unbatched": unbatched, "steady": steady}

if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    print(json.dumps(uvloop.run(ROLES[sys.argv[1]](json.loads(sys.argv[2])))), flush=True)
