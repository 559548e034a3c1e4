"""Servers and workers on the hosts of a network."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from orchestra.bus.redis.embedded import binary_path
from tests.faults.fleet import Fleet
from tests.hosts.network import Host, Network

PORT = 6379
#: of the workers, in ms; what a test cuts for longer than this is another's by then
LEASE_MS = 800


def start_redis(host: Host, *options: str) -> None:
    """A server on a host, for everybody on the network."""
    command = [
        str(binary_path()), "--port", str(PORT), "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "",
        "--dir", str(host.folder), "--appendonly", "yes", "--appendfsync", "everysec", *options,
    ]  # fmt: skip
    host.start(command, "redis")


async def ask(host: Host, *command: str | int, port: int = PORT) -> object:
    """One command to the server on a host, from wherever this process is."""
    once = Retry(NoBackoff(), 0)
    async with Redis(host=host.address, port=port, socket_timeout=2, retry=once, decode_responses=True) as client:
        return await client.execute_command(*command)  # type: ignore[no-untyped-call]


async def answers(host: Host, *, port: int = PORT) -> None:
    """Wait until the server on a host answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                await ask(host, "PING", port=port)
            except (RedisError, OSError):
                await asyncio.sleep(0.05)
            else:
                return


async def until(condition: Callable[[], object], timeout_s: float = 30) -> None:
    """Wait for something that other processes do."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - other processes have to get there
            await asyncio.sleep(0.02)


class HostFleet(Fleet):
    """The workers of the job tests, each on a host of its own."""

    def __init__(self, network: Network, folder: Path, url: str) -> None:
        super().__init__(folder, url)
        self.network = network
        self.on: list[Host] = []

    def worker_on(self, host: Host, **environment: str) -> None:
        """A worker on this host."""
        given = {
            "ORCHESTRA_REDIS_URL": self.url, "ORCHESTRA_LEASE_MS": str(LEASE_MS),
            "ORCHESTRA_DATA_DIR": str(host.folder), "NOTES": str(host.folder / "notes"),
        }  # fmt: skip
        self.workers.append(host.start([sys.executable, "-m", "tests.faults.jobs"], "worker", **given, **environment))
        self.on.append(host)

    def log(self) -> str:
        """The last words of every worker."""
        return "\n".join(
            "\n".join(line for line in host.log("worker").splitlines() if "debug" not in line)[-1500:]
            for host in self.on
        )


@asynccontextmanager
async def fleet_on(network: Network, folder: Path, url: str, *workers: Host) -> AsyncIterator[HostFleet]:
    """Workers on these hosts, with a load from where this process is."""
    fleet = HostFleet(network, folder, url)
    await fleet.start()
    try:
        for host in workers:
            fleet.worker_on(host)
        await fleet.shared_by(len(workers))
        yield fleet
    finally:
        await fleet.close()
