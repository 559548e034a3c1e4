"""The clock that the processes of a system share."""

import time

import pytest

from orchestra.clock import ServerClock


def test_a_host_whose_wall_clock_is_off_goes_by_the_servers() -> None:
    clock, now = ServerClock(), time.monotonic()
    assert clock.time() == pytest.approx(time.time(), abs=0.1)
    clock.set(time.time() + 90, now - 0.01, now + 0.01)
    assert clock.time() == pytest.approx(time.time() + 90, abs=0.1)


def test_a_slow_answer_does_not_move_a_clock_that_may_be_right() -> None:
    clock, now = ServerClock(), time.monotonic()
    clock.set(1000.0, now, now)
    clock.set(1000.4, now - 0.5, now + 0.5)
    assert clock.time() == pytest.approx(1000.0, abs=0.1)
    clock.set(1000.6, now - 0.5, now + 0.5)
    assert clock.time() == pytest.approx(1000.6, abs=0.1)
