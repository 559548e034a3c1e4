"""How many recorded calls per minute one process compares: the demo's calls, the offline model, two workers."""

import asyncio
import logging
import tempfile
import time
from pathlib import Path

import structlog

from orchestra.demo import app
from orchestra.demo.scripts import SCRIPTS
from orchestra.evaluation.compare import compared
from orchestra.evaluation.sandbox import Candidate, open_sandbox
from orchestra.settings import Settings
from tests.agents.golden import golden, read


async def compare_calls(calls: int = 200, at_a_time: int = 8) -> dict[str, float]:
    """Calls per minute, and CPU time of this process per call in ms; the mean call has 4.75 turns."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    recordings = [[read(line) for line in golden(name).read_text("utf-8").splitlines()] for name in SCRIPTS]
    gate = asyncio.Semaphore(at_a_time)
    with tempfile.TemporaryDirectory() as folder:
        candidate = Candidate(app=app, settings=Settings(data_dir=Path(folder), redis_url=None))
        async with open_sandbox(candidate) as stage:

            async def one(number: int) -> int:
                async with gate:
                    diff = await compared(stage, recordings[number % len(recordings)])
                assert not diff.diverged, f"the offline model answers the same call otherwise: {diff.diverged[0]}"
                return len(diff.turns)

            await asyncio.gather(*(one(number) for number in range(len(recordings))))  # loads everything
            started, cpu = time.perf_counter(), time.process_time()
            await asyncio.gather(*(one(number) for number in range(calls)))
            seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    return {"compare_calls_per_min": calls / seconds * 60, "compare_cpu_ms_per_call": cpu_s / calls * 1000}
