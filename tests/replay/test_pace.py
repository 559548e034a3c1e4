from datetime import UTC

import pytest

from orchestra.cli.ui.parse_time import moment
from orchestra.errors import UsageError
from orchestra.replay.pace import Pace


class Time:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def due(speed: float | None, *steps: tuple[float, bool]) -> list[float]:
    time = Time()
    pace, moments = Pace(speed, clock=time.clock, sleep=time.sleep), []
    for at_s, idle in steps:
        await pace.wait(at_s, idle=idle)
        moments.append(round(time.now - 100.0, 6))
    return moments


async def test_events_are_due_as_recorded_or_some_times_as_fast() -> None:
    steps = [(5000.0, True), (5000.5, False), (5003.0, False), (5002.0, False), (5003.5, False)]
    assert await due(1.0, *steps) == [0.0, 0.5, 3.0, 3.0, 4.5]
    assert await due(10.0, *steps) == [0.0, 0.05, 0.3, 0.3, 0.45]
    assert await due(None, *steps) == [0.0] * 5


async def test_hours_without_a_call_are_skipped() -> None:
    assert await due(1.0, (0.0, True), (2.0, False), (7200.0, True), (7201.0, False)) == [0.0, 2.0, 3.0, 4.0]


async def test_lost_time_is_made_up_for() -> None:
    time = Time()
    pace = Pace(1.0, clock=time.clock, sleep=time.sleep)
    await pace.wait(0.0)
    time.now += 1.5  # the target was slow
    await pace.wait(1.0)
    await pace.wait(2.0)
    assert time.now == 102.0


def test_times_are_dates_times_or_durations() -> None:
    assert moment("2h", now=10_000.0) == 2800.0
    assert moment("1.5m", now=100.0) == 10.0
    assert moment("2026-11-22T20:15:00+00:00") == 1795378500.0
    assert moment("2026-11-23T00:00Z") - moment("2026-11-22T00:00Z") == 86_400.0
    assert moment("2026-11-22T20:15", zone=UTC) == 1795378500.0
    assert moment("2026-11-22T21:15+01:00", zone=UTC) == 1795378500.0
    for wrong in ("yesterday", "", "5", "12:00"):
        with pytest.raises(UsageError, match="is not a valid time"):
            moment(wrong)
