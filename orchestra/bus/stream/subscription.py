"""Follows the streams of some partitions live."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence

import structlog
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import Argument, RedisConnection
from orchestra.bus.redis.refusal import Outage, describe_error
from orchestra.bus.sealing import Sealing
from orchestra.bus.stream.entry import Entry, read_entry

_LOG = structlog.get_logger("orchestra.bus")
_BLOCK_MS = 1000
_COUNT = 100
#: entries, and bytes of them, that may wait for the iteration before reading stops
_AHEAD, _AHEAD_BYTES = 1000, 4_000_000
#: the last entries of a stream: to find where another server, which may lack some, has the same journal
_REMEMBERED = 2000
#: at least so many of the last events of all streams, to recognize what that server receives again: publishers send it
#: what they had stored in the last 15 seconds
_KNOWN = 10_000


class _Tail:
    """Reads streams of one server over one connection."""

    def __init__(self, connection: RedisConnection, streams: dict[bytes, tuple[int, str]], since: str | None) -> None:
        self.connection = connection
        self.streams = streams
        self._last: dict[bytes, Argument] = {} if since is None else dict.fromkeys(streams, since)
        #: the ids of the entries that were read last, by stream
        self._read: dict[bytes, deque[bytes]] = {key: deque(maxlen=_REMEMBERED) for key in streams}
        self._is_lost = False

    async def begin(self) -> None:
        """Fix where to begin, unless that is done."""
        if self._last:
            return
        newest = await self.connection.calls([("XREVRANGE", key, "+", "-", "COUNT", 1) for key in self.streams])
        self._last = {key: found[0][0] if found else b"0-0" for key, found in zip(self.streams, newest, strict=True)}

    def lost(self) -> None:
        """The connection was lost, and the next server may be another one."""
        self._is_lost = True

    async def _rejoin(self) -> None:
        """Go back to the last entry that this server has, too.

        One that has replaced the server of before may lack what we have read there, and have other entries since, with
        smaller ids: from the id that we have they would never be read.
        """
        for key, read in self._read.items():
            if read and not await self.connection.call("XRANGE", key, read[-1], read[-1]):
                here = {raw[0] for raw in await self.connection.call("XRANGE", key, read[0], read[-1])}
                self._last[key] = next((each for each in reversed(read) if each in here), read[0])
        self._is_lost = False

    async def read(self) -> list[Entry]:
        """The next entries; an empty list if there were none for a second."""
        if self._is_lost:
            await self._rejoin()
        reply = await self.connection.call(
            "XREAD", "COUNT", _COUNT, "BLOCK", _BLOCK_MS, "STREAMS", *self._last, *self._last.values()
        )
        arrived = []
        for key, entries in reply or ():
            partition, stream = self.streams[key]
            arrived += [read_entry(raw, partition, stream) for raw in entries]
            self._last[key] = entries[-1][0]
            self._read[key] += [raw[0] for raw in entries]
        return arrived


class Subscription(AsyncIterator[Entry]):
    """Iterates over entries as they arrive, in order within each stream, until it is closed; survives outages.

    A promoted replica may lack entries that were read from its master, and receive them a second time with the same
    event ids. So after a connection was lost, events with one of the last 10,000 ids are skipped.
    """

    def __init__(
        self,
        connections: Connections,
        partitions: Iterable[int],
        streams: Sequence[str],
        since: str | None,
        *,
        all_partitions: bool,
        sealing: Sealing | None = None,
    ) -> None:
        self._sealing = sealing
        self._connections = connections
        self._streams = streams
        self._all_partitions = all_partitions
        self._tails = self._tails_of(partitions, since)
        self._tasks: list[asyncio.Task[None]] = []
        self._arrived: deque[Entry] = deque()
        self._arrived_bytes = 0
        self._ids: set[str] = set()
        self._earlier_ids: set[str] = set()
        self._was_lost = False
        self._arrival = asyncio.Event()
        self._capacity = asyncio.Event()
        self._capacity.set()

    def _tails_of(self, partitions: Iterable[int], since: str | None) -> list[_Tail]:
        """Readers of these partitions: one for all, or one each where they are on different servers."""
        numbers = list(partitions)
        parts = [[each] for each in numbers] if self._connections.servers.divided else [numbers] if numbers else []
        return [
            _Tail(
                self._connections.new_connection(part[0]),
                {keys.key(each, stream).encode(): (each, stream) for each in part for stream in self._streams},
                since,
            )
            for part in parts
        ]

    def follow_new(self, partitions: Iterable[int]) -> None:
        """Follow these partitions, too, from their beginning, if this is a subscription to all: they are new."""
        if not self._all_partitions:
            return
        tails = self._tails_of(partitions, "0")
        self._tails += tails
        if self._tasks:
            self._tasks += [asyncio.get_running_loop().create_task(self._pump(tail)) for tail in tails]

    async def start(self) -> None:
        """Fix where to begin: everything that is published after this returns will be seen."""
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
            await self._capacity.wait()
            try:
                arrived = [entry for entry in await tail.read() if self._is_new(entry.id)]
            except RedisError as error:
                self._was_lost = True
                tail.lost()
                await _wait(backoff, outage, error)
                continue
            if backoff.tries:
                outage.reset()
                backoff.reset()
            if arrived:
                self._arrived += arrived
                self._arrived_bytes += sum(len(entry.body) + len(entry.audio or b"") for entry in arrived)
                self._arrival.set()
                if len(self._arrived) >= _AHEAD or self._arrived_bytes >= _AHEAD_BYTES:
                    self._capacity.clear()

    def _is_new(self, event_id: str) -> bool:
        known = event_id in self._ids or event_id in self._earlier_ids
        self._ids.add(event_id)
        if len(self._ids) >= _KNOWN:
            self._earlier_ids, self._ids = self._ids, set()
        return not (known and event_id and self._was_lost)

    async def __anext__(self) -> Entry:
        if not self._tasks:
            await self.start()
        while not self._arrived:
            self._arrival.clear()
            await self._arrival.wait()
            for task in self._tasks:
                if task.done() and not self._arrived:
                    raise StopAsyncIteration
        entry = self._arrived.popleft().opened(self._sealing)
        if not self._arrived:
            self._arrived_bytes = 0
            self._capacity.set()
        return entry

    async def aclose(self) -> None:
        """End the iteration and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for tail in self._tails:
            await tail.connection.close()
        self._arrival.set()


async def _wait(backoff: Backoff, outage: Outage, error: RedisError) -> None:
    if outage.should_log(error):
        _LOG.warning("follow.redis_away", error=describe_error(error))
    await backoff.wait()
