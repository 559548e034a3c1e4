"""Masters with a replica that is promoted when they die: by Sentinels, or by the other masters of a cluster."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from orchestra.bus import EmbeddedServer
from orchestra.bus.redis.embedded import binary_path
from orchestra.child_process import die_with_parent
from tests.bus.conftest import free_ports, join
from tests.faults.fleet import Fleet
from tests.faults.jobs import JobAsked

WAIT_S = 120
SENTINELS = 3
#: how long a master must be silent to count as dead; long enough for a live one on a busy machine
DEAD_MS = 3000
#: a replica gets its first copy at once instead of after 5 s
SYNC_AT_ONCE = ("--repl-diskless-sync-delay", "0")


@dataclass
class Replicated:
    """A master to kill, and a function that says which server is the master."""

    url: str
    doomed: EmbeddedServer
    master_port: Callable[[], Awaitable[int]]

    async def promoted(self) -> None:
        """Wait until another server is the master."""
        await until(self._another)

    async def _another(self) -> bool:
        return await self.master_port() != self.doomed.port


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await condition():  # noqa: ASYNC110 - other processes have to get there
            await asyncio.sleep(0.05)


async def ask(port: int, *command: str | int) -> object:
    async with Redis(port=port, decode_responses=True) as client:
        return await client.execute_command(*command)  # type: ignore[no-untyped-call]


async def copied(port: int) -> None:
    """Wait until a replica has the first copy of its master."""

    async def linked() -> bool:
        async with Redis(port=port, decode_responses=True) as client:
            return bool((await client.info("replication")).get("master_link_status") == "up")

    await until(linked)


@asynccontextmanager
async def with_sentinels(folder: Path, binary: Path | None) -> AsyncIterator[Replicated]:
    """A master, a replica and three Sentinels; the first address in the URL takes connections but never answers."""
    master_port, replica_port, *ports = free_ports(2 + SENTINELS)
    master = EmbeddedServer(folder / "master", master_port, binary=binary, options=SYNC_AT_ONCE)
    replica = EmbeddedServer(
        folder / "replica", replica_port, binary=binary,
        options=("--replicaof", "127.0.0.1", str(master_port), *SYNC_AT_ONCE),
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        mute = await stack.enter_async_context(await asyncio.start_server(_say_nothing, "127.0.0.1", 0))
        await stack.enter_async_context(master)
        await stack.enter_async_context(replica)
        await copied(replica_port)
        for port in ports:
            stack.enter_context(_sentinel(folder, port, master_port, binary))

        async def master_now() -> int:
            """The master that all Sentinels agree on: one that missed the failover would name the old one."""
            answers = [await ask(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "calls") for port in ports]
            named = {int(port) for _, port in answers}  # type: ignore[misc,attr-defined]
            return named.pop() if len(named) == 1 else master_port

        await _know_each_other(ports)
        places = [mute.sockets[0].getsockname()[1], *ports]
        hosts = ",".join(f"127.0.0.1:{port}" for port in places)
        yield Replicated(f"redis+sentinel://{hosts}/calls", master, master_now)


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def _sentinel(folder: Path, port: int, master_port: int, binary: Path | None) -> subprocess.Popen[bytes]:
    conf = folder / f"sentinel-{port}.conf"
    conf.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nlogfile {folder / f'sentinel-{port}.log'}\n"
        f"sentinel monitor calls 127.0.0.1 {master_port} 2\n"
        f"sentinel down-after-milliseconds calls {DEAD_MS}\nsentinel failover-timeout calls 10000\n"
    )
    command = [str(binary or binary_path()), str(conf), "--sentinel"]
    return _Ended(command, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent())


class _Ended(subprocess.Popen[bytes]):
    """A process that is terminated when its context exits."""

    def __exit__(self, *error: object) -> None:
        self.kill()
        super().__exit__(*error)  # type: ignore[arg-type]


async def _know_each_other(ports: list[int]) -> None:
    async def all_do() -> bool:
        for port in ports:
            try:
                flat = await ask(port, "SENTINEL", "MASTER", "calls")
            except ConnectionError:
                return False
            if (int(flat["num-slaves"]), int(flat["num-other-sentinels"])) != (1, SENTINELS - 1):  # type: ignore[index]
                return False
        return True

    await until(all_do)


@asynccontextmanager
async def cluster_with_replica(folder: Path, binary: Path | None) -> AsyncIterator[Replicated]:
    """Three masters that share the slots, and a replica of the first of them."""
    ports, buses = free_ports(4), free_ports(4)
    servers = [
        EmbeddedServer(
            folder / str(port), port, binary=binary,
            options=(
                "--cluster-enabled", "yes", "--cluster-port", str(side), "--cluster-node-timeout", str(DEAD_MS),
                *SYNC_AT_ONCE,
            ),
        )
        for port, side in zip(ports, buses, strict=True)
    ]  # fmt: skip
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server)
        await asyncio.to_thread(join, ports[:3], buses[:3])
        first, replica = ports[0], ports[3]
        await ask(replica, "CLUSTER", "MEET", "127.0.0.1", first, buses[0])
        name = str(await ask(first, "CLUSTER", "MYID"))

        async def knows_it() -> bool:
            return name in str(await ask(replica, "CLUSTER", "NODES"))

        await until(knows_it)
        await ask(replica, "CLUSTER", "REPLICATE", name)
        await copied(replica)

        async def master_now() -> int:
            """The master of the first slot, according to a master that was never down."""
            nodes = [line.split() for line in str(await ask(ports[1], "CLUSTER", "NODES")).splitlines()]
            (place,) = [node[1] for node in nodes if node[8:] and node[8].startswith("0-")]
            return int(place.partition("@")[0].rpartition(":")[2])

        async def seen_by_the_others() -> bool:
            return str(await ask(ports[1], "CLUSTER", "NODES")).count("slave") == 1

        await until(seen_by_the_others)
        yield Replicated(f"redis+cluster://127.0.0.1:{ports[1]}", servers[0], master_now)


async def replicated(fleet: Fleet) -> dict[str, int]:
    """The number of events of every call that are certainly on the replicas."""
    published = {call: len(seqs) for call, seqs in fleet.asked.items()}
    await fleet.publisher.flush(60)
    for wire in {fleet.bus.connection(partition) for partition in range(fleet.bus.partitions)}:
        replicas = (await wire.call("ROLE"))[2]
        async with asyncio.timeout(60):
            while await wire.call("WAIT", len(replicas), 1000) < len(replicas):
                pass
    return published


async def check(fleet: Fleet, before: dict[str, int], after: dict[str, int]) -> None:
    """Check that the events on the journal were handled once, in order, and that only those of the failure are lost."""
    kept = await fleet.effects(JobAsked)
    for call, seqs in fleet.asked.items():
        lost = set(seqs) - set(kept[call])
        window = range(before.get(call, 0), after.get(call, 0))
        assert lost <= set(window), f"{call} lost {sorted(lost)}, where only {window} may be"
        assert kept[call] == sorted(set(kept[call])), f"{call} is not in order, or has something twice: {kept[call]}"
    fleet.begun = {call: [seq for seq in seqs if seq in kept[call]] for call, seqs in fleet.begun.items()}
    fleet.begun = {call: seqs for call, seqs in fleet.begun.items() if seqs}
    fleet.asked = kept
    await fleet.check()
