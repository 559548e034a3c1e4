"""The archive worker is killed at random moments, or paused until another owns its partitions; no event is lost."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestra.archive.archive import Archive, effective_parts
from orchestra.archive.compact import compact
from orchestra.bus import Bus, EmbeddedServer, Entry
from orchestra.bus.keys import JOURNAL
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra_schemas import UserTurnEnded

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

LEASE_MS = 400
KILLS = 30


class Archiving:
    """A server, archive workers, and a load on the journal."""

    def __init__(self, folder: Path, bus: Bus) -> None:
        self.folder = folder
        self.bus = bus
        self.archive = Archive.of(bus.settings)
        self.published = 0
        self._publisher = bus.publisher("load")
        self._calls = [bus.new_call() for _ in range(40)]

    def worker(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "orchestra.cli", "worker", "archive"],
                env={
                    **os.environ, "ORCHESTRA_REDIS_URL": self.bus.url, "ORCHESTRA_LEASE_MS": str(LEASE_MS),
                    "ORCHESTRA_DATA_DIR": str(self.folder), "ORCHESTRA_ARCHIVE_FLUSH_S": "0.03",
                    "ORCHESTRA_ARCHIVE_ROWS": "40",
                },
                stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
            )  # fmt: skip

    async def load(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for _ in range(20):
                call = self._calls[self.published % len(self._calls)]
                self.published += 1
                self._publisher.publish(UserTurnEnded(call=call, turn=self.published, text=f"word {self.published}"))
            await asyncio.sleep(0.05)
        await self._publisher.flush(60)

    async def owned(self, partitions: int) -> None:
        """Wait until this many partitions have an owner."""
        async with asyncio.timeout(60):
            while sum(bool(each.owner) for each in await self.bus.groups()) < partitions:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def finished(self) -> None:
        async with asyncio.timeout(90):
            while any(each.lag for each in await self.bus.groups()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def check(self) -> None:
        """Check that every entry of the journal is in the archive once and unchanged, by every way of reading it."""
        journal: list[Entry] = []
        for partition in range(self.bus.partitions):
            journal += [entry async for entry in self.bus.entries(partition, JOURNAL)]
        assert len(journal) == self.published
        kept = Counter(self.archive.entries())
        assert not Counter(journal) - kept, f"{len(Counter(journal) - kept)} events are missing"
        assert not kept - Counter(journal), f"{len(kept - Counter(journal))} events are there twice"


@pytest_asyncio.fixture
async def archiving(tmp_path: Path) -> AsyncIterator[Archiving]:
    async with EmbeddedServer(tmp_path) as server:
        bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path, lease_ms=LEASE_MS))
        try:
            yield Archiving(tmp_path, bus)
        finally:
            await bus.close()


async def test_every_event_is_archived_once_when_the_worker_is_killed_at_thirty_random_moments(
    archiving: Archiving,
) -> None:
    chance, stop = random.Random(20261122), asyncio.Event()
    load = asyncio.create_task(archiving.load(stop))
    for _ in range(KILLS):
        worker = archiving.worker()
        await archiving.owned(1)
        await asyncio.sleep(chance.uniform(0, 0.4))  # the random moment is the test
        worker.kill()
        await asyncio.to_thread(worker.wait)
    stop.set()
    await load
    worker = archiving.worker()
    await archiving.owned(archiving.bus.partitions)
    await archiving.finished()
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait) == 0
    await archiving.check()
    files = archiving.archive.files()
    assert all(part.whole for part in effective_parts(files)), "files overlap"
    assert len(effective_parts(files)) == len(files), "files cover one another"
    await asyncio.to_thread(compact, archiving.archive, settle_s=0)
    await archiving.check()


async def test_a_paused_owner_that_lost_its_lease_adds_no_duplicates(archiving: Archiving) -> None:
    chance, stop = random.Random(7), asyncio.Event()
    load = asyncio.create_task(archiving.load(stop))
    workers = [archiving.worker(), archiving.worker()]
    await archiving.owned(archiving.bus.partitions)
    for round_ in range(6):
        paused = workers[round_ % 2]
        paused.send_signal(signal.SIGSTOP)
        await asyncio.sleep(LEASE_MS / 1000 + chance.uniform(0, 0.5))  # longer than its leases last
        paused.send_signal(signal.SIGCONT)
        await asyncio.sleep(chance.uniform(0, 0.3))
    stop.set()
    await load
    await archiving.finished()
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait)
    await archiving.check()
    await asyncio.to_thread(compact, archiving.archive, settle_s=0)
    await archiving.check()
