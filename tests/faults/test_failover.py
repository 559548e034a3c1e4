"""A master is killed under load and its replica is promoted: the events on the new master take effect once."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.bus.conftest import REDIS_7
from tests.faults.fleet import fleet_at
from tests.faults.replicas import Replicated, check, cluster_with_replica, replicated, with_sentinels

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

Started = Callable[[Path, Path | None], AbstractAsyncContextManager[Replicated]]
BINARIES = [
    pytest.param(None, id="valkey"),
    pytest.param(
        Path(REDIS_7 or ""), id="redis_7", marks=pytest.mark.skipif(REDIS_7 is None, reason="no redis-server here")
    ),
]


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
