"""Which worker owns which partitions of a group: leases, shared fairly among the living by the server's clock."""

import asyncio
from typing import TYPE_CHECKING

from orchestra.bus import keys
from orchestra.bus.consumer.position import REQUEUED
from orchestra.bus.redis.scripts import ACQUIRE, MEMBER, RENEW

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus

#: a lease's token, and the number of the last commit under it that was answered
Hold = tuple[str, int]


def quota(members: list[str], worker: str, partitions: int) -> int:
    """How many partitions are a worker's share: as even as whole numbers go, the same answer for every worker.

    >>> [quota(["a", "b", "c"], worker, 16) for worker in "abc"]
    [6, 5, 5]
    """
    place = sorted(members).index(worker)
    return partitions // len(members) + (1 if place < partitions % len(members) else 0)


class Leases:
    """The lease operations of one worker in one group; every one of them is a script, timed by the server."""

    def __init__(self, bus: "Bus", group: str, worker: str, lease_ms: int) -> None:
        self.group = group
        self.worker = worker
        self.lease_ms = lease_ms
        self._bus = bus

    async def members(self) -> list[str]:
        """Give a sign of life; the workers of the group that have given one within the lease time."""
        reply = await self._bus.shared_connection.call(
            "EVALSHA", MEMBER.sha, 1, keys.members_key(self.group), self.worker, self.lease_ms
        )
        return [name.decode() for name in reply]

    async def leave(self) -> None:
        """No longer a member."""
        await self._bus.shared_connection.call("EVALSHA", MEMBER.sha, 1, keys.members_key(self.group), self.worker, 0)

    async def acquire(self, partition: int) -> tuple[str, bool] | None:
        """Take the lease of a partition: its token, and whether the owner before vanished. None if it is another's."""
        reply = await self._bus.connection(partition).call(
            "EVALSHA", ACQUIRE.sha, 2, *self._names(partition), self.worker, self.lease_ms
        )
        return None if reply is None else (reply[0].decode(), bool(reply[1]))

    async def renew(self, held: dict[int, Hold]) -> dict[int, int]:
        """Keep these leases. Per partition: 0 where it is lost, 2 where requeued dead letters wait, else 1."""
        if not self._bus.servers.divided:
            return await self._renew(held, self.lease_ms)
        answers = await asyncio.gather(*(self._renew({each: hold}, self.lease_ms) for each, hold in held.items()))
        return {partition: answer for each in answers for partition, answer in each.items()}

    async def release(self, partition: int, hold: Hold) -> None:
        """Give a lease up and tell the others."""
        await self._renew({partition: hold}, 0)
        await self._bus.announce_release(self.group)

    async def _renew(self, held: dict[int, Hold], lease_ms: int) -> dict[int, int]:
        """Of partitions on one server."""
        names = [name for each in held for name in (*self._names(each), keys.key(each, REQUEUED, self.group))]
        connection = self._bus.connection(next(iter(held), 0))
        holds = [word for hold in held.values() for word in hold]
        answers = await connection.call("EVALSHA", RENEW.sha, len(names), *names, lease_ms, *holds)
        return dict(zip(held, answers, strict=True))

    def _names(self, partition: int) -> tuple[str, str]:
        return keys.key(partition, "lease", self.group), keys.key(partition, "progress", self.group)
