"""The live tail of some partitions."""

from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.entry import Entry, read_entry
from orchestra.bus.wire import Argument

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus

_LOG = structlog.get_logger("orchestra.bus")
_BLOCK_MS = 1000
_COUNT = 100


class Follow(AsyncIterator[Entry]):
    """Iterates over entries as they arrive, in order within each partition. Close it, or leave it to its task's end."""

    def __init__(self, bus: "Bus", streams: list[tuple[int, str]], since: str | None) -> None:
        self._bus = bus
        self._wire = bus.new_wire()
        self._since = since
        self._places = {keys.key(partition, stream).encode(): (partition, stream) for partition, stream in streams}
        self._last: dict[bytes, Argument] = {}
        self._arrived: deque[Entry] = deque()

    async def start(self) -> None:
        """Fix the place to begin at: everything that is published after this returns will be seen."""
        backoff = Backoff()
        while not self._last:
            try:
                self._last = await self._begin()
            except RedisError as error:
                self._away(backoff, error)
                await backoff.wait()

    async def _begin(self) -> dict[bytes, Argument]:
        if self._since is not None:
            return dict.fromkeys(self._places, self._since)
        newest = await self._wire.calls([("XREVRANGE", key, "+", "-", "COUNT", 1) for key in self._places])
        return {key: found[0][0] if found else b"0-0" for key, found in zip(self._places, newest, strict=True)}

    @staticmethod
    def _away(backoff: Backoff, error: RedisError) -> None:
        if backoff.tries == 0:
            _LOG.warning("follow.redis_away", error=str(error))

    async def __anext__(self) -> Entry:
        await self.start()
        if not self._arrived:
            await self._read()
        return self._arrived.popleft()

    async def _read(self) -> None:
        backoff = Backoff()
        while not self._arrived:
            try:
                reply = await self._wire.call(
                    "XREAD", "COUNT", _COUNT, "BLOCK", _BLOCK_MS, "STREAMS", *self._last, *self._last.values()
                )
            except RedisError as error:
                self._away(backoff, error)
                await backoff.wait()
                continue
            for key, entries in reply or ():
                partition, stream = self._places[key]
                self._arrived.extend(read_entry(raw, partition, stream) for raw in entries)
                self._last[key] = entries[-1][0]

    async def aclose(self) -> None:
        """Close the connection."""
        await self._wire.close()
