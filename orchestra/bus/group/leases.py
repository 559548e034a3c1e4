"""The leases and the members of a group; every operation is a script, timed by the server's clock."""

import asyncio
import contextlib

from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.position import REQUEUED
from orchestra.bus.ports import Connections
from orchestra.bus.redis.scripts import ACQUIRE, MEMBER, RENEW

#: a lease's token, and the number of the last commit under it that was answered
Hold = tuple[str, int]
#: what `Leases.renew` answers for a partition
LOST, REQUEUED_WAITING = 0, 2
_BLOCK_MS = 2000
_RELEASES_KEPT = 100


def quota(members: list[str], worker: str, partitions: int) -> int:
    """How many partitions are a worker's share: as even as whole numbers go, the same answer for every worker.

    >>> [quota(["a", "b", "c"], worker, 16) for worker in "abc"]
    [6, 5, 5]
    """
    index = sorted(members).index(worker)
    return partitions // len(members) + (1 if index < partitions % len(members) else 0)


class Leases:
    """The lease operations of one worker in one group."""

    def __init__(self, connections: Connections, group: str, worker: str, lease_ms: int) -> None:
        self.group = group
        self.worker = worker
        self.lease_ms = lease_ms
        self._connections = connections

    async def members(self) -> list[str]:
        """Report that this worker is alive; the workers of the group that have done so within the lease time."""
        return [name.decode() for name in await self._member(self.lease_ms)]

    async def leave(self) -> None:
        """Stop being a member."""
        await self._member(0)

    async def _member(self, lease_ms: int) -> list[bytes]:
        name = keys.members_key(self.group)
        reply: list[bytes] = await self._connections.shared_connection.call(
            "EVALSHA", MEMBER.sha, 1, name, self.worker, lease_ms
        )
        return reply

    async def acquire(self, partition: int) -> tuple[str, bool] | None:
        """Take the lease of a partition: its token, and whether the last owner vanished. None if it is another's."""
        reply = await self._connections.connection(partition).call(
            "EVALSHA", ACQUIRE.sha, 2, *self._names(partition), self.worker, self.lease_ms
        )
        return None if reply is None else (reply[0].decode(), bool(reply[1]))

    async def renew(self, held: dict[int, Hold]) -> dict[int, int]:
        """Keep these leases. Per partition ``LOST``, ``REQUEUED_WAITING`` if it has requeued dead letters, or 1."""
        if not self._connections.servers.divided:
            return await self._renew(held, self.lease_ms)
        answers = await asyncio.gather(*(self._renew({each: hold}, self.lease_ms) for each, hold in held.items()))
        return {partition: answer for each in answers for partition, answer in each.items()}

    async def release(self, partition: int, hold: Hold) -> None:
        """Give up a lease, and announce it to the group's other workers."""
        await self._renew({partition: hold}, 0)
        with contextlib.suppress(RedisError):  # they look at intervals, too
            await self._connections.shared_connection.call(
                "XADD", keys.RELEASES_KEY, "MAXLEN", "~", _RELEASES_KEPT, "*", "group", self.group
            )

    async def watch_releases(self, wake: asyncio.Event) -> None:
        """Set ``wake`` whenever a worker of the group has released a partition, until cancelled."""
        connection = self._connections.connection_for(keys.RELEASES_KEY)
        backoff, last = Backoff(0.1), b""
        try:
            while True:
                try:
                    if not last:
                        newest = await connection.call("XREVRANGE", keys.RELEASES_KEY, "+", "-", "COUNT", 1)
                        last = newest[0][0] if newest else b"0-0"
                    reply = await connection.call("XREAD", "BLOCK", _BLOCK_MS, "STREAMS", keys.RELEASES_KEY, last)
                except RedisError:
                    wake.set()  # whoever waits for it notices the outage, and reports it
                    last = b""  # the next server may not have got so far
                    await backoff.wait()
                    continue
                backoff.reset()
                for _, entries in reply or ():
                    last = entries[-1][0]
                    if any(self.group.encode() in fields for _, fields in entries):
                        wake.set()
        finally:
            await connection.close()

    async def _renew(self, held: dict[int, Hold], lease_ms: int) -> dict[int, int]:
        """Renew leases of partitions on one server; 0 ms gives them up."""
        names = [name for each in held for name in (*self._names(each), keys.key(each, REQUEUED, self.group))]
        connection = self._connections.connection(next(iter(held), 0))
        holds = [word for hold in held.values() for word in hold]
        answers = await connection.call("EVALSHA", RENEW.sha, len(names), *names, lease_ms, *holds)
        return dict(zip(held, answers, strict=True))

    def _names(self, partition: int) -> tuple[str, str]:
        return keys.key(partition, "lease", self.group), keys.key(partition, "progress", self.group)
