"""The memory of a worker stays bounded when it starts with a backlog of a million events."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from orchestra.bus import Bus, EmbeddedServer
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

EVENTS = 1_000_000
CALLS = 80
LARGE = 12_000
#: KEYS: the calls' streams; ARGV: the number of the first event, the count, the bytes of padding, the calls. Of every
#: 48 jobs, 3 are not "inline"; of the first tenth, every second one, so that calls queue up after the waiting ones
_FILL = """
local kinds = {[0] = 'begins', [2] = 'waits', [4] = 'stateful'}
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local which = number % #KEYS
  local call, seq = ARGV[which + 4], (number - which) / #KEYS
  local period = seq * #KEYS < 100000 and 6 or 48
  local id = call .. ':load-1.' .. seq
  redis.call('XADD', KEYS[which + 1], '*', 'type', 'job.asked', 'call', call, 'id', id, 'body',
    '{"type":"job.asked","id":"' .. id .. '","call":"' .. call .. '","at":1763830000.0,"source":"load","trace":'
    .. '"00-0199a2b477f07abc8def000000000001-00f067aa0ba902b7-01","seq":' .. seq
    .. ',"pad":"' .. string.rep('x', ARGV[3]) .. '","kind":"' .. (kinds[seq % period] or 'inline') .. '"}')
end
"""


async def fill(bus: Bus, events: int, *, at_once: int, pad: int = 0) -> None:
    """Publish jobs of 300 bytes plus padding, the calls in turn."""
    names = [bus.new_call([number % bus.partitions]) for number in range(CALLS)]
    streams = [bus.key(name, "events") for name in names]
    for start in range(0, events, at_once):
        await bus.redis.eval(_FILL, CALLS, *streams, start, at_once, pad, *names)


def started(url: str, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestra.cli", "worker", "tests.faults.tally:consumer", "--health-port", "0"],
            env={**os.environ, "ORCHESTRA_REDIS_URL": url, "ORCHESTRA_DATA_DIR": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
        )


@asynccontextmanager
async def worker(url: str, folder: Path) -> AsyncIterator[tuple[int, str]]:
    """A worker process of the tally: its pid and the address of its metrics."""
    process, log = started(url, folder), folder / "log"
    try:
        async with asyncio.timeout(30):
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.02)
        yield process.pid, f"{found[0]}/metrics"
    finally:
        process.kill()
        process.wait()


async def counted(client: httpx.AsyncClient, address: str) -> dict[str, float]:
    """The worker's own counters, summed over their labels."""
    totals: dict[str, float] = {}
    for line in (await client.get(address)).text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.partition(" ")
            name = name.partition("{")[0]
            totals[name] = totals.get(name, 0) + float(value)
    return totals


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def test_the_memory_of_a_worker_stays_flat_with_a_backlog_of_a_million_events(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path, options=("--appendonly", "no")) as server, httpx.AsyncClient() as client:
        bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
        await fill(bus, EVENTS, at_once=20_000)
        async with worker(server.url, tmp_path) as (pid, address):
            idle = resident_mb(pid)
            samples: list[tuple[float, float]] = []  # handled, MB
            while not samples or samples[-1][0] < EVENTS:
                counts = await counted(client, address)
                assert not counts["orchestra_attempts_failed_total"], (tmp_path / "log").read_text()
                samples.append((counts["orchestra_events_handled_total"], resident_mb(pid)))
                await asyncio.sleep(0.2)
            await settled(bus)
        early = max(mb for handled, mb in samples if handled <= EVENTS / 5)
        most = max(mb for _, mb in samples)
        assert samples[-1][0] == EVENTS
        told = f"{idle:.0f} MB idle, {early:.0f} MB at most in the first fifth, {most:.0f} MB at most in all"
        assert most - early < 10, told
        assert most - idle < 15, told
        await bus.close()


async def test_the_memory_of_a_worker_stays_bounded_with_a_backlog_of_large_events(tmp_path: Path) -> None:
    """The backlog has 360 MB, read in steps of 4 MB (limited by count alone, a step would be 50 MB)."""
    async with EmbeddedServer(tmp_path, options=("--appendonly", "no")) as server, httpx.AsyncClient() as client:
        bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
        await fill(bus, LARGE, at_once=1000, pad=30_000)
        async with worker(server.url, tmp_path) as (pid, address):
            idle, handled, most = resident_mb(pid), 0.0, 0.0
            while handled < LARGE:
                counts = await counted(client, address)
                assert not counts["orchestra_attempts_failed_total"], (tmp_path / "log").read_text()
                handled, most = counts["orchestra_events_handled_total"], max(most, resident_mb(pid))
                await asyncio.sleep(0.02)
            await settled(bus)
        told = f"{idle:.0f} MB idle, {most:.0f} MB at most"
        assert most - idle < 30, told
        await bus.close()


async def settled(bus: Bus) -> None:
    """Wait until the group has nothing unread or unfinished, and check that there are no dead letters."""
    async with asyncio.timeout(30):
        while any(each.lag or each.pending for each in await bus.groups()):  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)
    assert not any(each.dead for each in await bus.groups())
