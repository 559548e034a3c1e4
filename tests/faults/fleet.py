"""Worker processes on a real server, a load for them, and a check of the results."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from orchestra.bus import Bus, EmbeddedServer, GroupStatus
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra_schemas import Event, tag_of
from tests.bus.conftest import AT_ONCE
from tests.faults.jobs import JobAsked, JobBegun, JobDone

LEASE_MS = 500
KINDS = ("inline", "inline", "inline", "waits", "begins", "stateful")


class Fleet:
    """A server, workers and a load. It starts a server of its own unless it is given the URL of another."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.server = EmbeddedServer(folder, options=AT_ONCE)
        self.url = url
        self.workers: list[subprocess.Popen[bytes]] = []
        self.asked: dict[str, list[int]] = defaultdict(list)
        self.begun: dict[str, list[int]] = defaultdict(list)
        self.bus: Bus

    async def start(self) -> None:
        if not self.url:
            await self.server.start()
            self.url = self.server.url
        self.settings = Settings(redis_url=self.url, data_dir=self.folder, lease_ms=LEASE_MS)
        self.bus = await Bus.connect(self.settings)
        self.publisher = self.bus.publisher("load")

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """One more worker process."""
        log = (self.folder / "log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.jobs"],
            env={
                **os.environ, **environment, "ORCHESTRA_REDIS_URL": self.url,
                "ORCHESTRA_LEASE_MS": str(LEASE_MS), "ORCHESTRA_DATA_DIR": str(self.folder),
                "NOTES": str(self.folder / "notes"),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
        )  # fmt: skip
        log.close()
        self.workers.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
        process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.workers.remove(process)
            process.wait()

    async def load(self, events: int, calls: int, per_s: float, *, kinds: Sequence[str] = KINDS) -> None:
        """Publish ``events`` jobs of ``calls`` calls, one after another per call."""
        names = [self.bus.new_call() for _ in range(calls)]
        chance = random.Random(7)
        for number in range(events):
            self.ask(names[number % calls], chance.choice(kinds))
            if number % 50 == 49:
                await asyncio.sleep(50 / per_s)
        await self.publisher.flush(120)

    def ask(self, call: str, kind: str) -> Event:
        seq = len(self.asked[call])
        self.asked[call].append(seq)
        if kind == "begins":
            self.begun[call].append(seq)
        return self.publisher.publish(JobAsked(call=call, seq=seq, kind=kind))

    async def asked_for(self, jobs: int) -> None:
        """Wait until the load has published this many jobs."""
        async with asyncio.timeout(120):
            while sum(map(len, self.asked.values())) < jobs:  # noqa: ASYNC110 - the load is another task
                await asyncio.sleep(0.02)

    async def finished(self, timeout_s: float = 120, *, some_may_die: bool = False) -> None:
        """Wait until nothing is unread or unfinished."""
        async with asyncio.timeout(timeout_s):
            while True:
                for process in self.workers:
                    assert some_may_die or process.poll() is None, (
                        f"worker {process.pid} ended with {process.returncode}: {self.log()}"
                    )
                groups = await self.groups()
                if len(groups) == self.bus.partitions and not any(each.lag or each.pending for each in groups):
                    return
                await asyncio.sleep(0.05)

    async def groups(self) -> list[GroupStatus]:
        """The state of the group; retries for as long as the connection is lost."""
        while True:
            try:
                return await self.bus.groups()
            except RedisError:
                await asyncio.sleep(0.05)

    async def owners(self) -> dict[str, int]:
        """The number of partitions of each worker."""
        counts: dict[str, int] = defaultdict(int)
        for each in await self.groups():
            counts[each.owner] += 1
        return dict(counts)

    async def shared_by(self, workers: int, timeout_s: float = 90) -> None:
        """Wait until that many workers share all partitions evenly."""
        fair = {self.bus.partitions // workers, -(-self.bus.partitions // workers)}
        async with asyncio.timeout(timeout_s):
            while True:
                owners = await self.owners()
                if "" not in owners and len(owners) == workers and set(owners.values()) <= fair:
                    return
                await asyncio.sleep(0.02)

    async def effects(self, event_type: type[Any]) -> dict[str, list[int]]:
        """The sequence numbers of an effect per call, in journal order."""
        found: dict[str, list[int]] = defaultdict(list)
        for partition in range(self.bus.partitions):
            async for entry in self.bus.entries(partition, "events"):
                if entry.type == tag_of(event_type):
                    found[entry.call].append(json.loads(entry.body)["seq"])
        return found

    async def check(self, *, dead: dict[str, list[int]] | None = None) -> None:
        """Check that every job but the dead ones was done once, in the order of its call, and nothing is left over."""
        dead = dead or {}
        wanted = {call: [seq for seq in seqs if seq not in dead.get(call, ())] for call, seqs in self.asked.items()}
        done = await self.effects(JobDone)
        wrong = {call: (wanted[call], done[call]) for call in wanted if done[call] != wanted[call]}
        assert not wrong, f"{len(wrong)} calls are wrong, for one {next(iter(wrong.items()))}\n{self.log()}"
        begun = await self.effects(JobBegun)
        assert {call: seqs for call, seqs in begun.items() if seqs} == self.begun
        left = [key async for key in self.bus.redis.scan_iter("orchestra:*:published:effects", count=1000)]
        assert not left, "counters of finished causes are left behind"

    async def logged(self, word: str, timeout_s: float = 60) -> None:
        """Wait until a worker has logged this."""
        async with asyncio.timeout(timeout_s):
            while word not in self.log():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)

    def log(self) -> str:
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if "debug" not in line)[-3000:]

    def notes(self) -> list[list[str]]:
        return [line.split() for line in (self.folder / "notes").read_text().splitlines()]

    async def close(self) -> None:
        for process in self.workers:
            process.kill()
        for process in self.workers:
            process.wait()
        await self.bus.close()
        await self.server.stop()


@asynccontextmanager
async def fleet_at(folder: Path, url: str = "") -> AsyncIterator[Fleet]:
    fleet = Fleet(folder, url)
    await fleet.start()
    try:
        yield fleet
    finally:
        await fleet.close()
