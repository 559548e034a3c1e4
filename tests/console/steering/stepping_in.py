"""A call of a real edge with a console beside it, and sounds that tell when they were said and when they are heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import numpy.typing as npt

from orchestra.settings import Settings
from orchestra.simulator.audio_measure import Span
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted
from tests.console.consoles import RunningConsole, console_settings, serving_console
from tests.console.steering.panel_page import Played
from tests.voice.edges import Greeting, RunningEdge, running_edge

EVERY_S, BEEP_S, LOWEST_HZ = 0.5, 0.1, 400
#: from beep to beep; a page that catches up changes the pitch by half of it at most
HIGHER = 1.13
BEEPS = 16
OPERATOR_HZ, AGENT_HZ = 1500, 440


def beeps() -> npt.NDArray[np.int16]:
    """What the caller says: each beep is higher than the one before, so that it tells its own time."""
    samples = np.zeros(round(BEEPS * EVERY_S * 8000))
    time = np.arange(round(BEEP_S * 8000)) / 8000
    for number in range(BEEPS):
        start = round(number * EVERY_S * 8000)
        samples[start : start + time.size] = 12_000 * np.sin(2 * np.pi * LOWEST_HZ * HIGHER**number * time)
    return samples.astype(np.int16)


def heard_beeps(samples: npt.NDArray[np.float64], rate: int) -> dict[int, float]:
    """When each beep begins, in seconds, by its number."""
    step, size = rate // 100, round(BEEP_S / 2 * rate)
    loud = np.abs(samples[: samples.size // step * step]).reshape(-1, step).max(axis=1) > 0.1
    found: dict[int, float] = {}
    for frame in np.flatnonzero(loud[1:] & ~loud[:-1]) + 1:
        beep = samples[(frame + 1) * step : (frame + 1) * step + size]
        spectrum = np.abs(np.fft.rfft(beep * np.hanning(beep.size), 8 * size))
        hertz = max(1.0, float(spectrum.argmax()) * rate / (8 * size))
        found.setdefault(round(np.log(hertz / LOWEST_HZ) / np.log(HIGHER)), float(frame) / 100)
    return found


def delays_s(line: PhoneLine, said: Span, played: Played) -> dict[int, float]:
    """From a beep of the caller's to the same beep at the operator's, by its number."""
    began_s = line.started_at + said.start_s
    return {
        number: played.began_at + heard_s - (began_s + number * EVERY_S)
        for number, heard_s in heard_beeps(played.caller, played.rate).items()
        if 0 <= number < BEEPS
    }


@asynccontextmanager
async def calling(running: RunningEdge) -> AsyncIterator[tuple[PhoneLine, str]]:
    """A caller who stays on the line while the block runs; the line, and the call's id."""
    done = asyncio.Event()
    before = {event.call for event in await running.bus.published(CallStarted)}

    async def talk(line: PhoneLine) -> None:
        await line.until(done.is_set, 120.0)

    talking = asyncio.create_task(running.call(talk))
    try:
        async with asyncio.timeout(60):
            while not (new := {event.call for event in await running.bus.published(CallStarted)} - before):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        yield running.lines[-1], new.pop()
    finally:
        done.set()
        await talking


@asynccontextmanager
async def stepping_in(
    bus: TestBus, settings: Settings, greeting: str = ""
) -> AsyncIterator[tuple[RunningConsole, RunningEdge]]:
    """A console, and an edge whose agent says this at the beginning of a call."""
    async with (
        running_edge(bus, settings, app=Greeting(greeting=greeting)) as running,
        serving_console(console_settings(settings)) as console,
    ):
        yield console, running
