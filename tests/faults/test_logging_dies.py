"""The logging worker is killed in mid-batch, or OpenObserve goes away for a while: every event arrives in the end."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestra.bus import Bus, EmbeddedServer
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from tests.bench._ship_events import CallOfTurns
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer, Trouble

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

LEASE_MS = 500
AWAY_S = 60


class Shipping:
    """A server, the stand-in for OpenObserve, worker processes, and the published events."""

    def __init__(self, folder: Path, openobserve: OpenObserveServer, bus: Bus) -> None:
        self.folder = folder
        self.openobserve = openobserve
        self.bus = bus
        self.published: list[str] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self._publisher = bus.publisher("load")
        self._calls = [CallOfTurns(bus.new_call()) for _ in range(40)]

    def worker(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestra.cli", "worker", "logging"],
                env={
                    **os.environ, "ORCHESTRA_REDIS_URL": self.bus.url, "ORCHESTRA_LEASE_MS": str(LEASE_MS),
                    "ORCHESTRA_DATA_DIR": str(self.folder), "ORCHESTRA_OPENOBSERVE_URL": self.openobserve.url,
                    "ORCHESTRA_OPENOBSERVE_USER": USER, "ORCHESTRA_OPENOBSERVE_PASSWORD": PASSWORD,
                },
                stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
            )  # fmt: skip
        self.workers.append(process)
        return process

    async def end(self, process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
        process.send_signal(number)
        await asyncio.to_thread(process.wait)  # the server that receives its last records runs in this loop
        self.workers.remove(process)

    async def load(self, seconds: float, per_s: int = 1000) -> None:
        for _ in range(round(seconds * 20)):
            for _ in range(per_s // 20):
                call = self._calls[len(self.published) % len(self._calls)]
                self.published.append(self._publisher.publish(call.next()).id)
            await asyncio.sleep(0.05)
        await self._publisher.flush(60)

    async def finished(self) -> None:
        async with asyncio.timeout(90):
            while True:
                groups = await self.bus.groups()
                if len(groups) == self.bus.partitions and not any(each.lag or each.pending for each in groups):
                    assert not any(each.dead for each in groups)
                    return
                await asyncio.sleep(0.05)

    def check(self) -> int:
        """Check that every event arrived; returns the number of duplicate rows."""
        stored = self.events()
        missing = set(self.published) - set(stored)
        assert not missing, f"{len(missing)} of {len(self.published)} events are missing\n{self.log()}"
        assert set(stored) == set(self.published)
        return len(stored) - len(self.published)

    def events(self) -> list[str]:
        rows = self.openobserve.rows
        return [row["event_id"] for stream in rows if stream != "orchestra_logs" for row in rows[stream]]

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]


@pytest_asyncio.fixture
async def shipping(tmp_path: Path) -> AsyncIterator[Shipping]:
    async with EmbeddedServer(tmp_path) as server, OpenObserveServer() as openobserve:
        openobserve.fixed_port = openobserve.port
        bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
        shipping = Shipping(tmp_path, openobserve, bus)
        try:
            yield shipping
        finally:
            for process in shipping.workers:
                process.kill()
                process.wait()
            await bus.close()


async def test_kills_in_mid_batch_lose_nothing(shipping: Shipping) -> None:
    shipping.openobserve.troubles = [Trouble("slow", slow_s=0.3)]  # so that there is always a batch in progress
    shipping.worker()
    load = asyncio.create_task(shipping.load(10, per_s=500))
    chance = random.Random(5)
    for _ in range(3):
        await asyncio.sleep(chance.uniform(2.5, 3.5))
        await shipping.end(shipping.workers[0])
        shipping.worker()
    await load
    shipping.openobserve.troubles = []
    await shipping.finished()
    # batches that were stored but not acked were sent again under the same ids, so there may be duplicates or none
    assert shipping.check() < len(shipping.published)


async def test_a_minute_without_openobserve_loses_and_duplicates_nothing(shipping: Shipping) -> None:
    shipping.worker()
    await shipping.load(3)
    await shipping.openobserve.__aexit__(None, None, None)
    began = time.monotonic()
    await shipping.load(AWAY_S, per_s=200)
    assert time.monotonic() - began >= AWAY_S
    assert shipping.workers[0].poll() is None, shipping.log()
    assert len(shipping.events()) < len(shipping.published)
    await shipping.openobserve.__aenter__()
    await shipping.load(3)
    await shipping.finished()
    assert shipping.check() == 0
    assert "shipping.waits" in shipping.log()


async def test_a_worker_that_shuts_down_hands_over_and_ships_nothing_twice(shipping: Shipping) -> None:
    shipping.worker()
    load = asyncio.create_task(shipping.load(8))
    for _ in range(3):
        await asyncio.sleep(2)
        shipping.worker()
        await shipping.end(shipping.workers[0], signal.SIGTERM)
    await load
    await shipping.finished()
    assert shipping.check() == 0


async def test_the_log_of_the_worker_is_shipped_too(shipping: Shipping) -> None:
    process = shipping.worker()
    await shipping.load(0.5)
    await shipping.finished()
    await shipping.end(process, signal.SIGTERM)
    said = {row["event"]: row for row in shipping.openobserve.rows["orchestra_logs"]}
    assert said["worker.started"]["process"] == "worker.logging"
    assert {"logging.stopped", "worker.stopped"} <= set(said)
