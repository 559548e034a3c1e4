"""A process's access to the streams: publish, follow, read the journal of a call, list the groups."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any
from weakref import WeakSet

import structlog
from redis.exceptions import RedisError

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import keys
from orchestra.bus.partition_counts import WATCH_S, PartitionCounts, read_counts
from orchestra.bus.redis.connection import Argument, RedisConnection
from orchestra.bus.redis.embedded import running_url
from orchestra.bus.redis.masters import Masters
from orchestra.bus.redis.memory import ServerMemory, memory_of
from orchestra.bus.redis.refusal import describe_error
from orchestra.bus.redis.reply import pairs, text
from orchestra.bus.redis.topology import ServerFacts, find_servers
from orchestra.bus.sealing import Sealing, sealing_of
from orchestra.bus.stream.entry import Entry, read_entry
from orchestra.bus.stream.publisher import Publisher
from orchestra.bus.stream.subscription import Subscription
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import ServerError
from orchestra.settings import Settings
from orchestra_schemas import DecodeError, Event

_LOG = structlog.get_logger("orchestra.bus")
_PAGE = 500
#: how often the server is asked for the time, in seconds
_CLOCK_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """The progress of a group on one partition.

    ``lag`` entries are not read yet (None if the server does not know), ``pending`` are read and unfinished, ``dead``
    were given up. ``owner`` is the worker that has the lease, empty if none has.
    """

    group: str
    partition: int
    owner: str
    lag: int | None
    pending: int
    dead: int


class Bus:
    """The connections of one process. Open it with `connect`, and close it."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings = settings
        self.url = url
        #: kept current while the process is connected
        self.partition_counts = PartitionCounts(settings.partitions, settings.partitions, settings.partitions)
        #: the journal's random name, given when it was created: stream ids of another journal mean nothing in this one
        self.journal_name = ""
        self.servers = find_servers(url)
        self.facts = ServerFacts("", "0", cluster=False, durable=False)
        self.redis: Any = self.servers.client()
        self._masters = Masters(self.servers, self.redis)
        self._background: list[asyncio.Task[None]] = []
        self.shared_connection = self.connection_for(keys.PARTITIONS_KEY)
        self.subscriptions: WeakSet[Subscription] = WeakSet()
        self._connections: dict[int, RedisConnection] = {}
        self._publishers: list[Publisher] = []

    @cached_property
    def sealing(self) -> Sealing:
        """How events are sealed and opened, made when it is first used.

        Raises:
            AppError: an app, which may name patterns of its own, cannot be loaded.

        """
        return sealing_of(self.settings)

    @property
    def partitions(self) -> int:
        """The number of partitions of the journal. It may grow."""
        return self.partition_counts.existing

    @classmethod
    async def connect(cls, settings: Settings) -> "Bus":
        """Connect to the server of the settings, or to the embedded server of their data directory.

        Raises:
            ServerError: there is no server, or it is too old.

        """
        url = settings.redis_url or running_url(settings.data_dir)
        if url is None:
            msg = (
                f"no Redis server: start one with `orchestra up` (data in {settings.data_dir}), or set"
                " ORCHESTRA_REDIS_URL"
            )
            raise ServerError(msg)
        bus = cls(settings, url)
        try:
            await bus._prepare()
            bus._background = [
                asyncio.create_task(bus._masters.follow(), name="masters"),
                asyncio.create_task(bus._keep_time(), name="time"),
                asyncio.create_task(bus._watch_partitions(), name="partitions"),
            ]
        except RedisError as error:
            await bus.close()
            msg = f"the Redis server {bus.servers.name} cannot be used: {describe_error(error)}"
            raise ServerError(msg) from error
        except BaseException:
            await bus.close()
            raise
        return bus

    async def _prepare(self) -> None:
        connection = self.shared_connection
        await connection.open()
        await self._read_time()
        info, policy = await connection.try_calls([("INFO",), ("CONFIG", "GET", "maxmemory-policy")])
        self.facts = ServerFacts.read(text(info) if isinstance(info, bytes) else "")
        if isinstance(policy, list) and policy:  # managed servers often allow one of the two
            self.facts = replace(self.facts, policy=text(policy[1]))
        self.facts.check(self.servers.name)
        if self.facts.cluster and not self.servers.divided:
            msg = f"the server {self.servers.name} belongs to a cluster: write its URL as redis+cluster://…"
            raise ServerError(msg)
        await self._find_journal()

    async def _read_time(self) -> None:
        """Set the clock of this process by the server's."""
        asked = time.monotonic()
        (clock,) = await self.shared_connection.try_calls([("TIME",)])
        if isinstance(clock, list):  # else it is forbidden to us, and this host's clock has to do
            seconds, micros = clock
            SYSTEM_CLOCK.set(int(seconds) + int(micros) / 1e6, asked, time.monotonic())

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_EVERY_S)
            with contextlib.suppress(RedisError):  # whoever needs the server reports that it is away
                await self._read_time()

    async def _find_journal(self) -> None:
        """Find the journal, or create it, unless it cannot be created now.

        An existing journal is only read, so that commands that read work on a server that accepts no writes.
        """
        name = await self._read_journal()
        if not name:
            create: list[tuple[Argument, ...]] = [
                ("SET", keys.PARTITIONS_KEY, self.partitions, "NX"),
                ("SET", keys.JOURNAL_NAME_KEY, os.urandom(4).hex(), "NX"),
            ]
            with contextlib.suppress(RedisError):  # a server that accepts no writes now can still be read
                await self.shared_connection.try_calls(create)
            name = await self._read_journal()
        self.journal_name = name or self.journal_name

    async def _read_journal(self) -> str:
        """The name of the journal that there is now; its numbers of partitions are kept."""
        found = await read_counts(self.shared_connection)
        if found is None:
            return ""
        counts, name = found
        new = range(self.partitions, counts.existing)
        self.partition_counts = counts
        for subscription in list(self.subscriptions):
            subscription.follow_new(new)
        return name

    async def refresh_partitions(self) -> PartitionCounts:
        """How many partitions there are now.

        Raises:
            redis.exceptions.RedisError: the server cannot be reached.

        """
        await self._read_journal()
        return self.partition_counts

    async def _watch_partitions(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            with contextlib.suppress(RedisError):  # whoever needs the server notices that it is away, and says so
                await self._read_journal()

    async def journal_now(self) -> str:
        """The current name of the journal. A server that has lost its data since has a new journal of another name.

        Raises:
            redis.exceptions.RedisError: the server cannot be reached.

        """
        before = self.journal_name
        await self._find_journal()
        if before and self.journal_name != before:
            _LOG.error(
                "journal.replaced", was=before, now=self.journal_name,
                cure="the server has lost what it held: set appendonly yes and maxmemory-policy noeviction",
            )  # fmt: skip
        return self.journal_name

    async def close(self) -> None:
        """Close every connection; publishers get 5 s to send their last events."""
        for task in self._background:
            await cancel_and_wait(task)
        for publisher in self._publishers:
            await publisher.close()
        for subscription in list(self.subscriptions):
            await subscription.aclose()
        for connection in {self.shared_connection, *self._connections.values()}:
            await connection.close()
        await self.servers.close()
        await self.redis.aclose()

    # -- connections

    def connection(self, partition: int) -> RedisConnection:
        """The connection for commands on a partition: the same for all, or one each on a cluster."""
        if not self.servers.divided:
            return self.shared_connection
        connection = self._connections.get(partition)
        if connection is None:
            connection = self._connections[partition] = self.new_connection(partition)
        return connection

    def new_connection(self, partition: int) -> RedisConnection:
        """A separate connection to a partition's server, for blocking reads."""
        return self.connection_for(keys.key(partition, keys.JOURNAL))

    def connection_for(self, slot_key: str) -> RedisConnection:
        """A separate connection to the server of a key, which leaves it when it is the master no more."""
        connection = RedisConnection(partial(self.servers.address, slot_key))
        self._masters.watch(connection, slot_key)
        return connection

    # -- for the other rooms

    @staticmethod
    def key(call_or_partition: str | int, *parts: str) -> str:
        """A key in the slot of a call or partition: ``key("07-…", "call", id)`` → ``orchestra:{p07}:call:…``."""
        partition = call_or_partition if isinstance(call_or_partition, int) else keys.partition_of(call_or_partition)
        return keys.key(partition, *parts)

    def new_call(self, homes: Sequence[int] | None = None) -> str:
        """The id of a new call, on one of the home partitions (any open one unless given)."""
        partition = random.choice(homes or range(self.partition_counts.open))  # noqa: S311
        return keys.new_call(partition, int(SYSTEM_CLOCK.time() * 1000))

    def publisher(self, source: str, *, capacity: int = 10_000, version: str = "") -> Publisher:
        """A publisher for a producer that is not a handler.

        ``source`` and ``version`` (the package's unless given) are in the headers of its events.
        """
        publisher = Publisher(source, self.connection, capacity=capacity, version=version, sealing=self.sealing)
        self._publishers.append(publisher)
        return publisher

    async def entries(
        self, partition: int, stream: str, *, since: str = "-", in_clear: bool = False
    ) -> AsyncIterator[Entry]:
        """The entries of a stream from an id to its current end; ``in_clear`` opens those that are sealed."""
        sealing = self.sealing if in_clear else None
        key, start = keys.key(partition, stream), since
        while True:
            page = await self.connection(partition).call("XRANGE", key, start, "+", "COUNT", _PAGE)
            for raw in page:
                yield read_entry(raw, partition, stream).opened(sealing)
            if len(page) < _PAGE:
                return
            start = "(" + page[-1][0].decode()

    async def journal(self, call: str, *, in_clear: bool = False) -> list[Event]:
        """All events of a call on the journal, in order; ``in_clear`` opens those that are sealed.

        Events of unknown types are left out, and so are invalid ones, which are logged: nobody should lose a call
        because another producer has written into its journal.

        Raises:
            ValueError: the call id does not begin with a partition.

        """
        events: list[Event] = []
        since = str(keys.earliest_ms(call))
        async for entry in self.entries(keys.partition_of(call), keys.JOURNAL, since=since, in_clear=in_clear):
            if entry.call != call:
                continue
            try:
                event = entry.event()
            except DecodeError as error:
                _LOG.warning("journal.damaged", call=call, stream_id=entry.stream_id, error=str(error))
                continue
            if event is not None:
                events.append(event)
        return events

    def follow(
        self,
        partitions: Iterable[int] | None = None,
        *,
        streams: Sequence[str] = (keys.JOURNAL,),
        since: str | None = None,
        in_clear: bool = False,
    ) -> Subscription:
        """Iterate over the new entries of these partitions (all unless given), until it is closed; survives outages.

        All are those, too, that are new later.
        ``since`` is the stream id after which to begin ("0" for all entries); from now on unless given. "Now" is the
        first step of the iteration, or an earlier ``await subscription.start()``. ``in_clear`` opens what is sealed.
        """
        chosen = range(self.partitions) if partitions is None else partitions
        sealing = self.sealing if in_clear else None
        subscription = Subscription(self, chosen, streams, since, all_partitions=partitions is None, sealing=sealing)
        self.subscriptions.add(subscription)
        return subscription

    async def memory(self) -> ServerMemory:
        """How full the memory of the server is, in a cluster of the fullest one.

        Raises:
            redis.exceptions.RedisError: it cannot be reached, or this user may not ask.

        """
        connections = {self.connection(partition) for partition in range(self.partitions)}
        return max([await memory_of(each) for each in connections], key=lambda memory: memory.share)

    async def groups(self) -> list[GroupStatus]:
        """Every group on every partition, by name and partition."""
        found: dict[tuple[str, int], GroupStatus] = {}
        for partition in range(self.partitions):
            names = [keys.key(partition, stream) for stream in keys.STREAMS]
            replies = await self.connection(partition).calls([("XINFO", "GROUPS", name) for name in names])
            # an error where there is no such stream yet: no groups
            infos = [pairs(info) for reply in replies if isinstance(reply, list) for info in reply]
            known = await self._statuses(partition, dict.fromkeys(text(fields["name"]) for fields in infos))
            for fields in infos:
                group, lag = text(fields["name"]), fields.get("lag")
                status = found.get((group, partition)) or known[group]
                found[group, partition] = replace(
                    status,
                    lag=None if lag is None or status.lag is None else status.lag + lag,
                    pending=status.pending + fields["pending"],
                )
        return [found[each] for each in sorted(found)]

    async def _statuses(self, partition: int, groups: Iterable[str]) -> dict[str, GroupStatus]:
        """The owners and dead letters of these groups."""
        names = list(groups)
        asked: list[tuple[Argument, ...]] = []
        for group in names:
            asked += [("GET", keys.key(partition, "lease", group)), ("XLEN", keys.key(partition, "dead", group))]
        replies = await self.connection(partition).calls(asked)
        return {
            group: GroupStatus(group, partition, text(owner).rpartition(":")[0] if owner else "", 0, 0, dead)
            for group, owner, dead in zip(names, replies[::2], replies[1::2], strict=True)
        }
