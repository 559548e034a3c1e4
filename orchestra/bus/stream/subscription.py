"""The live tail of some partitions."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import structlog
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import Argument, RedisConnection
from orchestra.bus.redis.refusal import Outage, describe_error
from orchestra.bus.stream.entry import Entry, read_entry

_LOG = structlog.get_logger("orchestra.bus")
_BLOCK_MS = 1000
_COUNT = 100
_AHEAD = 1000
_AHEAD_BYTES = 4_000_000
_REMEMBERED = 2000


class _Tail:
    """What is read over one connection: streams that lie on one server."""

    def __init__(self, connection: RedisConnection, places: dict[bytes, tuple[int, str]], since: str | None) -> None:
        self.connection = connection
        self.places = places
        self._since = since
        self._last: dict[bytes, Argument] = {}

    async def begin(self) -> None:
        """Fix where to begin."""
        if self._last:
            return
        if self._since is not None:
            self._last = dict.fromkeys(self.places, self._since)
            return
        newest = await self.connection.calls([("XREVRANGE", key, "+", "-", "COUNT", 1) for key in self.places])
        self._last = {key: found[0][0] if found else b"0-0" for key, found in zip(self.places, newest, strict=True)}

    async def read(self) -> list[Entry]:
        """The next entries; none when nothing came for a second."""
        reply = await self.connection.call(
            "XREAD", "COUNT", _COUNT, "BLOCK", _BLOCK_MS, "STREAMS", *self._last, *self._last.values()
        )
        arrived = []
        for key, entries in reply or ():
            partition, stream = self.places[key]
            arrived += [read_entry(raw, partition, stream) for raw in entries]
            self._last[key] = entries[-1][0]
        return arrived


class Subscription(AsyncIterator[Entry]):
    """Iterates over entries as they arrive, in order within each stream, until it is closed. Survives the server.

    A replica that is promoted may lack what was read of its master, and get it a second time, under the same event ids:
    once a connection was lost, what has one of the last 2,000 ids is passed over.
    """

    def __init__(self, connections: Connections, streams: list[tuple[int, str]], since: str | None) -> None:
        places = {keys.key(partition, stream).encode(): (partition, stream) for partition, stream in streams}
        if connections.servers.divided:
            parts = [
                {key: place for key, place in places.items() if place[0] == partition}
                for partition in sorted({place[0] for place in places.values()})
            ]
        else:
            parts = [places] if places else []
        self._tails = [_Tail(connections.new_connection(next(iter(part.values()))[0]), part, since) for part in parts]
        self._tasks: list[asyncio.Task[None]] = []
        self._arrived: deque[Entry] = deque()
        self._arrived_bytes = 0
        self._ids: dict[str, None] = {}
        self._was_lost = False
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def start(self) -> None:
        """Fix the place to begin at: everything that is published after this returns will be seen."""
        for tail in self._tails:
            backoff, outage = Backoff(), Outage()
            while True:
                try:
                    await tail.begin()
                except RedisError as error:
                    await _wait(backoff, outage, error)
                else:
                    break
        if not self._tasks:
            self._tasks = [asyncio.get_running_loop().create_task(self._pump(tail)) for tail in self._tails]

    async def _pump(self, tail: _Tail) -> None:
        backoff, outage = Backoff(), Outage()
        while True:
            await self._room.wait()
            try:
                arrived = [entry for entry in await tail.read() if self._is_new(entry.id)]
            except RedisError as error:
                self._was_lost = True
                await _wait(backoff, outage, error)
                continue
            if backoff.tries:
                outage.over()
                backoff.reset()
            if arrived:
                self._arrived += arrived
                self._arrived_bytes += sum(len(entry.body) + len(entry.audio or b"") for entry in arrived)
                self._some.set()
                if len(self._arrived) >= _AHEAD or self._arrived_bytes >= _AHEAD_BYTES:
                    self._room.clear()

    def _is_new(self, event_id: str) -> bool:
        again = event_id in self._ids
        self._ids[event_id] = None
        if len(self._ids) > _REMEMBERED:
            del self._ids[next(iter(self._ids))]
        return not (again and event_id and self._was_lost)

    async def __anext__(self) -> Entry:
        if not self._tasks:
            await self.start()
        while not self._arrived:
            self._some.clear()
            await self._some.wait()
            for task in self._tasks:
                if task.done() and not self._arrived:
                    raise StopAsyncIteration
        entry = self._arrived.popleft()
        if not self._arrived:
            self._arrived_bytes = 0
            self._room.set()
        return entry

    async def aclose(self) -> None:
        """End it, and close its connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for tail in self._tails:
            await tail.connection.close()
        self._some.set()


async def _wait(backoff: Backoff, outage: Outage, error: RedisError) -> None:
    if outage.is_news(error):
        _LOG.warning("follow.redis_away", error=describe_error(error))
    await backoff.wait()
