"""A rate limit with credit for stalls: a telephone line cannot carry more audio than time passes."""

import time
from collections.abc import Callable


class RateLimit:
    """Limits how far a stream may run ahead of the clock.

    ::

        amount  |----|----|      |-----------|   a stall, then the audio that waited: not ahead
        clock   0    1    2    3    4    5

    Args:
        per_s: the amount per second.
        ahead_s: how many seconds it may run ahead.
        behind_s: how many seconds of a stall it may make up for at once.
        monotonic: the clock, in seconds.

    """

    def __init__(
        self, per_s: float, ahead_s: float, behind_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._ahead_s = ahead_s
        self._behind_s = behind_s
        self._monotonic = monotonic
        self._level_s = 0.0
        self._at = monotonic()

    def allows(self, amount: float) -> bool:
        """Whether this amount is within the limit; if not, it is not counted."""
        now = self._monotonic()
        self._level_s = max(-self._behind_s, self._level_s - (now - self._at))
        self._at = now
        if self._level_s + amount / self._per_s > self._ahead_s:
            return False
        self._level_s += amount / self._per_s
        return True
