"""kill -9 of the edge during a take-over, and then of the console: the caller is never left alone."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra.simulator import Caller, PhoneLine
from orchestra.stack import stack
from orchestra_schemas import CallEnded, CallResumed, CallStarted, Event, OperatorLeft, RecordingSaved, ReplySpoken
from tests.voice.operator_voice import heard_voice_s

ROOT = Path(__file__).parents[2]


@pytest.mark.faults
async def test_a_take_over_outlives_its_edge_and_not_its_console(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, embedded_port=0, port=0)
    silent_s: list[float] = []
    async with stack(settings, logs=tmp_path / "logs", edges=2) as running:
        bus = await Bus.connect(settings.model_copy(update={"redis_url": running.redis_url}))
        seen: list[Event | None] = []

        async def follow() -> None:
            async for entry in bus.follow(since="0"):
                seen.append(entry.event())  # noqa: PERF401 - it never ends

        async def until(kind: type[Event], count: int = 1) -> Event:
            async with asyncio.timeout(40):
                while len(found := [event for event in seen if isinstance(event, kind)]) < count:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            return found[-1]

        async def voice_goes_on(line: PhoneLine) -> None:
            heard = len(heard_voice_s(line.tracks.agent))
            assert await line.until(lambda: len(heard_voice_s(line.tracks.agent)) > heard + 25, 30)

        async def talk(line: PhoneLine) -> None:
            started = await until(CallStarted)
            console = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.voice.operator_voice", started.call,
                cwd=ROOT, env={**os.environ, "ORCHESTRA_REDIS_URL": running.redis_url},
            )  # fmt: skip
            try:
                await voice_goes_on(line)
                os.kill(running.edges[started.source], signal.SIGKILL)
                await until(CallResumed)
                await voice_goes_on(line)
            finally:
                console.kill()
                await console.wait()
            killed_s = line.now_s
            await until(OperatorLeft)
            said = len([event for event in seen if isinstance(event, ReplySpoken)])
            await until(ReplySpoken, said + 1)
            after = np.abs(line.tracks.agent[round((killed_s + 0.6) * 8000) :])
            silent_s.append(0.6 + float(np.flatnonzero(after > 500)[0]) / 8000)

        following = asyncio.create_task(follow())
        ending = await Caller(running.url, running.auth_token).call(PhoneLine(), talk)
        await until(RecordingSaved)
        following.cancel()
        await bus.close()
    assert (ending.how, ending.streams) == ("caller_hung_up", 2)
    (left,) = [event for event in seen if isinstance(event, OperatorLeft)]
    (resumed,) = [event for event in seen if isinstance(event, CallResumed)]
    assert (left.operator, left.source) == ("anna", resumed.source)
    assert len([event for event in seen if isinstance(event, CallEnded)]) == 1
    assert silent_s[0] < 2.0
