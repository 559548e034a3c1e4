"""Masters with replicas on hosts of their own: watched over by three Sentinels, or three by three in a cluster."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus.redis.embedded import binary_path
from tests.bus.conftest import MASTERS, SLOTS
from tests.faults.replicas import SYNC_AT_ONCE
from tests.hosts.network import Host, Network
from tests.hosts.rig import PORT, answers, ask, start_redis

SENTINEL_PORT, BUS_PORT = 26379, 16379
#: how long a master must be silent to count as dead
DEAD_MS = 1000
#: a master without its replica accepts no writes after a second or two: it may have been replaced, and what it accepted
#: would be lost
REFUSE_ALONE = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "1")


@dataclass
class Replicated:
    """A master to cut off, its replica, and the servers that notice it."""

    url: str
    master: Host
    replica: Host
    others: Sequence[Host]
    sentinels: Sequence[Host] = ()

    async def promoted(self) -> None:
        """Wait until the replica is a master, and a Sentinel says so: before that nobody else can know."""
        await _until_replies(self.replica, "master", "ROLE")
        where = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "calls")
        asked = [_until_replies(each, self.replica.address, *where, port=SENTINEL_PORT) for each in self.sentinels]
        tasks = [asyncio.create_task(each) for each in asked]
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*map(cancel_and_wait, tasks))


async def _until_replies(host: Host, wanted: str, *command: str | int, port: int = PORT) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if wanted in str(await ask(host, *command, port=port)):
                    return
            except (RedisError, OSError):
                pass  # it has just been started, or cannot say it now
            await asyncio.sleep(0.02)


async def with_sentinels(network: Network) -> Replicated:
    """A master, a replica, and three Sentinels, each on a host."""
    master, replica = network.host("redis-1"), network.host("redis-2")
    sentinels = [network.host(f"sentinel-{number}") for number in range(1, 4)]
    start_redis(master, *SYNC_AT_ONCE, *REFUSE_ALONE)
    start_redis(replica, "--replicaof", master.address, str(PORT), *SYNC_AT_ONCE)
    await _until_replies(replica, "connected", "ROLE")
    for host in sentinels:
        conf = host.folder / "sentinel.conf"
        conf.write_text(
            f"port {SENTINEL_PORT}\nbind 0.0.0.0\nprotected-mode no\ndir {host.folder}\n"
            f"sentinel monitor calls {master.address} {PORT} 2\n"
            f"sentinel down-after-milliseconds calls {DEAD_MS}\nsentinel failover-timeout calls 10000\n"
        )
        host.start([str(binary_path()), str(conf), "--sentinel"], "sentinel")
    for host in sentinels:
        await answers(host, port=SENTINEL_PORT)
        for wanted in ("'num-slaves': '1'", "'num-other-sentinels': '2'"):
            await _until_replies(host, wanted, "SENTINEL", "MASTER", "calls", port=SENTINEL_PORT)
    places = ",".join(f"{host.address}:{SENTINEL_PORT}" for host in sentinels)
    return Replicated(f"redis+sentinel://{places}/calls", master, replica, [replica, *sentinels], sentinels)


async def in_cluster(network: Network) -> Replicated:
    """Three masters, each with a replica, all on hosts of their own."""
    masters = [network.host(f"redis-{number}") for number in range(1, MASTERS + 1)]
    replicas = [network.host(f"redis-{number}") for number in range(MASTERS + 1, 2 * MASTERS + 1)]
    for host in (*masters, *replicas):
        start_redis(
            host, "--cluster-enabled", "yes", "--cluster-port", str(BUS_PORT),
            "--cluster-node-timeout", str(DEAD_MS), *SYNC_AT_ONCE,
        )  # fmt: skip
    for host in (*masters, *replicas):
        await answers(host)
    for number, host in enumerate(masters):
        first, last = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS - 1
        await ask(host, "CLUSTER", "ADDSLOTSRANGE", first, last)
        await ask(host, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for host in (*masters[1:], *replicas):
        await ask(host, "CLUSTER", "MEET", masters[0].address, PORT, BUS_PORT)
    for host in masters:
        await _until_replies(host, "cluster_state:ok", "CLUSTER", "INFO")
    for master, replica in zip(masters, replicas, strict=True):
        name = str(await ask(master, "CLUSTER", "MYID"))
        await _until_replies(replica, name, "CLUSTER", "NODES")
        await ask(replica, "CLUSTER", "REPLICATE", name)
    for replica in replicas:
        await _until_replies(replica, "connected", "ROLE")
        await _until_replies(masters[1], f"{replica.address}:{PORT}@{BUS_PORT} slave", "CLUSTER", "NODES")
    # the seed of the URL is the master that will be cut off
    return Replicated(
        f"redis+cluster://{masters[0].address}:{PORT}", masters[0], replicas[0], [*masters[1:], *replicas]
    )
