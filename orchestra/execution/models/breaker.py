"""A circuit breaker: a model that keeps failing is skipped for a while, so that callers do not wait for it."""

import time
from collections.abc import Callable


class Breaker:
    """Counts failures in a row.

    Args:
        failures: this many failures in a row open it.
        rest_s: seconds for which it stays open; then one trial request decides.
        clock: a monotonic clock, in seconds.

    """

    def __init__(self, failures: int = 3, rest_s: float = 15.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._rest_s = rest_s
        self._clock = clock
        self._failures = 0
        self._closed_again = 0.0

    @property
    def open(self) -> bool:
        """Whether requests are blocked now. The first check after the pause is let through as the trial."""
        if self._failures < self._most:
            return False
        now = self._clock()
        if now < self._closed_again:
            return True
        self._closed_again = now + self._rest_s  # this request is the trial; the others wait for its outcome
        return False

    def succeeded(self) -> None:
        """A request was answered."""
        self._failures = 0

    def failed(self) -> None:
        """A request failed."""
        self._failures += 1
        if self._failures >= self._most:
            self._closed_again = self._clock() + self._rest_s
