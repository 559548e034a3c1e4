"""Hosts of a whole platform are cut off while callers talk: each hears every word once, and nobody waits in silence."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.hosts.network import lacking
from tests.hosts.platform import Platform, platform

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(150),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with platform(tmp_path_factory.mktemp("platform")) as started:
        yield started


async def test_nothing(running: Platform) -> None:
    await asyncio.gather(*(running.call(2) for _ in range(2)))
    await running.check()


async def test_an_edge_that_is_cut_off_from_redis_keeps_its_callers(running: Platform) -> None:
    net, hosts = running.network, running.hosts
    calls = [running.call(4) for _ in range(4)]
    await asyncio.sleep(4)
    net.cut(hosts["edge-1"], hosts["redis"])
    await asyncio.sleep(6)
    net.heal()
    await asyncio.gather(*calls)
    await running.check()


async def test_an_edge_that_is_cut_off_from_everything(running: Platform) -> None:
    net, hosts = running.network, running.hosts
    calls = [running.call(4) for _ in range(4)]
    await asyncio.sleep(4)
    net.cut(hosts["edge-1"])
    await asyncio.sleep(8)
    net.heal()
    await asyncio.gather(*calls)
    await running.check()
