"""The demo's scripted calls with the real workers on the real bus, without the edge and its speech."""

import time
from pathlib import Path
from typing import TypeVar

import pytest

from orchestra.agents.handlers import Orchestration
from orchestra.agents.loader import load_app
from orchestra.demo.scripts import SCRIPTS, TRANSLATED, Script
from orchestra.execution.handlers import Execution
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEndRequested,
    CallStarted,
    CallTransferRequested,
    Event,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    TurnCompleted,
    UserTurnEnded,
)

E = TypeVar("E", bound=Event)


@pytest.mark.parametrize(
    "script", [*SCRIPTS.values(), *TRANSLATED.values()], ids=[*SCRIPTS, *(f"in {code}" for code in TRANSLATED)]
)
async def test_a_scripted_call_follows_its_script(
    bus: TestBus, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    call, app = bus.call(), load_app(script.app)
    async with bus.run(Orchestration(app).consumer, Execution(app).consumer):
        started = CallStarted(call=call, from_number="+15550001", greeting=app.greeting, language=script.language)
        await bus.publish(started)
        for turn, line in enumerate(script.lines, start=1):
            if line.barge_in_after_s is not None:
                heard = " ".join((await _reply(bus, call, turn - 1)).split()[:9])
                await bus.publish(ReplyInterrupted(call=call, turn=turn - 1, heard=heard))
            await bus.publish(UserTurnEnded(call=call, turn=turn, text=line.text, at=time.time()))
            await bus.settled()
            completed = (await _of_turn(bus, TurnCompleted, call, turn))[0]
            tools = tuple(event.name for event in await _of_turn(bus, ToolCompleted, call, turn) if not event.failed)
            assert not line.missing(await _reply(bus, call, turn))
            assert (line.agent or completed.agent, line.tools) == (completed.agent, tools)
            assert bool(await _of_turn(bus, CallEndRequested, call, turn)) == line.ends_call
            assert bool(await _of_turn(bus, CallTransferRequested, call, turn)) == line.transfers
            await bus.publish(ReplySpoken(call=call, turn=turn, text=completed.text))
    assert all(prompt.agent in app.team for prompt in await bus.published(PromptRequested, call))


async def _reply(bus: TestBus, call: str, turn: int) -> str:
    return " ".join(chunk.text for chunk in await _of_turn(bus, ReplyChunk, call, turn))


async def _of_turn(bus: TestBus, event_type: type[E], call: str, turn: int) -> list[E]:
    return [event for event in await bus.published(event_type, call) if event.turn == turn]
