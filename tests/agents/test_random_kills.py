"""kill -9 at fifty random moments of a turn with a tool: one answer, one deed, and a journal that adds up."""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestra.testing import TestBus
from orchestra_schemas import (
    CallStarted,
    Event,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    UserTurnEnded,
)
from tests.agents.kill_targets import ANSWER

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]

POINTS = 50
LEASE_MS = 300
GROUPS = (("orchestration",), ("execution",), ("orchestration", "execution"))


class Nursery:
    """One process of each group at any time, and another at once in the place of one that is killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.running: dict[str, int] = {}

    async def bear(self, group: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{group}\n".encode())
        self.running[group] = int(await self.answer())

    async def answer(self) -> str:
        assert self._process.stdout is not None
        while True:
            line = (await self._process.stdout.readline()).decode().strip()
            if line.isdigit() or line == "ready":
                return line
            assert line, "the nursery has ended"

    def kill(self, group: str) -> None:
        os.kill(self.running.pop(group), signal.SIGKILL)


@asynccontextmanager
async def nursery(redis_url: str, folder: Path) -> AsyncIterator[Nursery]:
    environment = {
        **os.environ,
        "ORCHESTRA_REDIS_URL": redis_url,
        "ORCHESTRA_LEASE_MS": str(LEASE_MS),
        "ORCHESTRA_DATA_DIR": str(folder),
        "ORCHESTRA_LOG_LEVEL": "error",
        "DOOMED_FILE": str(folder / "deeds"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.agents.nursery", env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    workers = Nursery(process)
    try:
        assert await workers.answer() == "ready"
        yield workers
    finally:
        for group in list(workers.running):
            workers.kill(group)
        process.kill()
        await process.wait()


async def ask(bus: TestBus, call: str) -> None:
    await bus.publish(CallStarted(call=call))
    await bus.publish(UserTurnEnded(call=call, turn=1, text="book it", at=time.time()))


async def completed(bus: TestBus, call: str) -> None:
    async with asyncio.timeout(60):
        while not any(isinstance(event, TurnCompleted) for event in await bus.bus.journal(call)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def adds_up(journal: list[Event], deeds: Counter[str]) -> None:
    """One answer, whole and once; the tool's deed once at most, and not at all only if the agent was told so."""

    def of(kind: type[Event]) -> list[Event]:
        return [event for event in journal if isinstance(event, kind)]

    ids = Counter(event.id for event in journal)
    assert max(ids.values()) == 1, f"published twice: {ids.most_common(2)}"
    assert {event.cause for event in journal if event.cause} <= set(ids), "an event has a cause that is not there"
    (turn,) = (event for event in journal if isinstance(event, TurnCompleted))
    said = " ".join(event.text for event in journal if isinstance(event, ReplyChunk))
    assert said == turn.text == ANSWER
    for requested, done in ((PromptRequested, PromptCompleted), (ToolRequested, ToolCompleted)):
        answered = Counter(event.request for event in of(done) if isinstance(event, PromptCompleted | ToolCompleted))
        assert answered == Counter(event.id for event in of(requested))
    (result,) = (event for event in journal if isinstance(event, ToolCompleted))
    assert deeds[result.request] == 1 or (result.failed and deeds[result.request] == 0)


async def test_fifty_kills_at_random_moments_of_a_turn(bus: TestBus, redis_url: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    print(f"KILL_SEED={seed}")  # noqa: T201 - shown when it fails: the same moments again, as far as a machine can
    chance = random.Random(seed)
    (tmp_path / "deeds").touch()
    undisturbed, *calls = [bus.call() for _ in range(1 + POINTS)]
    struck = Counter[str]()
    async with nursery(redis_url, tmp_path) as workers:
        for group in ("orchestration", "execution"):
            await workers.bear(group)
        await ask(bus, undisturbed)
        await completed(bus, undisturbed)
        asked, *_, answered = await bus.bus.journal(undisturbed)
        for place, call in enumerate(calls):
            await ask(bus, call)
            await asyncio.sleep(chance.uniform(0, answered.at - asked.at))
            doomed = GROUPS[place % len(GROUPS)]
            for group in doomed:
                workers.kill(group)
            journal = await bus.bus.journal(call)
            struck[type(journal[-1]).__name__] += 1
            for group in doomed:
                await workers.bear(group)
            await completed(bus, call)
    print(f"the last event before each kill: {dict(struck)}")  # noqa: T201
    deeds = Counter((tmp_path / "deeds").read_text(encoding="utf-8").splitlines())
    assert max(deeds.values()) == 1
    for call in calls:
        adds_up(await bus.bus.journal(call), deeds)
    assert len(struck) >= 4, f"the kills struck too alike: {struck}"
