"""A whole platform on several hosts: a server, two edges, three hosts with workers, and callers who talk in tones."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra_schemas import CallEnded, CallStarted, Event
from tests.faults.spoken.caller import SpokenCall
from tests.faults.spoken.model import respond
from tests.faults.spoken.whole_call import verdict_on, write_down
from tests.hosts.carrier import Balancer, balanced
from tests.hosts.network import Host, Network, network
from tests.hosts.rig import PORT, answers, start_redis, until
from tests.servers.openai import OpenAIServer

EDGE_PORT, MODEL_PORT = 8480, 8481
TOKEN = "t" * 32
WORKERS = ("orchestration", "execution", "persistence", "archive")
#: a call may be closed by others once nothing was heard of it for so long
LOST_CALL_S = 30


@dataclass
class Platform:
    """The hosts, and what their callers have heard so far."""

    network: Network
    bus: Bus
    carrier: Balancer
    deeds: Path
    calls: list[SpokenCall] = field(default_factory=list)

    @property
    def hosts(self) -> dict[str, Host]:
        """The hosts by name."""
        return self.network.hosts

    @property
    def url(self) -> str:
        """Where carriers ask."""
        return f"http://{self.hosts['here'].address}:{EDGE_PORT}"

    def call(self, turns: int) -> "asyncio.Task[None]":
        """One more caller, who asks for so many things."""
        call = SpokenCall(random.Random(len(self.calls)).randrange(10**9), turns)
        self.calls.append(call)
        return asyncio.create_task(call.make(self.url, TOKEN), name=f"caller {len(self.calls)}")

    async def journals(self) -> dict[str, list[Event]]:
        """The journals of all calls, by the carrier's id, once every call is over."""
        async with asyncio.timeout(20):
            while True:
                found: dict[str, list[Event]] = {}
                for partition in range(self.bus.partitions):
                    async for entry in self.bus.entries(partition, "events"):
                        if (event := entry.event()) is not None:
                            found.setdefault(event.call, []).append(event)
                if all(any(isinstance(event, CallEnded) for event in journal) for journal in found.values()):
                    break
                await asyncio.sleep(0.2)
        return {
            event.provider_call: journal
            for journal in found.values()
            for event in journal
            if isinstance(event, CallStarted)
        }

    async def check(self, slower: float = 2.0) -> dict[str, list[Event]]:
        """Check what every caller has heard so far, what was stored, and what was done in the world outside.

        ``slower``: how many times longer than on an idle machine a caller may wait.
        """
        journals = await self.journals()
        write_down(self.deeds.parent, self.calls, journals)
        wrong = [line for call in self.calls for line in verdict_on(call, journals[call.sid], slower)]
        done = Counter(self.deeds.read_text().splitlines())
        wrong += [f"{deed}: done {times} times" for deed, times in done.items() if times > 1]
        assert not wrong, "\n".join([*wrong, (self.deeds.parent / "calls.txt").read_text()[-6000:]])
        return journals


@asynccontextmanager
async def platform(
    folder: Path, clocks: Mapping[str, Mapping[str, str]] | None = None, disks: Mapping[str, Path] | None = None
) -> AsyncIterator[Platform]:
    """The whole of it, ready for calls.

    Args:
        folder: for the disks of the hosts.
        clocks: more environment of the processes of a host, by its name.
        disks: other folders for the data of a host, by its name.

    """
    edges, workers = ("edge-1", "edge-2"), ("worker-1", "worker-2", "worker-3")
    with network(folder, "redis", "here", *edges, *workers) as net:
        redis, here = net.hosts["redis"], net.hosts["here"]
        deeds = folder / "deeds"
        deeds.touch()
        start_redis(redis)
        with net.inside(here):
            async with OpenAIServer(respond, token_s=0.02) as model:
                common = {
                    "ORCHESTRA_REDIS_URL": f"redis://{redis.address}:{PORT}",
                    "ORCHESTRA_APP": "tests.faults.spoken.app:app",
                    "ORCHESTRA_MODEL": "tones",
                    "ORCHESTRA_MODEL_URL": f"http://{here.address}:{MODEL_PORT}/v1",
                    "ORCHESTRA_TWILIO_AUTH_TOKEN": TOKEN,
                    "ORCHESTRA_PUBLIC_URL": f"http://{here.address}:{EDGE_PORT}",
                    "ORCHESTRA_VAULT_KEY": "v" * 32,
                    "ORCHESTRA_LOST_CALL_S": str(LOST_CALL_S),
                    "ORCHESTRA_ARCHIVE_FLUSH_S": "0.5",
                    "SPOKEN_DEEDS": str(deeds),
                }
                await answers(redis)
                for name in (*edges, *workers):
                    host = net.hosts[name]
                    data = (disks or {}).get(name, host.folder)
                    role = ("edge",) if name in edges else ("worker", *WORKERS)
                    given = common | dict((clocks or {}).get(name, {})) | {"ORCHESTRA_DATA_DIR": str(data)}
                    if name in edges:
                        given |= {
                            "ORCHESTRA_HOST": "0.0.0.0",
                            "ORCHESTRA_PORT": str(EDGE_PORT),
                            "ORCHESTRA_EDGE_NAME": name,
                        }
                    host.start([sys.executable, "-m", "tests.faults.spoken", *role], role[0], **given)
                places = [(net.hosts[name].address, EDGE_PORT) for name in edges]
                bus = await Bus.connect(Settings(redis_url=common["ORCHESTRA_REDIS_URL"], data_dir=folder))
                async with balanced(MODEL_PORT, ("127.0.0.1", model.port)), balanced(EDGE_PORT, *places) as carrier:
                    try:
                        await until(lambda: all("edge.ready" in net.hosts[name].log("edge") for name in edges), 60)
                        await _all_owned(bus)
                        yield Platform(net, bus, carrier, deeds)
                    finally:
                        await bus.close()


async def _all_owned(bus: Bus) -> None:
    """Wait until every group has its partitions."""
    async with asyncio.timeout(60):
        while True:
            groups = await bus.groups()
            if len(groups) == len(WORKERS) * bus.partitions and all(each.owner for each in groups):
                return
            await asyncio.sleep(0.1)
