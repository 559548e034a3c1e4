"""The partitions on which an edge begins its calls."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from orchestra.bus import Bus
from orchestra.bus.partition_counts import WATCH_S

_LOG = structlog.get_logger("orchestra.voice")
#: an edge follows the partitions on which it begins calls: a few of all
_MOST = 2


class Homes:
    """Some of the open partitions, chosen anew when the number of these changes.

    Attributes:
        partitions: their numbers.

    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._open = bus.partition_counts.open
        self.partitions = _some(self._open)

    async def keep_open(self, follow: Callable[[int], Awaitable[None]]) -> None:
        """Begin calls only where partitions are open, until cancelled; ``follow`` is awaited for each new one first."""
        while True:
            await asyncio.sleep(WATCH_S)
            if (opened := self._bus.partition_counts.open) == self._open:
                continue
            chosen = _some(opened)
            for partition in chosen:
                await follow(partition)
            self._open, self.partitions = opened, chosen
            _LOG.info("edge.homes", partitions=chosen, open=opened)


def _some(opened: int) -> list[int]:
    return random.sample(range(opened), k=min(_MOST, opened))
