"""Runs a load and reports it, as it goes and at its end."""

import asyncio
import time
from collections.abc import Callable

from orchestra.evaluation.load.callers import Experienced, LoadCallers
from orchestra.evaluation.load.processes import ProcessMeter
from orchestra.evaluation.load.report import LoadReport, load_report

_LOOK_EVERY_S = 1.0


async def run_load(
    callers: LoadCallers,
    meter: ProcessMeter,
    *,
    number: int,
    seconds: float,
    show_every_s: float = 10.0,
    show: Callable[[LoadReport, int], None] = lambda _, __: None,
) -> LoadReport:
    """Hold the load for so long, after its ramp.

    Args:
        callers: at work until then, or until they are stopped.
        meter: of the system's processes.
        number: of callers.
        seconds: after the ramp.
        show_every_s: how often to show.
        show: shows what was measured since the last time, and how many calls are on the line.

    """
    total, began = Experienced(), time.monotonic()
    running = asyncio.create_task(callers.run(seconds))
    try:
        shown = began
        while not running.done():
            await asyncio.wait([running], timeout=_LOOK_EVERY_S)
            meter.look()
            now = time.monotonic()
            if now - shown >= show_every_s or running.done():
                last = callers.read()
                total.add(last)
                show(load_report(last, meter.uses, callers=number, seconds=now - began), callers.on_line)
                shown = now
        running.result()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return load_report(total, meter.uses, callers=number, seconds=time.monotonic() - began)
