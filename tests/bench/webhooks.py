"""Webhooks: how long after an event its message has reached a receiver, and what a message costs the worker.

`python -m tests.bench webhooks [--json] [--per-s 200] [--seconds 20]`: a receiver that answers after 20 ms, as
over the internet, and an endpoint that never answers.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from pathlib import Path
from typing import Any

import uvloop

from orchestra.bus import Bus, EmbeddedServer
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra_schemas import CallEnded, CallStarted, RecordingSaved
from tests.servers.webhook_receiver import SECRET, WebhookReceiver

HOLD_P99_MS, WARM_S, ANSWERS_AFTER_S = 500, 3.0, 0.02


def percentile(values: list[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 1)


async def _load(bus: Bus, per_s: int, seconds: float) -> set[str]:
    """Publish calls of three events each, evenly; returns the ids of the events."""
    publisher, published = bus.publisher("bench"), set[str]()
    started = time.monotonic()
    for number in range(round(per_s * seconds / 3)):
        call = bus.new_call()
        for event in (
            CallStarted(call=call, from_number="+15550001", to_number="+15550002", app="shop"),
            CallEnded(call=call, turn=4, reason="caller_hung_up", duration_s=61.5, audio_ms=61_500),
            RecordingSaved(call=call, turn=4, url=f"file:///recordings/{call}.wav", duration_s=61.5),
        ):
            published.add(publisher.publish(event).id)
        await asyncio.sleep(max(0.0, started + 3 * (number + 1) / per_s - time.monotonic()))
    await publisher.flush(30)
    return published


async def measure_webhooks(per_s: int, seconds: float) -> dict[str, Any]:
    """Deliver ``per_s`` events a second, after a few seconds that are not counted."""
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as name:
        folder = Path(name)
        async with (
            EmbeddedServer(folder) as server,
            WebhookReceiver() as one,
            WebhookReceiver() as mute,
        ):
            one.answers_after_s = ANSWERS_AFTER_S
            mute.trouble = lambda _path, _message: "hang"
            (folder / "webhooks.toml").write_text(
                "\n".join(
                    f'[{name}]\nurl = "{receiver.url}"\nsecret_env = "SECRET"'
                    for name, receiver in (("one", one), ("mute", mute))
                )
            )
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "orchestra.cli", "worker", "webhooks",
                env={
                    **os.environ, "ORCHESTRA_REDIS_URL": server.url, "ORCHESTRA_DATA_DIR": name, "SECRET": SECRET,
                    "ORCHESTRA_WEBHOOKS": str(folder / "webhooks.toml"), "ORCHESTRA_WEBHOOKS_PRIVATE": "true",
                },
                stdout=DEVNULL, stderr=DEVNULL, preexec_fn=die_with_parent(),
            )  # fmt: skip
            bus = await Bus.connect(Settings(redis_url=server.url, data_dir=folder))
            try:
                async with asyncio.timeout(30):
                    while len([each for each in await bus.groups() if each.owner]) < bus.partitions:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                await _load(bus, per_s, WARM_S)
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                published = await _load(bus, per_s, seconds)
                await one.until(lambda: published <= one.arrived_at.keys(), 60)
            finally:
                await bus.close()
                worker.send_signal(signal.SIGTERM)
                await worker.wait()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            behind = [
                1000 * (one.arrived_at[message["data"]["id"]] - message["data"]["at"])
                for message in one.once()
                if message["data"]["id"] in published
            ]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "events": len(published),
        "per_s": per_s,
        "behind_p50_ms": percentile(behind, 0.5),
        "behind_p99_ms": percentile(behind, 0.99),
        "behind_max_ms": percentile(behind, 1.0),
        "hold_behind_p99_ms": HOLD_P99_MS,
        "worker_cpu_ms_per_event": round(1000 * cpu / len(published), 2),
        "worker_memory_mb": round(after.ru_maxrss / 1024),
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench webhooks", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--per-s", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args(arguments)
    result = uvloop.run(measure_webhooks(options.per_s, options.seconds))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:32} {value}")
