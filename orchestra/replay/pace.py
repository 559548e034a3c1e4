"""When what is replayed is due: as it went then, so many times as fast, or as fast as it goes."""

import asyncio
import time
from collections.abc import Awaitable, Callable

#: while no call runs nobody waits longer than this, in seconds
_IDLE_S = 1.0


class Pace:
    """Holds every event back until it is due.

    Args:
        speed: how many times as fast as it went; None for as fast as it goes.
        clock: seconds that only grow.
        sleep: waits so many seconds.

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
        """Wait until what happened at ``at_s`` (seconds) is due; ``idle``: no call ran since the event before it."""
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
