"""Time as a parameter: policies ask the clock they are given, so a test runs minutes of a call in milliseconds."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings, both in seconds. The module ``time`` has the same two functions."""

    def time(self) -> float:
        """Seconds since the epoch: for moments that are published or compared between processes."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment, which never go back: for measuring how long something takes."""


SYSTEM_CLOCK: Clock = time
