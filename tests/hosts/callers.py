"""A whole platform on several hosts: a server, two edges, three hosts with workers, and callers who talk in tones."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestra.archive.archive import Archive
from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra_schemas import CallEnded, CallStarted, Event, RecordingSaved
from tests.faults.spoken.caller import SpokenCall
from tests.faults.spoken.model import respond
from tests.faults.spoken.whole_call import verdict_on, write_down
from tests.hosts.carrier import balanced
from tests.hosts.network import Host, Network, network, with_clock_off
from tests.hosts.rig import PORT, answers, start_redis, until
from tests.servers.openai import OpenAIServer

EDGE_PORT, MODEL_PORT = 8480, 8481
TOKEN = "t" * 32
WORKERS = ("orchestration", "execution", "persistence", "archive")


@dataclass
class Platform:
    """The hosts, and what their callers have heard so far."""

    network: Network
    bus: Bus
    deeds: Path
    calls: list[SpokenCall] = field(default_factory=list)
    _made: int = 0

    @property
    def hosts(self) -> dict[str, Host]:
        """The hosts by name."""
        return self.network.hosts

    @property
    def url(self) -> str:
        """Where carriers ask."""
        return f"http://{self.hosts['here'].address}:{EDGE_PORT}"

    async def host_of(self, group: str, partition: int) -> Host:
        """The host whose worker has a partition of a group."""
        (owner,) = [
            each.owner for each in await self.bus.groups() if (each.group, each.partition) == (group, partition)
        ]
        pid = int(owner.split("-")[-2])
        (found,) = [host for host in self.hosts.values() if pid in (each.pid for each in host.processes)]
        return found

    @staticmethod
    def disk_of(host: Host) -> Path:
        """The folder for data of a host with workers, as its processes see it."""
        (process,) = host.processes
        return Path(f"/proc/{process.pid}/root") / (host.folder / "data").relative_to("/")

    def archived(self, call: str) -> Counter[str]:
        """How often each event of a call is in the archives of the hosts."""
        folders = [self.disk_of(host) / "archive" for host in self.hosts.values() if host.small is not None]
        found = [Archive(str(folder)).entries() for folder in folders if folder.exists()]
        return Counter(entry.id for entries in found for entry in entries if entry.call == call)

    def call(self, turns: int) -> "asyncio.Task[None]":
        """One more caller, who asks for so many things."""
        self._made += 1
        call = SpokenCall(random.Random(self._made).randrange(10**9), turns)
        self.calls.append(call)
        return asyncio.create_task(call.make(self.url, TOKEN), name=f"caller {len(self.calls)}")

    async def _journals(self) -> dict[str, list[Event]]:
        """The journals of all calls as they are, by the carrier's id."""
        found: dict[str, list[Event]] = {}
        for partition in range(self.bus.partitions):
            async for entry in self.bus.entries(partition, "events"):
                if (event := entry.event()) is not None:
                    found.setdefault(event.call, []).append(event)
        begun = [
            (event, found[event.call]) for each in found.values() for event in each if isinstance(event, CallStarted)
        ]
        return {event.provider_call: journal for event, journal in begun}

    async def begun(self) -> list[str]:
        """The ids of the calls of all who call now, once they have begun."""
        async with asyncio.timeout(20):
            while True:
                journals = await self._journals()
                if all(call.sid in journals for call in self.calls):
                    return [journals[call.sid][0].call for call in self.calls]
                await asyncio.sleep(0.05)

    async def _ended(self) -> dict[str, list[Event]]:
        """The journals of all calls, once every one is over and its recording is kept."""
        async with asyncio.timeout(20):
            while True:
                journals = await self._journals()
                kinds = [{type(event) for event in journal} for journal in journals.values()]
                if all({CallEnded, RecordingSaved} <= each for each in kinds):
                    return journals
                await asyncio.sleep(0.2)

    async def check(self, *, cut_at: float | None = None, slower: float = 2.0) -> dict[str, list[Event]]:
        """Check what every caller has heard since the last check, what was stored, and what was done outside.

        Args:
            cut_at: when an edge was cut off from its callers, epoch seconds: nobody else can know it before a while.
            slower: how many times longer than on an idle machine a caller may wait.

        """
        journals = await self._ended()
        for call in self.calls:
            if cut_at is not None and call.breaks_s:
                call.breaks_s.insert(0, cut_at - call.began_at)
        calls, self.calls = self.calls, []
        write_down(self.deeds.parent, calls, journals)
        wrong = [line for call in calls for line in verdict_on(call, journals[call.sid], slower)]
        done = Counter(self.deeds.read_text().splitlines())
        wrong += [f"{deed}: done {times} times" for deed, times in done.items() if times > 1]
        assert not wrong, "\n".join([*wrong, (self.deeds.parent / "calls.txt").read_text()])
        return {call.sid: journals[call.sid] for call in calls}


#: how much the wall clocks of some hosts are wrong, in seconds; and the room on the disks of workers, in bytes
CLOCKS_OFF_S = {"edge-2": -90.0, "worker-2": 90.0}
DISK = 16_000_000
#: on a machine on which much else runs, seconds
STARTED_WITHIN_S = 150


@asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[Platform]:
    """The whole of it, ready for calls."""
    edges, workers = ("edge-1", "edge-2"), ("worker-1", "worker-2", "worker-3")
    async with AsyncExitStack() as stack:
        net = stack.enter_context(network(folder, "redis", "here", *edges, *workers))
        redis, here = net.hosts["redis"], net.hosts["here"]
        for name, seconds in CLOCKS_OFF_S.items():
            net.hosts[name].environment |= with_clock_off(seconds)
        for host in net.hosts.values():
            (host.folder / "data").mkdir()
        deeds = folder / "deeds"
        deeds.touch()
        start_redis(redis)
        stack.enter_context(net.inside(here))
        model = await stack.enter_async_context(OpenAIServer(respond, token_s=0.02))
        await stack.enter_async_context(balanced(MODEL_PORT, ("127.0.0.1", model.port)))
        places = [(net.hosts[name].address, EDGE_PORT) for name in edges]
        await stack.enter_async_context(balanced(EDGE_PORT, *places))
        await answers(redis)
        common = {
            "ORCHESTRA_REDIS_URL": f"redis://{redis.address}:{PORT}", "ORCHESTRA_APP": "tests.faults.spoken.app:app",
            "ORCHESTRA_MODEL": "tones", "ORCHESTRA_MODEL_URL": f"http://{here.address}:{MODEL_PORT}/v1",
            "ORCHESTRA_PUBLIC_URL": f"http://{here.address}:{EDGE_PORT}", "ORCHESTRA_TWILIO_AUTH_TOKEN": TOKEN,
            "ORCHESTRA_VAULT_KEY": "v" * 32, "ORCHESTRA_ARCHIVE_FLUSH_S": "0.5", "SPOKEN_DEEDS": str(deeds),
        }  # fmt: skip
        for name in edges:
            own = {"ORCHESTRA_HOST": "0.0.0.0", "ORCHESTRA_PORT": str(EDGE_PORT), "ORCHESTRA_EDGE_NAME": name}
            _start(net.hosts[name], ["edge"], common | own)
        for name in workers:
            net.hosts[name].small = (net.hosts[name].folder / "data", DISK)
            _start(net.hosts[name], ["worker", *WORKERS], common)
        bus = await Bus.connect(Settings(redis_url=common["ORCHESTRA_REDIS_URL"], data_dir=folder))
        stack.push_async_callback(bus.close)
        await until(lambda: all("edge.ready" in net.hosts[name].log("edge") for name in edges), STARTED_WITHIN_S)
        await _all_owned(bus)
        yield Platform(net, bus, deeds)


def _start(host: Host, command: list[str], settings: dict[str, str]) -> None:
    own = settings | {"ORCHESTRA_DATA_DIR": str(host.folder / "data")}
    host.start([sys.executable, "-m", "tests.faults.spoken", *command], command[0], **own)


async def _all_owned(bus: Bus) -> None:
    """Wait until every group has its partitions."""
    async with asyncio.timeout(STARTED_WITHIN_S):
        while True:
            groups = await bus.groups()
            if len(groups) == len(WORKERS) * bus.partitions and all(each.owner for each in groups):
                return
            await asyncio.sleep(0.1)
