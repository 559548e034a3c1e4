"""The load meter says when an edge has no time for work that may be wasted."""

import asyncio
from dataclasses import dataclass

import pytest

from orchestra.voice.load_meter import LoadMeter

LOOKS = 60


@dataclass
class Times:
    """A clock, and the CPU time of the event loop's thread."""

    now: float = 100.0
    cpu_s: float = 0.0


def metered(*, share: float = 0.0, late_s: float = 0.0) -> tuple[LoadMeter, Times]:
    """A meter after three seconds in which the loop took this share of a core and ran this late."""
    times = Times()
    meter = LoadMeter(monotonic=lambda: times.now, thread_time=lambda: times.cpu_s)
    for _ in range(LOOKS):
        passed_s = 0.05 + late_s
        times.now += passed_s
        times.cpu_s += share * passed_s
        meter.look()
    return meter, times


@pytest.mark.parametrize(("share", "needs_core", "busy"), [(0.2, False, False), (0.6, True, False), (0.9, True, True)])
def test_an_event_loop_with_much_to_do_needs_the_core(share: float, *, needs_core: bool, busy: bool) -> None:
    meter, _ = metered(share=share)
    assert (meter.loop_needs_core, meter.busy) == (needs_core, busy)


@pytest.mark.parametrize(("late_s", "busy"), [(0.0, False), (0.005, False), (0.06, True)])
def test_an_event_loop_that_runs_late_is_busy_whoever_takes_its_core(late_s: float, *, busy: bool) -> None:
    meter, _ = metered(share=0.1, late_s=late_s)
    assert meter.busy is busy
    assert not meter.loop_needs_core


def test_turn_ends_that_wait_make_the_process_busy_until_they_are_forgotten() -> None:
    meter, times = metered()
    for _ in range(10):
        meter.note_wait(0.5)
    assert meter.busy
    times.now += 5.0
    assert not meter.busy


def test_one_late_turn_end_is_no_load() -> None:
    meter, _ = metered()
    meter.note_wait(0.5)
    assert not meter.busy


def test_the_loop_that_runs_now_is_watched_instead_of_an_earlier_one() -> None:
    times = Times()
    meter = LoadMeter(monotonic=lambda: times.now, thread_time=lambda: times.cpu_s)

    async def late_once() -> float:
        meter.watch_event_loop()
        times.now += 10.0
        looked = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, looked.set)
        await looked.wait()
        return meter.loop_delay_s

    assert asyncio.run(late_once()) > 0.1
    assert asyncio.run(late_once()) > 0.1
