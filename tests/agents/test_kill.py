"""kill -9 at every step of a turn: the caller gets one answer, and what the tool did it did once."""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallStarted,
    Event,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    UserTurnEnded,
)
from tests.agents.kill_targets import ANSWER
from tests.bus.test_sealing import everything_in

pytestmark = pytest.mark.faults

LEASE_MS = 500
NUMBER = "555 010 1234"
MOMENTS: tuple[tuple[str, type[Event]], ...] = (
    ("orchestration", PromptRequested),
    ("orchestration", ToolRequested),
    ("orchestration", ToolCompleted),
    ("orchestration", ReplyChunk),
    ("execution", PromptRequested),
    ("execution", ToolRequested),
    ("execution", ReplyChunk),
)


class Workers:
    """The two groups as processes of their own."""

    def __init__(
        self, bus: TestBus, redis_url: str, folder: Path, targets: str = "tests.agents.kill_targets", **environment: str
    ) -> None:
        self._targets = targets
        self._bus = bus
        self.file = folder / "deeds"
        self.file.touch()
        self._environment = {
            **os.environ,
            "ORCHESTRA_REDIS_URL": redis_url,
            "ORCHESTRA_LEASE_MS": str(LEASE_MS),
            "ORCHESTRA_DATA_DIR": str(folder),
            "DOOMED_FILE": str(self.file),
            **environment,
        }
        self.running: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, group: str) -> None:
        self.running[group] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "orchestra.cli", "worker", f"{self._targets}:{group}", env=self._environment
        )

    async def kill(self, group: str) -> None:
        process = self.running.pop(group)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    @asynccontextmanager
    async def both(self) -> AsyncIterator["Workers"]:
        try:
            for group in ("orchestration", "execution"):
                await self.start(group)
            yield self
        finally:
            for group in list(self.running):
                await self.kill(group)


async def seen(bus: TestBus, call: str, wanted: type[Event]) -> None:
    async with asyncio.timeout(60), aclosing(bus.bus.follow(since="0")) as entries:
        async for entry in entries:
            if entry.call == call and isinstance(entry.event(), wanted):
                return


@pytest.mark.parametrize(("group", "moment"), MOMENTS)
async def test_the_turn_survives(bus: TestBus, redis_url: str, tmp_path: Path, group: str, moment: type[Event]) -> None:
    call = bus.call()
    async with Workers(bus, redis_url, tmp_path).both() as workers:
        await bus.publish(CallStarted(call=call))
        await bus.publish(UserTurnEnded(call=call, turn=1, text="book it", at=time.time()))
        await seen(bus, call, moment)
        await workers.kill(group)
        await workers.start(group)
        await seen(bus, call, TurnCompleted)
        done = workers.file.read_text(encoding="utf-8").splitlines()
    journal = await bus.published(None, call)
    assert {event_id for event_id, count in Counter(event.id for event in journal).items() if count > 1} == set()
    assert len(done) <= 1
    (result,) = (event for event in journal if isinstance(event, ToolCompleted))
    assert result.failed or done == [result.request]
    (turn,) = (event for event in journal if isinstance(event, TurnCompleted))
    said = " ".join(event.text for event in journal if isinstance(event, ReplyChunk))
    assert said == turn.text == ANSWER


@pytest.mark.parametrize(("group", "moment"), [MOMENTS[2], MOMENTS[5]])
async def test_so_does_one_that_is_sealed_in_the_journal(
    bus: TestBus, redis_url: str, tmp_path: Path, group: str, moment: type[Event]
) -> None:
    call = bus.call()
    sealed = Settings(redis_url=redis_url, data_dir=tmp_path, redact_at_rest=True)
    edge = await Bus.connect(sealed)
    async with Workers(bus, redis_url, tmp_path, ORCHESTRA_REDACT_AT_REST="true").both() as workers:
        publisher = edge.publisher("edge")
        publisher.publish(CallStarted(call=call))
        publisher.publish(UserTurnEnded(call=call, turn=1, text=f"book {NUMBER}", at=time.time()))
        await seen(bus, call, moment)
        await workers.kill(group)
        await workers.start(group)
        await seen(bus, call, TurnCompleted)
        journal = await edge.journal(call, in_clear=True)
    await edge.close()
    (request,) = (event for event in journal if isinstance(event, ToolRequested))
    (result,) = (event for event in journal if isinstance(event, ToolCompleted))
    assert NUMBER in str(request.arguments)
    assert result.failed or result.result == f"booked {NUMBER}"
    assert [event.text for event in journal if isinstance(event, TurnCompleted)] == [ANSWER]
    assert NUMBER not in await everything_in(bus)
