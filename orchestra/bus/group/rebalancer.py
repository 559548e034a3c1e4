"""Keeping a worker's share of a group's partitions: acquire, renew, hand over, notice a loss."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError

from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.group.leases import Leases, quota
from orchestra.bus.group.membership import join
from orchestra.bus.group.recovery import PartitionRecovery
from orchestra.bus.redis.refusal import Outage, describe_error
from orchestra.errors import FencedError

if TYPE_CHECKING:
    from orchestra.bus.consumer.runtime import ConsumerRuntime

_LOG = structlog.get_logger("orchestra.bus")
_BEAT_S = 0.2


class Rebalancer:
    """The partitions that this worker owns, and the loop that keeps them its fair share."""

    def __init__(self, runtime: "ConsumerRuntime", leases: Leases, grace_s: float) -> None:
        self.owned: dict[int, OwnedPartition] = {}
        #: is set by a hand-over of another worker, a lost lease, or the end
        self.wake = asyncio.Event()
        self.ready = asyncio.Event()
        self.lost = 0
        #: when Redis last answered, in the event loop's time (seconds)
        self.last_contact = asyncio.get_running_loop().time()
        #: what Redis, or the way to it, answers instead; empty while all is well
        self.last_error = ""
        self._runtime = runtime
        self._group = runtime.consumer.name
        self._leases = leases
        self._grace_s = grace_s
        self._recovery = PartitionRecovery(runtime)
        self._recovering: dict[int, asyncio.Task[None]] = {}
        self._releasing: dict[int, asyncio.Task[None]] = {}
        self._renewed = float("-inf")
        self._joined = False
        self._stopping = False
        self._not_taken = Outage()

    def stop(self) -> None:
        """Start nothing more, hand everything over; `run` ends when that is done."""
        self._stopping = True
        for owned in self.owned.values():
            owned.ready = False
        self.wake.set()

    async def run(self) -> None:
        """Keep the share until `stop`; a server that is away is waited for.

        Raises:
            ConsumerError: the group is another consumer's.

        """
        backoff, outage = Backoff(0.05), Outage()
        while not (self._stopping and not self.owned):
            self.wake.clear()
            try:
                await self._beat()
            except RedisError as error:
                self.last_error = describe_error(error)
                if outage.is_news(error):
                    _LOG.warning("worker.redis_away", group=self._group, error=self.last_error)
                if self._stopping and backoff.tries > 5:  # noqa: PLR2004 - the leases end by themselves
                    return
                await backoff.wait()
                continue
            self.last_contact = asyncio.get_running_loop().time()
            if backoff.tries:
                _LOG.info("worker.redis_back", group=self._group)
                outage.over()
                self.last_error = ""
            backoff.reset()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_BEAT_S, self._leases.lease_ms / 8000)):
                    await self.wake.wait()

    async def _beat(self) -> None:
        if not self._joined and not self._stopping:
            await join(self._runtime.bus, self._runtime.consumer)
            self._joined = True
        if self._stopping:
            await self._leases.leave()
            share = 0
        else:
            members = await self._leases.members()
            share = quota(members, self._leases.worker, self._runtime.bus.partitions)
        now = asyncio.get_running_loop().time()
        if now - self._renewed >= self._leases.lease_ms / 3000:
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
            if answer == 0:
                await self._lose(owned)
            elif owned.ready and answer == 2:  # noqa: PLR2004
                await self._runtime.take_requeued(owned)

    # -- more

    async def _acquire_up_to(self, share: int) -> None:
        missing = share - len(self.owned)
        if missing <= 0:
            if not self._recovering and not self._stopping:
                self.ready.set()
            return
        for partition in self._others():
            taken = await self._leases.acquire(partition)
            if taken is None:
                continue
            token, vanished = taken
            owned = self.owned[partition] = self._runtime.own(partition, token)
            owned.committer.lost.add_done_callback(self._when_fenced(owned))
            self._recovering[partition] = self._start(self._take(owned, vanished=vanished))
            missing -= 1
            if missing == 0:
                return

    def _others(self) -> list[int]:
        """The partitions that are not ours, each worker beginning elsewhere, so that they do not race."""
        others = [partition for partition in range(self._runtime.bus.partitions) if partition not in self.owned]
        start = hash(self._leases.worker) % max(1, len(others))
        return others[start:] + others[:start]

    async def _take(self, owned: OwnedPartition, *, vanished: bool) -> None:
        try:
            await self._recovery.run(owned, vanished=vanished)
        except FencedError:
            return  # it was lost meanwhile
        except RedisError as error:
            # What was begun cannot be begun again in this ownership: give it up, and acquire it anew.
            if self._not_taken.is_news(error):
                _LOG.warning(
                    "partition.not_taken", group=self._group, partition=owned.partition, error=describe_error(error)
                )
            self._recovering.pop(owned.partition, None)
            await self._forget(owned)
            return
        self._not_taken.over()
        self._recovering.pop(owned.partition, None)
        if not owned.committer.lost.done() and not self._stopping and owned.partition not in self._releasing:
            owned.notify_partition_listener(mine=True)
            owned.ready = True
            _LOG.debug("partition.owned", group=self._group, partition=owned.partition, token=owned.token)
            self._runtime.refresh(owned.partition)
            if not self._recovering:
                self.wake.set()

    # -- less

    def _release_surplus(self, share: int) -> None:
        """Hand over what is more than our share, the idle ones first."""
        kept = [owned for partition, owned in self.owned.items() if partition not in self._releasing]
        kept.sort(key=lambda owned: len(owned.running), reverse=True)
        for owned in kept[share:]:
            self._releasing[owned.partition] = self._start(self._release(owned))

    async def _release(self, owned: OwnedPartition) -> None:
        """What runs may end within the grace; the rest stays pending for the next owner."""
        owned.ready = False
        owned.notify_partition_listener(mine=False)
        try:
            taking = self._recovering.pop(owned.partition, None)
            if taking is not None:
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)
            if owned.running:
                await asyncio.wait(list(owned.running), timeout=self._grace_s)
            await owned.cancel()
            await asyncio.wait([owned.committer.flush(), owned.committer.lost], return_when=asyncio.FIRST_COMPLETED)
            if not owned.committer.lost.done():
                await self._leases.release(owned.partition, (owned.token, owned.committer.answered))
        except RedisError as error:  # the lease ends by itself
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
        taking = self._recovering.pop(owned.partition, None)
        if taking is not None and taking is not asyncio.current_task():
            taking.cancel()
        owned.committer.abandon()
        await owned.cancel()
        owned.notify_partition_listener(mine=False)
        self._runtime.refresh(owned.partition)

    async def close(self) -> None:
        """Whatever still runs, ends now; for an end that was not asked for."""
        tasks = [*self._recovering.values(), *self._releasing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for owned in list(self.owned.values()):
            await self._forget(owned)

    def _start(self, delivery: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(delivery)  # type: ignore[arg-type]
        task.add_done_callback(self._runtime.watch)
        return task
