"""The analysis worker and `orchestra judge` are killed between question and answer: each call is analysed once."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from orchestra.bus import Bus, EmbeddedServer
from orchestra.bus.group.dead_letters import dead_letters
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra_schemas import CallAnalysed, tag_of
from tests.post_call.calls import a_call
from tests.post_call.test_judging import says
from tests.post_call.test_worker import REPORT
from tests.servers.openai import OpenAIServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

CALLS, AT_ONCE = 24, 4


async def thinks(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Any:
    """An answer for which a worker waits, so that there are always some under way."""
    await asyncio.sleep(0.15)
    return says(REPORT)(messages, tools)


class Analysing:
    """A server, a model, processes that ask it, and calls that have ended."""

    def __init__(self, folder: Path, bus: Bus, model: OpenAIServer) -> None:
        self.bus = bus
        self.model = model
        self.calls = [bus.new_call() for _ in range(CALLS)]
        self.processes: list[subprocess.Popen[bytes]] = []
        self._folder = folder

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestra.cli", *command],
                env={
                    **os.environ, "ORCHESTRA_REDIS_URL": self.bus.url, "ORCHESTRA_LEASE_MS": "500",
                    "ORCHESTRA_DATA_DIR": str(self._folder), "ORCHESTRA_APP": "tests.post_call.test_worker:APP",
                    "ORCHESTRA_MODEL": "test-model", "ORCHESTRA_MODEL_URL": self.model.base_url,
                    "ORCHESTRA_ANALYSIS_AT_ONCE": str(AT_ONCE),
                },
                stdout=log, stderr=subprocess.STDOUT, cwd=Path(__file__).parents[2],
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
            )  # fmt: skip
        self.processes.append(process)
        return process

    async def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        await asyncio.to_thread(process.wait)  # the model answers in this loop

    async def publish(self) -> None:
        publisher = self.bus.publisher("load")
        for call in self.calls:
            for event in a_call(call, "where is it"):
                publisher.publish(event)
        await publisher.flush(20)

    async def owned(self) -> None:
        """Wait until a worker has every partition."""
        async with asyncio.timeout(30):
            while len([each for each in await self.bus.groups() if each.owner]) < self.bus.partitions:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    @property
    def prompts(self) -> int:
        """How often the model was asked."""
        return sum(request.path.endswith("/completions") for request in self.model.seen)

    async def asked(self, prompts: int) -> None:
        """Wait until the model was asked so often."""
        async with asyncio.timeout(30):
            while self.prompts < prompts:  # noqa: ASYNC110 - other processes ask
                await asyncio.sleep(0.01)

    async def analysed(self, source: str) -> Counter[str]:
        """How many events of a source each call has."""
        found: Counter[str] = Counter()
        for partition in range(self.bus.partitions):
            async for entry in self.bus.entries(partition, "events"):
                event: Any = entry.event() if entry.type == tag_of(CallAnalysed) else None
                if event is not None and event.source.startswith(source):
                    found[event.call] += 1
        return found

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-3000:]


@pytest_asyncio.fixture
async def analysing(tmp_path: Path) -> AsyncIterator[Analysing]:
    async with EmbeddedServer(tmp_path) as server, OpenAIServer(thinks) as model:
        bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
        analysing = Analysing(tmp_path, bus, model)
        try:
            yield analysing
        finally:
            for process in analysing.processes:
                process.kill()
                process.wait()
            await bus.close()


async def test_each_call_is_analysed_once_although_workers_are_killed(analysing: Analysing) -> None:
    first, second = analysing.start("worker", "analysis"), analysing.start("worker", "analysis")
    await analysing.owned()
    await analysing.publish()
    await analysing.asked(6)
    await analysing.kill(first)
    await analysing.asked(10)
    analysing.start("worker", "analysis")
    await analysing.kill(second)
    async with asyncio.timeout(60):
        while len(await analysing.analysed("analysis")) < CALLS:
            assert analysing.processes[-1].poll() is None, analysing.log()
            await asyncio.sleep(0.1)
        while any(each.lag or each.pending for each in await analysing.bus.groups()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await analysing.analysed("analysis") == Counter(analysing.calls)
    assert analysing.prompts <= CALLS + 2 * 2 * AT_ONCE  # what was asked for when they were killed
    assert await dead_letters(analysing.bus, "analysis") == []


async def test_each_call_is_judged_once_although_a_judge_is_killed_beside_another(analysing: Analysing) -> None:
    await analysing.publish()
    judge = ("judge", "--source", "journal", "--since", "1h", "--judge", "tests.post_call.test_judge_calls:POLITE")
    killed, beside = analysing.start(*judge), analysing.start(*judge)
    await analysing.asked(6)
    await analysing.kill(killed)
    assert await asyncio.to_thread(beside.wait, 60) == 0, analysing.log()
    assert await analysing.analysed("judge") == Counter(analysing.calls)
    asked = analysing.prompts
    assert asked <= CALLS + AT_ONCE
    assert await asyncio.to_thread(analysing.start(*judge).wait, 60) == 0, analysing.log()
    assert analysing.prompts == asked
