"""The server is killed, paused or disconnected; nothing is lost, nothing is done twice."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.faults.fleet import fleet_at
from tests.faults.jobs import JobDone

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


async def test_a_server_killed_in_mid_run_restores_its_data_from_its_file(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        for _ in range(2):
            fleet.worker()
        await fleet.shared_by(2)
        load = asyncio.create_task(fleet.load(6_000, 60, per_s=900))
        for pause in (0.1, 1.5):
            await asyncio.sleep(1.0)
            await fleet.server.kill()
            await asyncio.sleep(pause)
            await fleet.server.start()
        await load
        await fleet.finished()
        await fleet.check()


async def test_a_server_that_pauses_for_seconds_causes_no_duplicates(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        fleet.bus.shared_connection.timeout_s = 1.0  # so that the publisher times out while the server holds its batch
        fleet.bus.shared_connection.drop()
        for _ in range(2):
            fleet.worker()
        await fleet.shared_by(2)
        load = asyncio.create_task(fleet.load(4_000, 40, per_s=900))
        await asyncio.sleep(1.0)
        os.kill(fleet.server.pid, signal.SIGSTOP)
        await asyncio.sleep(3.0)
        os.kill(fleet.server.pid, signal.SIGCONT)
        fleet.bus.shared_connection.timeout_s = 5.0
        await load
        await fleet.finished()
        await fleet.check()


async def test_connections_cut_in_mid_read_or_mid_commit_are_reopened(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        for _ in range(2):
            fleet.worker()
        await fleet.shared_by(2)
        load = asyncio.create_task(fleet.load(6_000, 60, per_s=900))
        for _ in range(25):
            await asyncio.sleep(0.2)
            await fleet.bus.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await load
        await fleet.finished()
        await fleet.check()


async def test_a_group_created_late_handles_all_existing_events(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        await fleet.load(3_000, 60, per_s=1e6)
        fleet.worker()
        await fleet.finished()
        await fleet.check()


@pytest.mark.parametrize("read_before", [0, 20])
async def test_events_trimmed_before_a_group_read_them_are_logged_as_a_gap(tmp_path: Path, read_before: int) -> None:
    async with fleet_at(tmp_path) as fleet:
        worker = fleet.worker()
        await fleet.shared_by(1)
        earlier = fleet.bus.new_call([4])
        for _ in range(read_before):
            fleet.ask(earlier, "inline")
        await fleet.publisher.flush()
        await fleet.finished()
        fleet.kill(worker, signal.SIGTERM)
        call = fleet.bus.new_call([4])
        lost = [fleet.ask(call, "inline").seq for _ in range(5)]
        kept = [fleet.ask(call, "inline").seq for _ in range(5)]
        await fleet.publisher.flush()
        entries = await fleet.bus.redis.xrange(fleet.bus.key(4, "events"))
        await fleet.bus.redis.xtrim(fleet.bus.key(4, "events"), minid=entries[-5][0], approximate=False)
        fleet.worker()
        await fleet.finished()
        await fleet.logged("journal.gap")
        assert "missing=5" in fleet.log()
        async with asyncio.timeout(60):
            while (await fleet.effects(JobDone))[call] != kept:  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.05)
        assert lost == [0, 1, 2, 3, 4]
