"""A master is cut off from those who replace it, and from nobody else: it lives, and answers whoever still asks it."""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from orchestra.bus import Entry
from tests.faults.jobs import JobAsked
from tests.faults.replicas import check, replicated
from tests.hosts.network import Host, Network, lacking, network
from tests.hosts.replicas import Replicated, in_cluster, with_sentinels
from tests.hosts.rig import ask, fleet_on, until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(lacking()), reason=lacking()),
]

#: how long after the promotion anybody may still read from the master of before
LEFT_WITHIN_S = 2.0


#: what asks where the masters are, or who is connected
_ASKING = ("cluster|", "client|list")


async def connected_to(server: Host, hosts: list[Host]) -> set[tuple[str, str]]:
    """The hosts that work with a server, and what each did last."""
    lines = str(await ask(server, "CLIENT", "LIST")).splitlines()
    clients = [dict(part.split("=", 1) for part in line.split(" ")) for line in lines]
    working = {(each["addr"].partition(":")[0], each["cmd"]) for each in clients}
    return {
        (host.name, command)
        for host in hosts
        for address, command in working
        if host.address == address and not command.startswith(_ASKING)
    }


@pytest.mark.parametrize("started", [with_sentinels, in_cluster])
async def test_nobody_reads_from_a_master_that_was_replaced_and_does_not_know_it(
    tmp_path: Path, started: Callable[[Network], Awaitable[Replicated]]
) -> None:
    with network(tmp_path, "here", "worker-1", "worker-2") as net:
        here, *workers = net.hosts.values()
        with net.inside(here):
            servers = await started(net)
            async with fleet_on(net, tmp_path, servers.url, *workers) as fleet:
                read: dict[str, list[int]] = defaultdict(list)
                journal = fleet.bus.follow()
                await journal.start()
                following = asyncio.create_task(follow(journal, read))
                await fleet.bus.redis.set("{shared}:before", "x")
                load = asyncio.create_task(fleet.load(2_000, 40, per_s=350))
                await fleet.asked_for(300)
                before = await replicated(fleet)
                net.cut_groups([servers.master], servers.others)
                await servers.promoted()
                began = time.monotonic()
                while stayed := await connected_to(servers.master, [here, *workers]):
                    assert time.monotonic() - began < LEFT_WITHIN_S, f"{stayed} still use {servers.master.name}"
                    await asyncio.sleep(0.02)
                after = {call: len(seqs) for call, seqs in fleet.asked.items()}
                await fleet.bus.redis.set("{shared}:after", "x")
                await load
                await fleet.finished()
                await check(fleet, before, after)  # `asked` is now what the new master has
                await until(lambda: not any(set(seqs) - set(read[call]) for call, seqs in fleet.asked.items()))
                following.cancel()
                wrong = {call: seqs for call, seqs in read.items() if seqs != sorted(set(seqs))}
                assert not wrong, f"read twice, or not in order: {wrong}"


#: so many does the host that is cut off publish, 50 a second
PUBLISHED = 350


async def test_a_host_that_is_cut_off_together_with_the_old_master_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Nobody in its reach can tell it, but the master accepts nothing any more soon after its replica is gone."""
    with network(tmp_path, "here", "worker-1", "worker-2") as net:
        here, together, other = net.hosts.values()
        with net.inside(here):
            servers = await with_sentinels(net)
            async with fleet_on(net, tmp_path, servers.url, together, other) as fleet:
                publishing = together.start(
                    [sys.executable, "-m", "tests.hosts.publishing", str(PUBLISHED)], "publishing",
                    ORCHESTRA_REDIS_URL=servers.url,
                )  # fmt: skip
                await until(lambda: "begun" in together.log("publishing"))
                load = asyncio.create_task(fleet.load(1_200, 40, per_s=350))
                await fleet.asked_for(300)
                net.cut_groups([servers.master, together], [*servers.others, here, other])
                await servers.promoted()
                await load
                await fleet.finished()
                assert len(await fleet.owners()) == 1
                assert publishing.poll() is None
                net.heal()
                await until(lambda: publishing.poll() is not None)
                call = together.log("publishing").rpartition("published ")[2].strip()
                fleet.asked[call] = list(range(PUBLISHED))
                await fleet.finished()
                await fleet.check()
                await fleet.shared_by(2)


async def follow(journal: AsyncIterator[Entry], read: dict[str, list[int]]) -> None:
    """Read as an edge does, which has no lease."""
    async for entry in journal:
        if (event := entry.event()) is not None and isinstance(event, JobAsked):
            read[event.call].append(event.seq)
