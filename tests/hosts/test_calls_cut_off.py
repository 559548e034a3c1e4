"""Hosts of a whole platform fail while callers talk: each caller hears every word once, and nobody waits in silence.

Two edges and three hosts with workers, each with a disk of its own. From the start, one edge's wall clock is 90 s slow
and one worker's 90 s fast, and their disks are small.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from orchestra.bus import partition_of
from orchestra_schemas import CallResumed, CallStarted, Event, RecordingSaved, SpeechMetered
from tests.hosts.callers import CLOCKS_OFF_S, Platform, platform
from tests.hosts.network import lacking
from tests.hosts.rig import until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(400),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with platform(tmp_path_factory.mktemp("platform")) as started:
        yield started


def edges_of(journal: list[Event]) -> set[str]:
    return {event.source for event in journal if isinstance(event, CallStarted | CallResumed)}


async def test_hosts_whose_clocks_are_90_s_off_serve_calls_like_any_other(running: Platform) -> None:
    began = time.time()
    await asyncio.gather(*(running.call(1) for _ in range(4)))
    journals = await running.check()
    assert set.union(*map(edges_of, journals.values())) >= CLOCKS_OFF_S.keys() & {"edge-1", "edge-2"}
    moments = [event.at for journal in journals.values() for event in journal]
    assert began - 1 < min(moments) <= max(moments) < time.time() + 1


async def test_an_edge_that_is_cut_off_from_redis_alone_keeps_its_callers(running: Platform) -> None:
    net, hosts = running.network, running.hosts
    calls = [running.call(2) for _ in range(3)]
    await asyncio.sleep(3)
    net.cut(hosts["edge-1"], hosts["redis"])
    await asyncio.sleep(5)
    net.heal()
    await asyncio.gather(*calls)
    journals = await running.check()
    assert all(len(edges_of(journal)) == 1 for journal in journals.values())


async def test_callers_of_an_edge_that_is_cut_off_from_everything_go_on_at_the_other_one(running: Platform) -> None:
    net, hosts = running.network, running.hosts
    calls = [running.call(4) for _ in range(3)]  # longer than an edge waits for a stream that it has lost
    await asyncio.sleep(3)
    cut_at = time.time()
    net.cut(hosts["edge-1"])
    await asyncio.sleep(6)
    net.heal()  # it still has the calls, and much to say of them
    await asyncio.gather(*calls)
    journals = await running.check(cut_at=cut_at)
    moved = [journal for journal in journals.values() if len(edges_of(journal)) > 1]
    assert moved
    for journal in moved:
        resumed = next(index for index, event in enumerate(journal) if isinstance(event, CallResumed))
        late = {type(event) for event in journal[resumed:] if event.source == "edge-1"}
        assert late <= {SpeechMetered}


async def test_callers_do_not_notice_that_a_host_with_workers_is_cut_off_from_everything(running: Platform) -> None:
    net, hosts = running.network, running.hosts
    calls = [running.call(2) for _ in range(3)]
    await asyncio.sleep(3)
    net.cut(hosts["worker-1"])
    await asyncio.sleep(4)
    net.heal()
    await asyncio.gather(*calls)
    await running.check()


async def test_callers_of_an_edge_whose_packets_take_200_ms_and_of_which_5_percent_are_lost(running: Platform) -> None:
    net, hosts = running.network, running.hosts
    net.slow_down(hosts["edge-1"], delay_s=0.1, loss=0.05)  # in each direction
    await asyncio.gather(*(running.call(1) for _ in range(2)))
    net.heal()
    await running.check(slower=3.0)


async def test_a_full_disk_keeps_no_caller_waiting_and_what_was_to_be_written_is_written_once_there_is_room(
    running: Platform,
) -> None:
    calls = [running.call(2)]
    call = (await running.begun())[0]
    host = await running.host_of("persistence", partition_of(call))
    disk, log_before = running.disk_of(host), len(host.log("worker"))
    fill = disk / "fill"
    with fill.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65_536))
    await asyncio.sleep(3)
    fill.unlink()
    await asyncio.gather(*calls)
    (journal,) = (await running.check()).values()
    assert "No space left on device" in host.log("worker")[log_before:]
    (saved,) = [event for event in journal if isinstance(event, RecordingSaved)]
    assert saved.missing_ms == 0
    wanted = Counter(event.id for event in journal)
    await until(lambda: running.archived(call) == wanted)
