"""A master is killed under load and its replica is promoted: the events on the new master take effect once."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.bus.conftest import REDIS_7
from tests.faults.fleet import Fleet, fleet_at
from tests.faults.jobs import JobAsked
from tests.faults.replicas import Replicated, cluster_with_replica, with_sentinels

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

Started = Callable[[Path, Path | None], AbstractAsyncContextManager[Replicated]]
BINARIES = [
    pytest.param(None, id="valkey"),
    pytest.param(
        Path(REDIS_7 or ""), id="redis_7", marks=pytest.mark.skipif(REDIS_7 is None, reason="no redis-server here")
    ),
]


async def replicated(fleet: Fleet) -> dict[str, int]:
    """The number of events of every call that are certainly on the replicas."""
    published = {call: len(seqs) for call, seqs in fleet.asked.items()}
    await fleet.publisher.flush(60)
    for wire in {fleet.bus.connection(partition) for partition in range(fleet.bus.partitions)}:
        replicas = (await wire.call("ROLE"))[2]
        async with asyncio.timeout(60):
            while await wire.call("WAIT", len(replicas), 1000) < len(replicas):
                pass
    return published


async def check(fleet: Fleet, before: dict[str, int], after: dict[str, int]) -> None:
    """Check that the events on the journal were handled once, in order, and that only those of the failure are lost."""
    kept = await fleet.effects(JobAsked)
    for call, seqs in fleet.asked.items():
        lost = set(seqs) - set(kept[call])
        window = range(before.get(call, 0), after.get(call, 0))
        assert lost <= set(window), f"{call} lost {sorted(lost)}, where only {window} may be"
        assert kept[call] == sorted(set(kept[call])), f"{call} is not in order, or has something twice: {kept[call]}"
    fleet.begun = {call: [seq for seq in seqs if seq in kept[call]] for call, seqs in fleet.begun.items()}
    fleet.begun = {call: seqs for call, seqs in fleet.begun.items() if seqs}
    fleet.asked = kept
    await fleet.check()


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("started", [with_sentinels, cluster_with_replica])
async def test_the_run_continues_on_the_replica_when_the_master_is_killed(
    tmp_path: Path, started: Started, binary: Path | None
) -> None:
    async with started(tmp_path, binary) as servers, fleet_at(tmp_path, servers.url) as fleet:
        for _ in range(2):
            fleet.worker()
        await fleet.shared_by(2)
        load = asyncio.create_task(fleet.load(6_000, 60, per_s=500))
        await fleet.asked_for(500)
        before = await replicated(fleet)
        await fleet.asked_for(1000)
        await servers.doomed.kill()
        after = {call: len(seqs) for call, seqs in fleet.asked.items()}
        await servers.promoted()
        await servers.doomed.start()  # it returns as a replica, without the writes that only it had
        await load
        await fleet.finished()
        await check(fleet, before, after)
