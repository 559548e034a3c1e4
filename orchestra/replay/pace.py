"""The pace of a replay: as recorded, some times as fast, or as fast as possible."""

import asyncio
import time
from collections.abc import Awaitable, Callable

#: the longest wait in seconds while no call is running
_IDLE_S = 1.0


class Pace:
    """Delays every event until it is due.

    Args:
        speed: times as fast as recorded; None for as fast as possible.
        clock: a monotonic clock, in seconds.
        sleep: waits for a number of seconds.

    """

    def __init__(
        self,
        speed: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._due = 0.0
        self._before_s: float | None = None

    async def wait(self, at_s: float, *, idle: bool = False) -> None:
        """Wait until an event of the time ``at_s`` (seconds) is due; ``idle``: no call was running before it."""
        if self._speed is None:
            return
        if self._before_s is None:
            self._due = self._clock()
        else:
            step_s = max(0.0, at_s - self._before_s)
            self._due += (min(step_s, _IDLE_S) if idle else step_s) / self._speed
        self._before_s = at_s
        left_s = self._due - self._clock()
        if left_s > 0:
            await self._sleep(left_s)
