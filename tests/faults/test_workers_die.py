"""Workers are killed, paused, added and stopped; every event takes effect once, in the order of its call."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.faults.fleet import LEASE_MS, fleet_at

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


async def test_twenty_kills_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        for _ in range(3):
            fleet.worker()
        load = asyncio.create_task(fleet.load(20_000, 200, per_s=900))
        chance = random.Random(3)
        for _ in range(20):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            fleet.kill(chance.choice(fleet.workers))
            fleet.worker()
        await load
        await fleet.finished()
        await fleet.check()


async def test_a_worker_paused_for_longer_than_its_lease_does_no_harm_when_it_resumes(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        first, _ = fleet.worker(), fleet.worker()
        await fleet.shared_by(2)
        load = asyncio.create_task(fleet.load(6_000, 60, per_s=900))
        for _ in range(3):
            await asyncio.sleep(0.3)
            fleet.kill(first, signal.SIGSTOP)
            await asyncio.sleep(LEASE_MS / 1000 * 3)
            fleet.kill(first, signal.SIGCONT)
        await load
        await fleet.finished()
        await fleet.check()
        await fleet.shared_by(2)


async def test_workers_that_shut_down_hand_over_at_once(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        for _ in range(3):
            fleet.worker()
        await fleet.shared_by(3)
        load = asyncio.create_task(fleet.load(6_000, 60, per_s=1200))
        for _ in range(4):
            await asyncio.sleep(0.8)
            fleet.worker()
            await asyncio.sleep(0.2)
            fleet.kill(fleet.workers[0], signal.SIGTERM)
        await load
        await fleet.finished()
        await fleet.check()


async def test_a_fourth_worker_gets_its_share_under_load(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        for _ in range(3):
            fleet.worker()
        await fleet.shared_by(3)
        load = asyncio.create_task(fleet.load(4_000, 80, per_s=900))
        await asyncio.sleep(0.5)
        fleet.worker()
        await fleet.shared_by(4)
        await load
        await fleet.finished()
        await fleet.check()


async def test_a_worker_whose_event_loop_blocks_beyond_its_lease_loses_its_work_to_another(
    tmp_path: Path,
) -> None:
    async with fleet_at(tmp_path) as fleet:
        for _ in range(2):
            fleet.worker(BLOCK_S="1.5")
        await fleet.shared_by(2)
        await fleet.load(400, 20, per_s=900)
        fleet.ask(next(iter(fleet.asked)), "blocks")
        await fleet.load(400, 20, per_s=900)
        await fleet.finished()
        await fleet.check()


async def test_a_worker_whose_clock_is_an_hour_off_gets_a_fair_share_in_order(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        fleet.worker()
        fleet.worker(CLOCK_OFF_S="3600")
        fleet.worker(CLOCK_OFF_S="-3600")
        await fleet.shared_by(3)
        await fleet.load(2_000, 60, per_s=900)
        fleet.kill(fleet.workers[1])
        await fleet.shared_by(2)
        await fleet.load(1_000, 60, per_s=900)
        await fleet.finished()
        await fleet.check()
