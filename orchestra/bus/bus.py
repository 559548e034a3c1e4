"""The connection of a process to the streams: publish, follow, read a call's journal, see the groups."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.entry import Entry, read_entry
from orchestra.bus.follow import Follow
from orchestra.bus.publisher import Publisher
from orchestra.bus.server import running_url
from orchestra.bus.wire import Address, Wire
from orchestra.errors import ServerError
from orchestra.settings import Settings
from schemas import Event

_LOG = structlog.get_logger("orchestra.bus")
_PAGE = 500
_CLOCK_MARGIN_MS = 60_000


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """How a group stands on one partition: ``lag`` entries not read yet (None where the server cannot tell), ``pending``
    taken and unfinished, ``dead`` letters; ``owner`` is the worker that holds the lease, empty for none.
    """

    group: str
    partition: int
    owner: str
    lag: int | None
    pending: int
    dead: int


class Bus:
    """One process's connections. Open it with `connect` and close it."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings = settings
        self.url = url
        self.partitions = settings.partitions
        self.address = Address.parse(url)
        self.redis: Any = redis.asyncio.from_url(url)
        self.shared_wire = Wire(self.address)
        self._clock_ms = 0
        self._publishers: list[Publisher] = []

    @classmethod
    async def connect(cls, settings: Settings) -> "Bus":
        """Connect to the server of the settings, or to the embedded one that runs for their data directory.

        Raises:
            ServerError: there is none, or its journal has another number of partitions.

        """
        url = settings.redis_url or running_url(settings.data_dir)
        if url is None:
            msg = f"no Redis server: start one with `orchestra up` (data in {settings.data_dir}), or set ORCHESTRA_REDIS_URL"
            raise ServerError(msg)
        bus = cls(settings, url)
        try:
            await bus._prepare()
        except RedisError as error:
            await bus.close()
            msg = f"the Redis server at {bus.address} cannot be used: {error}"
            raise ServerError(msg) from error
        except BaseException:
            await bus.close()
            raise
        return bus

    async def _prepare(self) -> None:
        wire = self.shared_wire
        await wire.open()
        await wire.call("SET", keys.PARTITIONS_KEY, self.partitions, "NX")
        stored = int(await wire.call("GET", keys.PARTITIONS_KEY))
        if stored != self.partitions:
            msg = (
                f"the journal at {self.address} has {stored} partitions, the settings say {self.partitions}:"
                f" set ORCHESTRA_PARTITIONS={stored}; the number of a journal cannot change"
            )
            raise ServerError(msg)
        seconds, micros = await wire.call("TIME")
        self._clock_ms = int(seconds) * 1000 + int(micros) // 1000 - time.time_ns() // 1_000_000

    async def close(self) -> None:
        """Close every connection; publishers get 5 s to send what they hold."""
        for publisher in self._publishers:
            await publisher.close()
        await self.shared_wire.close()
        await self.redis.aclose()

    # -- connections

    def wire(self, partition: int) -> Wire:  # noqa: ARG002 - on a cluster it is another for every slot
        """The connection that writes to a partition."""
        return self.shared_wire

    def new_wire(self) -> Wire:
        """A connection of one's own, for blocking reads."""
        return Wire(self.address)

    def unblock(self, reader: Wire) -> None:
        """End the blocking read of a connection that `new_wire` made."""
        task = asyncio.get_running_loop().create_task(self._unblock(reader.client_id))
        self._unblocking = task

    async def _unblock(self, client_id: int) -> None:
        with contextlib.suppress(RedisError):  # the read ends by itself soon
            await self.shared_wire.call("CLIENT", "UNBLOCK", client_id)

    async def watch_handover(self, group: str, wake: asyncio.Event) -> None:
        """Set ``wake`` whenever a worker of the group has released a partition."""
        backoff = Backoff(0.1)
        while True:
            try:
                async with self.redis.pubsub() as channel:
                    await channel.subscribe(keys.HANDOVER_CHANNEL)
                    backoff.reset()
                    async for message in channel.listen():
                        if message["type"] == "message" and message["data"] == group.encode():
                            wake.set()
            except RedisError:
                await backoff.wait()

    # -- what rooms use

    @staticmethod
    def key(call_or_partition: str | int, *parts: str) -> str:
        """A key in the slot of a call or partition: ``key("07-…", "call", id)`` → ``orchestra:{p07}:call:…``."""
        partition = call_or_partition if isinstance(call_or_partition, int) else keys.partition_of(call_or_partition)
        return keys.key(partition, *parts)

    def new_call(self, homes: Sequence[int] | None = None) -> str:
        """The id of a new call, on one of the home partitions (any of all unless given)."""
        partition = random.choice(homes or range(self.partitions))  # noqa: S311
        return keys.new_call(partition, time.time_ns() // 1_000_000 + self._clock_ms)

    def publisher(self, source: str, *, capacity: int = 10_000) -> Publisher:
        """A publisher for a producer that is no handler; ``source`` names it in its events."""
        publisher = Publisher(source, self.wire, capacity=capacity)
        self._publishers.append(publisher)
        return publisher

    async def entries(self, partition: int, stream: str, *, since: str = "-") -> AsyncIterator[Entry]:
        """The entries of a stream from an id on, up to its present end."""
        key, start = keys.key(partition, stream), since
        while True:
            page = await self.wire(partition).call("XRANGE", key, start, "+", "COUNT", _PAGE)
            for raw in page:
                yield read_entry(raw, partition, stream)
            if len(page) < _PAGE:
                return
            start = "(" + page[-1][0].decode()

    async def journal(self, call: str) -> list[Event]:
        """All events of a call on the journal, in order; types unknown here are left out.

        Raises:
            schemas.DecodeError: an entry is not the event that it says it is.

        """
        since = max(0, keys.started_ms(call) - _CLOCK_MARGIN_MS)
        found = []
        async for entry in self.entries(keys.partition_of(call), keys.JOURNAL, since=str(since)):
            if entry.call == call and (event := entry.event()) is not None:
                found.append(event)
        return found

    def follow(
        self,
        partitions: Iterable[int] | None = None,
        *,
        streams: Sequence[str] = (keys.JOURNAL,),
        since: str | None = None,
    ) -> Follow:
        """Every new entry of these partitions (all unless given), for as long as it is iterated; survives the server.

        ``since`` is the stream id after which to begin ("0" for all there is); from now on unless given. "Now" is the
        first step of the iteration, or an earlier ``await follow.start()``.
        """
        chosen = range(self.partitions) if partitions is None else partitions
        return Follow(self, [(partition, stream) for partition in chosen for stream in streams], since)

    async def groups(self) -> list[GroupStatus]:
        """Every group on every partition, by name and partition."""
        found: dict[tuple[str, int], GroupStatus] = {}
        for partition in range(self.partitions):
            for stream in keys.STREAMS:
                key = keys.key(partition, stream)
                wire = self.wire(partition)
                if not await wire.call("EXISTS", key):
                    continue
                for info in await wire.call("XINFO", "GROUPS", key):
                    fields = dict(zip(info[::2], info[1::2], strict=True))
                    group = fields[b"name"].decode()
                    known = found.get((group, partition)) or await self._status(group, partition)
                    lag = fields.get(b"lag")
                    found[group, partition] = GroupStatus(
                        group=group,
                        partition=partition,
                        owner=known.owner,
                        lag=None if lag is None or known.lag is None else known.lag + lag,
                        pending=known.pending + fields[b"pending"],
                        dead=known.dead,
                    )
        return [found[place] for place in sorted(found)]

    async def _status(self, group: str, partition: int) -> GroupStatus:
        owner, dead = await self.wire(partition).calls(
            [("GET", keys.key(partition, "lease", group)), ("XLEN", keys.key(partition, "dead", group))]
        )
        return GroupStatus(group, partition, owner.decode().rpartition(":")[0] if owner else "", 0, 0, dead)
