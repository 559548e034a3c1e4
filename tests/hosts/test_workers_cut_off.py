"""A host with workers cannot reach Redis, or not in one direction, or hardly: every event takes effect once, in order.

What each test cuts is in its name. A worker whose commands do not arrive loses its lease and is fenced; one whose
answers do not arrive has made commits and does not know it.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.hosts.network import lacking, network
from tests.hosts.rig import LEASE_MS, HostFleet, answers, fleet_on, start_redis

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostFleet]:
    """A server, three hosts with workers, and one from which events are published."""
    folder = tmp_path_factory.mktemp("hosts")
    with network(folder, "redis", "here", "worker-1", "worker-2", "worker-3") as net:
        redis, here, *workers = net.hosts.values()
        start_redis(redis)
        with net.inside(here):
            await answers(redis)
            async with fleet_on(net, folder, f"redis://{redis.address}:6379", *workers) as fleet:
                yield fleet


async def loses(fleet: HostFleet, seconds: float) -> None:
    """Publish meanwhile, let the fault end, and check everything that was ever published."""
    load = asyncio.create_task(fleet.load(1_200, 40, per_s=500))
    await asyncio.sleep(seconds)
    fleet.network.heal()
    await load
    await fleet.finished()
    await fleet.check()
    await fleet.shared_by(3)


@pytest.mark.parametrize("lost", ["everything", "what it sends", "what it gets"])
async def test_a_host_that_is_cut_off_for_longer_than_its_lease(fleet: HostFleet, lost: str) -> None:
    worker, redis = fleet.network.hosts["worker-1"], fleet.network.hosts["redis"]
    fleet.network.cut(worker, redis, only_from=lost == "what it sends", only_to=lost == "what it gets")
    await loses(fleet, 2.5 * LEASE_MS / 1000)


async def test_a_host_whose_partition_heals_before_its_lease_ends(fleet: HostFleet) -> None:
    fleet.network.cut(fleet.network.hosts["worker-2"], fleet.network.hosts["redis"])
    await loses(fleet, 0.5 * LEASE_MS / 1000)


async def test_a_host_whose_packets_take_200_ms_and_of_which_5_percent_are_lost(fleet: HostFleet) -> None:
    fleet.network.slow_down(fleet.network.hosts["worker-3"], delay_s=0.1, loss=0.05)  # in each direction
    await loses(fleet, 4.0)


async def test_the_publishing_host_is_cut_off(fleet: HostFleet) -> None:
    fleet.network.cut(fleet.network.hosts["here"], fleet.network.hosts["redis"], only_to=True)
    await loses(fleet, 1.5)
