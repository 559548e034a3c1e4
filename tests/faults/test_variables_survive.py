"""kill -9 of the edge while the app is asked who calls: another edge greets the caller with what it answers."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra.simulator import Caller, PhoneLine
from orchestra.stack import stack
from orchestra_schemas import (
    CallEnded,
    CallGreeted,
    CallResumed,
    CallStarted,
    CallVariablesRequested,
    CallVariablesSet,
    Event,
    RecordingSaved,
    ReplySpoken,
)
from tests.faults.slow_customers import ANSWER


@pytest.mark.faults
async def test_another_edge_greets_with_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = tmp_path / "answer"
    monkeypatch.setenv(ANSWER, str(answer))
    settings = Settings(
        data_dir=tmp_path, embedded_port=0, port=0, app="tests.faults.slow_customers:app", on_call_s=6.0
    )
    async with stack(settings, logs=tmp_path / "logs", edges=2) as running:
        bus = await Bus.connect(settings.model_copy(update={"redis_url": running.redis_url}))
        seen: list[Event | None] = []

        async def follow() -> None:
            async for entry in bus.follow(since="0"):
                seen.append(entry.event())  # noqa: PERF401 - it never ends

        async def until(kind: type[Event]) -> Event:
            async with asyncio.timeout(40):
                while not (found := [event for event in seen if isinstance(event, kind)]):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            return found[-1]

        async def talk(line: PhoneLine) -> None:
            del line
            started = await until(CallStarted)
            await until(CallVariablesRequested)
            os.kill(running.edges[started.source], signal.SIGKILL)
            await until(CallResumed)
            answer.touch()
            await until(ReplySpoken)

        following = asyncio.create_task(follow())
        ending = await Caller(running.url, running.auth_token).call(PhoneLine(), talk)
        await until(RecordingSaved)
        following.cancel()
        (call,) = {event.call for event in seen if isinstance(event, CallStarted)}
        journal = await bus.journal(call)
        await bus.close()

    def of(kind: type[Event]) -> list[Event]:
        return [event for event in journal if isinstance(event, kind)]

    assert (ending.how, ending.streams) == ("caller_hung_up", 2)
    assert len(of(CallVariablesRequested)) == len(of(CallVariablesSet)) == len(of(CallEnded)) == 1
    (greeted,), (spoken, *_) = of(CallGreeted), of(ReplySpoken)
    (resumed,) = of(CallResumed)
    assert isinstance(greeted, CallGreeted)
    assert isinstance(spoken, ReplySpoken)
    assert greeted.greeting == "Hello Ada. How can I help you?"
    assert "Ada" in spoken.text
    assert spoken.source == resumed.source
