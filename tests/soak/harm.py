"""Kills and pauses of everything, at random by a seed, in time with a plan."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress

import httpx
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.errors import OrchestraError
from orchestra.versions.decide import lines_with_versions, split
from tests.soak.servers import Servers
from tests.soak.system import EDGES, ROLES, System, children

#: shares of the kills; most for those that callers depend on
WEIGHTS = {
    "edge": 3.0, "orchestration": 2.0, "execution": 2.0, "server": 1.5, "persistence": 1.0, "archive": 1.0,
    "webhooks": 1.0, "curator": 1.0, "analysis": 1.0, "logging": 1.0, "console": 0.5,
    "openobserve": 0.5, "label-studio": 0.5, "receiver": 0.5,
}  # fmt: skip
#: how: kill -9, SIGSTOP for a while, SIGTERM
_HOW = {"killed": 0.6, "stopped": 0.25, "ended": 0.15}
#: what is done beside
CHANGES = ("app reload", "rolling restart", "split of versions")
_STOPPED_S, _AWAY_S = (0.5, 4.0), (0.5, 6.0)
#: in an hour, and in any run at least one of each
_ROLLING_RESTARTS, _RELOADS, _SPLITS = 6, 12, 12
_BACK_WITHIN_S = 120.0


class Harm:
    """Does so many kills, evenly over a time.

    At most one edge is down at a time, since another must resume its calls, and at most one of any other role.

    Attributes:
        kills: how often somebody was killed, stopped or sent away.
        done: how often what was done to whom: "edge killed".
        skipped: kills that found nobody to kill, because the role was not back yet.
        edges_stood_still: when an edge was stopped, from and to, epoch seconds.

    """

    def __init__(self, system: System, servers: Servers, bus: Bus, *, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.skipped = 0
        self.edges_stood_still: list[tuple[float, float]] = []
        self._system, self._servers, self._bus = system, servers, bus
        self._chance = random.Random(seed)
        self._locks = {role: asyncio.Lock() for role in WEIGHTS}
        self._stopped: set[int] = set()

    async def run(self, kills: int, seconds: float) -> None:
        """Kill until it is done."""
        began = time.monotonic()
        at = sorted(self._chance.uniform(0, seconds) for _ in range(kills))
        try:
            async with asyncio.TaskGroup() as group:
                for moment in _moments(seconds, _ROLLING_RESTARTS):
                    group.create_task(self._later(began + moment, self._restart_all))
                for moment in _moments(seconds, _RELOADS):
                    group.create_task(self._later(began + moment, self._reload))
                for moment in _moments(seconds, _SPLITS):
                    group.create_task(self._later(began + moment, self._split))
                for moment in at:
                    await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
                    role = self._chance.choices([*WEIGHTS], [*WEIGHTS.values()])[0]
                    how = self._chance.choices([*_HOW], [*_HOW.values()])[0]
                    group.create_task(self._harm(role, how, self._chance.random()))
        finally:
            for pid in self._stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @staticmethod
    async def _later(moment: float, what: object) -> None:
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
        await what()  # type: ignore[operator]

    async def _harm(self, role: str, how: str, chance: float) -> None:
        async with self._locks[role]:
            if role in self._servers.outages:
                await self._server_outage(role, how, chance)
                return
            if role == "edge":
                await self._both_edges()
            pids = await self._back(role)
            if not pids:
                self.skipped += 1
                return
            pid = pids[int(chance * len(pids))]
            self._note(role, how, pid)
            if how == "stopped":
                began = time.time()
                await self._stop(pid, _between(_STOPPED_S, chance))
                if role == "edge":
                    self.edges_stood_still.append((began, time.time()))
            else:
                self._send(pid, signal.SIGKILL if how == "killed" else signal.SIGTERM)
                await self._gone(pid)

    async def _server_outage(self, name: str, how: str, chance: float) -> None:
        outage, seconds = self._servers.outages[name], _between(_AWAY_S, chance)
        self._note(name, "silent" if how == "stopped" else "away", 0)
        await (outage.say_nothing(seconds) if how == "stopped" else outage.go_away(seconds))

    async def _stop(self, pid: int, seconds: float) -> None:
        self._stopped.add(pid)
        self._send(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self._send(pid, signal.SIGCONT)
        self._stopped.discard(pid)

    async def _restart_all(self) -> None:
        """A rolling restart: one process after the other, each when the one before it is back."""
        for role in ROLES:
            for _ in range(EDGES if role == "edge" else 1):
                await self._harm(role, "ended", 0.0)
                async with self._locks[role]:
                    await self._back(role)
        self.done["rolling restart"] += 1

    async def _reload(self) -> None:
        self._system.reload_app()
        self.done["app reload"] += 1

    async def _split(self) -> None:
        """Share the next calls otherwise among the versions of the app; as soon as all of them run everywhere again."""
        share = self._chance.choice((10.0, 50.0, 90.0))
        while True:
            try:
                (line,) = await lines_with_versions(self._bus)
                one, other = line.versions
                if one.share != share:  # else it is so by chance, or the answer to a split was lost
                    await split(self._bus, line.line, {one.name: share, other.name: 100 - share}, by="the soak")
            except (OrchestraError, RedisError, ValueError):  # ValueError: no edge has told yet what it runs
                await asyncio.sleep(1)
            else:
                self.done["split of versions"] += 1
                return

    async def _back(self, role: str) -> list[int]:
        """Wait until the supervision has restarted this role; returns its process ids."""
        wanted = EDGES if role == "edge" else 1
        with suppress(TimeoutError):
            async with asyncio.timeout(_BACK_WITHIN_S):
                while len(self._system.processes()[role]) < wanted:  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(0.1)
        return self._system.processes()[role]

    async def _gone(self, pid: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_BACK_WITHIN_S):
                while pid in children(self._system.supervisor.pid):  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(0.1)

    async def _both_edges(self) -> None:
        """Wait until every edge accepts calls."""
        answered: set[str] = set()
        limits = httpx.Limits(max_keepalive_connections=0)
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(_BACK_WITHIN_S),
                httpx.AsyncClient(timeout=5, limits=limits, trust_env=False) as http,
            ):
                while len(answered) < EDGES:
                    try:
                        health = (await http.get(f"{self._system.running.url}/healthz")).json()
                    except httpx.TransportError:
                        answered.clear()
                    else:
                        answered.add(health["edge"])
                    await asyncio.sleep(0.1)

    @property
    def kills(self) -> int:
        return self.done.total() - sum(self.done[name] for name in CHANGES)

    def _note(self, role: str, how: str, pid: int) -> None:
        self.done[f"{role} {how}"] += 1
        with (self._system.folder / "kills").open("a", encoding="utf-8") as kills:
            kills.write(f"{time.time():.2f} {role} {how} {pid}\n")

    @staticmethod
    def _send(pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _between(bounds: tuple[float, float], chance: float) -> float:
    return bounds[0] + chance * (bounds[1] - bounds[0])


def _moments(seconds: float, per_hour: float) -> list[float]:
    """When to do what is to be done so often in an hour: in the middle of equal parts of this time."""
    times = max(1, round(seconds / 3600 * per_hour))
    return [seconds * (number + 0.5) / times for number in range(times)]
