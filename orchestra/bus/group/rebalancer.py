"""Keeps a worker's share of a group's partitions: acquires, renews and releases them, and notices a loss."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog
from redis.exceptions import RedisError

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.group.leases import LOST, REQUEUED_WAITING, Leases, quota
from orchestra.bus.group.recovery import PartitionRecovery
from orchestra.bus.ports import Connections
from orchestra.bus.redis.refusal import Outage, describe_error
from orchestra.errors import FencedError

_LOG = structlog.get_logger("orchestra.bus")
_INTERVAL_S = 0.2
_TRIES_TO_RELEASE = 5


class RebalancerHost(Protocol):
    """What the rebalancer needs of the run-time around it."""

    async def join_group(self) -> None:
        """Record that the group is the consumer's.

        Raises:
            ConsumerError: it is another consumer's.

        """

    def open_partition(self, partition: int, token: str) -> OwnedPartition:
        """A partition whose lease was just acquired."""

    async def read_requeued(self, owned: OwnedPartition) -> None:
        """Handle the dead letters that were given back to the group."""

    def refresh(self, partition: int) -> None:
        """Read from a partition from now on, or no longer."""

    def watch(self, task: asyncio.Task[None]) -> None:
        """Report an error of a task that has ended."""


class Rebalancer:
    """The partitions that this worker owns, and the loop that keeps them its fair share.

    Attributes:
        owned: the partitions under lease, by number.
        wake: ends the wait between two rounds: a partition was released or lost, or `stop` was called.
        ready: set when the share is complete for the first time.
        lost: how many leases other workers have taken over.
        last_contact: when Redis last answered, in the event loop's time (seconds).
        last_error: why Redis does not answer now; empty if it does.

    """

    def __init__(
        self,
        host: RebalancerHost,
        leases: Leases,
        recovery: PartitionRecovery,
        connections: Connections,
        grace_s: float,
    ) -> None:
        self.owned: dict[int, OwnedPartition] = {}
        self.wake = asyncio.Event()
        self.ready = asyncio.Event()
        self.lost = 0
        self.last_contact = asyncio.get_running_loop().time()
        self.last_error = ""
        self._host = host
        self._group = leases.group
        self._leases = leases
        self._recovery = recovery
        self._connections = connections
        self._grace_s = grace_s
        self._recovering: dict[int, asyncio.Task[None]] = {}
        self._releasing: dict[int, asyncio.Task[None]] = {}
        self._renewed = float("-inf")
        self._joined = False
        self._stopping = False
        self._recovery_outage = Outage()

    def stop(self) -> None:
        """Start no more entries and release every partition; `run` ends when that is done."""
        self._stopping = True
        for owned in self.owned.values():
            owned.ready = False
        self.wake.set()

    async def run(self) -> None:
        """Keep the share until `stop`, waiting for a server that is away.

        Raises:
            ConsumerError: the group is another consumer's.

        """
        backoff, outage = Backoff(0.05), Outage()
        while not (self._stopping and not self.owned):
            self.wake.clear()
            try:
                await self._rebalance()
            except RedisError as error:
                self.last_error = describe_error(error)
                if outage.should_log(error):
                    _LOG.warning("worker.redis_away", group=self._group, error=self.last_error)
                if self._stopping and backoff.tries > _TRIES_TO_RELEASE:  # the leases expire by themselves
                    return
                await backoff.wait()
                continue
            self.last_contact = asyncio.get_running_loop().time()
            if backoff.tries:
                _LOG.info("worker.redis_back", group=self._group)
                outage.reset()
                self.last_error = ""
            backoff.reset()
            with contextlib.suppress(TimeoutError):
                # eight rounds within a lease: one that is short is renewed in time, too
                async with asyncio.timeout(min(_INTERVAL_S, self._leases.lease_ms / 8000)):
                    await self.wake.wait()

    async def _rebalance(self) -> None:
        if not self._joined and not self._stopping:
            await self._host.join_group()
            self._joined = True
        if self._stopping:
            await self._leases.leave()
            share = 0
        else:
            share = quota(await self._leases.members(), self._leases.worker, self._connections.partitions)
        now = asyncio.get_running_loop().time()
        if now - self._renewed >= self._leases.lease_ms / 3000:  # a third of the lease time
            await self._renew()
            self._renewed = now
        self._release_surplus(share)
        await self._acquire_up_to(share)

    async def _renew(self) -> None:
        held = {partition: (owned.token, owned.committer.answered) for partition, owned in self.owned.items()}
        for partition, answer in (await self._leases.renew(held)).items():
            owned = self.owned.get(partition)
            if owned is None or owned.token != held[partition][0]:
                continue
            if answer == LOST:
                await self._lose(owned)
            elif owned.ready and answer == REQUEUED_WAITING:
                await self._host.read_requeued(owned)

    # -- acquiring

    async def _acquire_up_to(self, share: int) -> None:
        missing = share - len(self.owned)
        if missing <= 0:
            if not self._recovering and not self._stopping:
                self.ready.set()
            return
        for partition in self._others():
            acquired = await self._leases.acquire(partition)
            if acquired is None:
                continue
            token, vanished = acquired
            owned = self.owned[partition] = self._host.open_partition(partition, token)
            owned.committer.lost.add_done_callback(self._when_fenced(owned))
            self._recovering[partition] = self._start(self._recover(owned, vanished=vanished))
            missing -= 1
            if missing == 0:
                return

    def _others(self) -> list[int]:
        """The partitions that this worker does not own. Each worker begins at another one, so that they do not race."""
        others = [partition for partition in range(self._connections.partitions) if partition not in self.owned]
        start = hash(self._leases.worker) % max(1, len(others))
        return others[start:] + others[:start]

    async def _recover(self, owned: OwnedPartition, *, vanished: bool) -> None:
        try:
            await self._recovery.run(owned, vanished=vanished)
        except FencedError:
            return  # the lease was lost meanwhile
        except RedisError as error:
            # entries that were begun cannot be begun a second time under this lease: give it up, acquire another
            if self._recovery_outage.should_log(error):
                _LOG.warning(
                    "partition.not_taken", group=self._group, partition=owned.partition, error=describe_error(error)
                )
            self._recovering.pop(owned.partition, None)
            await self._forget(owned)
            return
        self._recovery_outage.reset()
        self._recovering.pop(owned.partition, None)
        if not owned.committer.lost.done() and not self._stopping and owned.partition not in self._releasing:
            owned.notify_partition_listener(mine=True)
            owned.ready = True
            _LOG.debug("partition.owned", group=self._group, partition=owned.partition, token=owned.token)
            self._host.refresh(owned.partition)
            if not self._recovering:
                self.wake.set()

    # -- releasing

    def _release_surplus(self, share: int) -> None:
        """Release the partitions beyond the share, idle ones first."""
        kept = [owned for partition, owned in self.owned.items() if partition not in self._releasing]
        kept.sort(key=lambda owned: len(owned.running), reverse=True)
        for owned in kept[share:]:
            self._releasing[owned.partition] = self._start(self._release(owned))

    async def _release(self, owned: OwnedPartition) -> None:
        """Let running handlers end within the grace, then give up the lease; other entries stay pending."""
        owned.ready = False
        owned.notify_partition_listener(mine=False)
        try:
            recovering = self._recovering.pop(owned.partition, None)
            if recovering is not None:
                recovering.cancel()
                await asyncio.gather(recovering, return_exceptions=True)
            if owned.running:
                await asyncio.wait(list(owned.running), timeout=self._grace_s)
            await owned.cancel()
            await asyncio.wait([owned.committer.flush(), owned.committer.lost], return_when=asyncio.FIRST_COMPLETED)
            if not owned.committer.lost.done():
                await self._leases.release(owned.partition, (owned.token, owned.committer.answered))
        except RedisError as error:  # the lease expires by itself
            _LOG.warning("partition.not_released", group=self._group, partition=owned.partition, error=str(error))
        finally:
            self._releasing.pop(owned.partition, None)
            await self._forget(owned)
            self.wake.set()

    def _when_fenced(self, owned: OwnedPartition) -> Callable[[object], None]:
        def fenced(_: object) -> None:
            if self.owned.get(owned.partition) is owned:
                self._releasing.setdefault(owned.partition, self._start(self._lose(owned)))

        return fenced

    async def _lose(self, owned: OwnedPartition) -> None:
        _LOG.warning("partition.lost", group=self._group, partition=owned.partition, token=owned.token)
        self.lost += 1
        try:
            await self._forget(owned)
        finally:
            self._releasing.pop(owned.partition, None)
            self.wake.set()

    async def _forget(self, owned: OwnedPartition) -> None:
        owned.ready = False
        if self.owned.get(owned.partition) is owned:
            del self.owned[owned.partition]
        recovering = self._recovering.pop(owned.partition, None)
        if recovering is not None and recovering is not asyncio.current_task():
            recovering.cancel()
        owned.committer.abandon()
        await owned.cancel()
        owned.notify_partition_listener(mine=False)
        self._host.refresh(owned.partition)

    async def close(self) -> None:
        """End everything at once, without releasing; for an error or a cancellation."""
        tasks = [*self._recovering.values(), *self._releasing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for owned in list(self.owned.values()):
            await self._forget(owned)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._host.watch)
        return task
