"""A recorded call in which something secret was asked for: replayed and compared without the secret."""

from pathlib import Path

import pytest

from orchestra.agents.capture import Card, ask
from orchestra.agents.handlers import Orchestration
from orchestra.evaluation.sandbox import Candidate, open_sandbox, summarize_recording
from orchestra.history.reduce import history_of
from orchestra.history.views.turn_summaries import call_summary
from orchestra.settings import Settings
from orchestra.testing import TestBus, replay
from orchestra_schemas import (
    SECRET,
    CallEnded,
    CallStarted,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    UserTurnEnded,
)
from tests.agents.capture.secret_call import SecretCall
from tests.agents.team import Parcels, call_of, team

pytestmark = pytest.mark.integration

CARD = ask(Card(expiry=False), "Which card?", name="ask_card", examples=("where is my parcel",))
END = "Mastercard ending in 5100"


def asks(prompt: PromptRequested) -> object:
    return f"I have your {END}." if prompt.messages[-1].role == "tool" else [call_of("ask_card")]


async def test_a_recorded_call_needs_no_secret(bus: TestBus, tmp_path: Path) -> None:
    async with SecretCall(bus, asks, (CARD,)).answered() as line:
        for words in ("where is my parcel", "5105 1051 0510", "5100", "yes"):
            await line.hears(words)

    journal = [event for event in await bus.published(None, line.call) if event.stream == "events"]
    result = await replay(journal, Orchestration(line.app).consumer)
    assert result.agrees

    recorded = summarize_recording(journal)
    assert [turn.transcript for turn in recorded.turns] == ["where is my parcel", SECRET, SECRET, SECRET]
    settings = Settings(data_dir=tmp_path, redis_url=None)
    async with open_sandbox(Candidate(app=line.app, settings=settings)) as sandbox:
        with sandbox.call(journal, recorded) as (caller, played):
            await caller.play()
            again = list(played.events)
    asked = [event.text for event in journal if isinstance(event, ReplyChunk)][:-1]
    assert [event.text for event in again if isinstance(event, ReplyChunk)][: len(asked)] == asked
    noted = [event.noted for event in again if isinstance(event, ToolCompleted) and event.noted]
    assert noted == [{"ask_card": END}]
    assert call_summary(history_of(again)).turns[-1].reply


async def test_a_written_case_in_clear_is_understood(tmp_path: Path) -> None:
    call = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
    words = ("where is my parcel", "5105 1051 0510", "5100", "yes")
    case = [
        CallStarted(call=call),
        *(UserTurnEnded(call=call, turn=turn, text=text) for turn, text in enumerate(words, 1)),
        CallEnded(call=call, reason="caller_hung_up"),
    ]
    app = team(Parcels(), tools=(CARD,))
    async with open_sandbox(Candidate(app=app, settings=Settings(data_dir=tmp_path, redis_url=None))) as sandbox:
        with sandbox.call(case, summarize_recording(case)) as (caller, played):
            await caller.play()
            again = list(played.events)
    noted = [event.noted for event in again if isinstance(event, ToolCompleted) and event.noted]
    assert noted == [{"ask_card": END}]
