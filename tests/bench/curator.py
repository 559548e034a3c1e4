"""The curator against the real Label Studio: finished calls become tasks in the project, measured in tasks a second.

`python -m tests.bench curator [--json] [--url URL --token TOKEN]`: starts Label Studio itself unless given the URL of a
running one. The ``ship`` benchmark calls `measure_curator` for its ``tasks_per_s``.
"""

import argparse
import asyncio
import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog
import uvloop
from pydantic import SecretStr

from orchestra.bus import Bus, EmbeddedServer, run_consumer
from orchestra.bus.keys import key, new_call
from orchestra.bus.stream.encode import encode_event, fill_header
from orchestra.settings import Settings
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    Event,
    ReplySpoken,
    TranscriptCurated,
    TranscriptFinal,
    UserTurnEnded,
    tag_of,
)
from orchestra_workers.curator import consumer
from tests.servers.label_studio_itself import TOKEN, label_studio

CALLS, TURNS, WARM = 2000, 8, 100
HOLD_TASKS_PER_S = 100


def a_call(call: str) -> list[Event]:
    """A call of eight turns, without audio: 27 events."""
    events: list[Event] = [
        CallStarted(call=call, at=100.0),
        ReplySpoken(call=call, text="Welcome. How can I help?", at=101.0),
    ]
    for turn in range(1, TURNS + 1):
        at = 100.0 + 5 * turn
        events += [
            TranscriptFinal(call=call, text="where is my parcel", confidence=0.9, at=at),
            UserTurnEnded(call=call, turn=turn, text="where is my parcel please", at=at, speech_ended_at=at - 0.4),
            ReplySpoken(call=call, turn=turn, text="Your parcel is on its way and arrives tomorrow.", at=at + 3),
        ]
    return [*events, CallEnded(call=call, turn=TURNS, reason="caller_hung_up", duration_s=50.0, at=150.0)]


async def _publish(bus: Bus, count: int) -> list[str]:
    calls = [new_call(number % bus.partitions, time.time_ns() // 1_000_000) for number in range(count)]
    pipe = bus.redis.pipeline(transaction=False)
    for number, call in enumerate(calls):
        for place, event in enumerate(a_call(call)):
            encoded = encode_event(fill_header(event, f"{call}:bench.{place}", event.at, "bench", ""))
            flat = encoded.fields()
            fields = dict(zip(flat[::2], flat[1::2], strict=True))
            pipe.xadd(key(number % bus.partitions, "events"), fields)
        if number % 100 == 99:
            await pipe.execute()
    await pipe.execute()
    return calls


async def _curated(bus: Bus, count: int) -> float:
    """Seconds from publishing the first of ``count`` calls until the last one is a task."""
    started, follow = time.monotonic(), bus.follow()
    await follow.start()
    wanted = set(await _publish(bus, count))
    async for entry in follow:
        if entry.type == tag_of(TranscriptCurated):
            wanted.discard(entry.call)
            if not wanted:
                break
    await follow.aclose()
    return time.monotonic() - started


async def measure_curator(url: str, token: str, *, calls: int = CALLS) -> dict[str, Any]:
    """Publish and curate ``calls`` finished calls, after a few that are not counted."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        async with EmbeddedServer(Path(folder)) as server:
            settings = Settings(
                redis_url=server.url,
                data_dir=Path(folder),
                label_studio_url=url,
                label_studio_api_key=SecretStr(token),
                label_studio_project=f"bench {os.getpid()}",
            )
            bus, stop, ready = await Bus.connect(settings), asyncio.Event(), asyncio.Event()
            running = asyncio.create_task(run_consumer(consumer, bus, stop=stop, ready=ready, grace_s=0.1))
            try:
                await ready.wait()
                await _curated(bus, WARM)
                cpu = time.process_time()
                seconds = await _curated(bus, calls)
                cpu = time.process_time() - cpu
            finally:
                stop.set()
                await running
                await bus.close()
    return {
        "tasks": calls,
        "tasks_per_s": round(calls / seconds, 1),
        "curator_cpu_ms_per_task": round(1000 * cpu / calls, 2),
        "hold_tasks_per_s": HOLD_TASKS_PER_S,
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench curator", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--url", default="")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--calls", type=int, default=CALLS)
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="label-studio-")))
        url = options.url or parts.enter_context(label_studio(folder))
        result = uvloop.run(measure_curator(url, options.token, calls=options.calls))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:32} {value}")
