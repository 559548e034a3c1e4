"""Random kills and pauses of a stack's processes, one role after another."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx

#: the roles, repeated by their share of the kills: most for the edge, which is nearest to the caller
_WEIGHTS = {"edge": 3, "orchestration": 2, "execution": 2, "persistence": 1, "server": 2}
ROLES = tuple(_WEIGHTS)
_STOPPED_S = (0.5, 3.0)
_BETWEEN_S = (1.5, 4.0)


def processes(folder: Path) -> dict[str, list[int]]:
    """The child processes by role; servers only if they keep their data below ``folder``."""
    found: dict[str, list[int]] = {role: [] for role in ROLES}
    for task in Path("/proc/self/task").iterdir():
        for pid in map(int, (task / "children").read_text().split()):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            for role in ROLES:
                if command.endswith(f"\0{role}\0") or f"\0worker\0{role}\0" in command:
                    found[role].append(pid)
            if "valkey-server" in command and Path(f"/proc/{pid}/cwd").resolve().is_relative_to(folder.resolve()):
                found["server"].append(pid)
    return found


class Kills:
    """Kills and pauses at random; at most one edge at a time is down, since another must resume its calls."""

    def __init__(self, seed: int, url: str, folder: Path, roles: Sequence[str] = ROLES) -> None:
        self.done: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._url = url
        self._folder = folder
        self._roles = roles
        self._stopped: set[int] = set()

    async def run(self, count: int) -> None:
        """Do this many kills and pauses."""
        try:
            while self.done.total() < count:
                await asyncio.sleep(self._chance.uniform(*_BETWEEN_S))
                roles = self._chance.choices(self._roles, [_WEIGHTS[role] for role in self._roles])
                if len(self._roles) > 1 and self._chance.random() < 0.2:
                    roles.append(self._chance.choice([role for role in self._roles if role not in roles]))
                stop = self._chance.random() < 0.3
                length_s = self._chance.uniform(*_STOPPED_S)
                await asyncio.gather(*(self._harm(role, length_s if stop else 0.0) for role in roles))
        finally:
            self._let_go()

    async def _harm(self, role: str, stop_s: float) -> None:
        if role == "edge":
            await self._two_edges()
        running = processes(self._folder)[role]
        if not running:
            return  # it is about to be restarted
        pid = self._chance.choice(running)
        self.done[f"{role} {'stopped' if stop_s else 'killed'}"] += 1
        print(f"{time.time():.2f} {role} {pid} {f'stopped for {stop_s:.1f} s' if stop_s else 'killed'}", flush=True)  # noqa: T201
        if not stop_s:
            os.kill(pid, signal.SIGKILL)
            return
        self._stopped.add(pid)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(stop_s)
        os.kill(pid, signal.SIGCONT)
        self._stopped.discard(pid)

    async def _two_edges(self) -> None:
        """Wait until both edges accept calls."""
        answered: set[str] = set()
        limits = httpx.Limits(max_keepalive_connections=0)
        async with asyncio.timeout(120), httpx.AsyncClient(timeout=5, limits=limits, trust_env=False) as http:
            while len(answered) < 2:
                try:
                    health = (await http.get(f"{self._url}/healthz")).json()
                except httpx.TransportError:
                    answered.clear()
                else:
                    answered.add(health["edge"])
                await asyncio.sleep(0.1)

    def _let_go(self) -> None:
        for pid in self._stopped:
            os.kill(pid, signal.SIGCONT)
