"""Time as a parameter: policies ask the clock they are given, so a test runs minutes of a call in milliseconds.

The processes of one system agree on the time: that of its Redis server. The wall clock of a host may be minutes off,
and then a turn that a caller has just ended would be too old to be answered, and a token of another edge expired.
"""

import time
from typing import Protocol

_monotonic = time.monotonic


class Clock(Protocol):
    """Two readings, both in seconds. The module ``time`` has the same two functions."""

    def time(self) -> float:
        """Seconds since the epoch: for moments that are published or compared between processes."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment, which never go back: for measuring how long something takes."""


class ServerClock:
    """The time of the server, kept between two questions by this host's monotonic clock.

    Until the server was asked for the first time, it is this host's wall clock.
    """

    def __init__(self) -> None:
        self._ahead_s: float | None = None  # of the monotonic clock

    def time(self) -> float:
        """Seconds since the epoch by the server's clock."""
        return time.time() if self._ahead_s is None else _monotonic() + self._ahead_s

    #: seconds since an arbitrary moment, by this host's clock
    monotonic = staticmethod(_monotonic)

    def set(self, server_s: float, asked: float, answered: float) -> None:
        """Take over a reading of the server's clock, unless ours is as right as the reading.

        Args:
            server_s: its answer, in seconds since the epoch; it was read at an unknown moment between the next two.
            asked: when it was asked, on the monotonic clock, in seconds.
            answered: when its answer was here.

        """
        within_s = (answered - asked) / 2
        ahead_s = server_s - (asked + within_s)
        if self._ahead_s is None or abs(ahead_s - self._ahead_s) > within_s:
            self._ahead_s = ahead_s


SYSTEM_CLOCK = ServerClock()
