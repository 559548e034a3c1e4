"""What the page of the streams shows at a glance, read once for all who look at it."""

import asyncio
from typing import Any

from redis.exceptions import RedisError

from orchestra.bus import Bus, keys
from orchestra.bus.bus import GroupStatus
from orchestra.bus.group.overview import by_owner
from orchestra.bus.redis.memory import ServerMemory
from orchestra.bus.worker.presence import present
from orchestra.clock import Clock

#: as old as an answer may be, in seconds
_FRESH_S = 1.0
#: of the pending entries of a stream, the oldest are looked at: they have the most attempts
_OLDEST = 20


class Overview:
    """The groups and processes; whoever asks within a second gets the same answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._found: dict[str, Any] = {}

    async def read(self, bus: Bus) -> dict[str, Any]:
        """``groups`` by worker, ``attempts`` of each group's pending entries, ``processes``, ``server``, ``memory``.

        The latter has ``used`` and ``limit`` in bytes, 0 where the server does not say, and ``nearly_full``.

        Raises:
            RedisError: the server does not answer.

        """
        async with self._reading:
            if self._clock.monotonic() - self._read_at >= _FRESH_S:
                self._found = await self._fresh(bus)
                self._read_at = self._clock.monotonic()
            return self._found

    async def _fresh(self, bus: Bus) -> dict[str, Any]:
        groups, memory = await bus.groups(), await _memory(bus)
        return {
            "at": self._clock.time(),
            "groups": by_owner(groups),
            "attempts": await most_attempts(bus, groups),
            "processes": await present(bus),
            "server": f"{bus.facts.product} {bus.facts.version} at {bus.servers.name}",
            "memory": {"used": memory.used, "limit": memory.limit, "nearly_full": memory.is_nearly_full},
            "partitions": bus.partitions,
        }

    async def has_group(self, bus: Bus, group: str) -> bool:
        """Whether there is a consumer group of this name."""
        return any(each.group == group for each in (await self.read(bus))["groups"])


async def _memory(bus: Bus) -> ServerMemory:
    try:
        return await bus.memory()
    except RedisError:  # the console's user may not ask for it
        return ServerMemory()


async def most_attempts(bus: Bus, groups: list[GroupStatus]) -> dict[str, int]:
    """By group, how often its most stubborn pending entry was delivered; 0 if nothing is pending."""
    found = dict.fromkeys((each.group for each in groups), 0)
    for partition in range(bus.partitions):
        waiting = [each.group for each in groups if each.partition == partition and each.pending]
        asked = [(group, keys.key(partition, stream)) for group in waiting for stream in keys.STREAMS]
        replies = await bus.connection(partition).calls(
            [("XPENDING", key, group, "-", "+", _OLDEST) for group, key in asked]
        )
        for (group, _), rows in zip(asked, replies, strict=True):
            for row in rows if isinstance(rows, list) else ():  # an error if it does not read this stream
                found[group] = max(found[group], row[3])
    return found
