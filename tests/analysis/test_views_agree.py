"""The SQL views and the history say the same about a call, column by column: one of version 0.1.0, and 60 others."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from orchestra.analysis.query import CallDatabase
from orchestra.archive.archive import Archive
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.history.call import CallHistory, Turn
from orchestra.history.reduce import history_of
from orchestra.settings import Settings
from orchestra_schemas import (
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    ConsentGiven,
    ConsentRefused,
    Event,
    SpeechMetered,
    TransferAccepted,
    encode,
)
from orchestra_schemas.speech import TURN_TIMES
from tests.history.journals import made_up_call, read_journal

_RECORDING = ("on", "told", "asked", "off")
_ANSWERS = ((), (ConsentGiven,), (ConsentRefused,), (ConsentGiven, ConsentRefused), (ConsentRefused, ConsentGiven))
SPOKEN = Path(__file__).parents[1] / "compatibility" / "0.1.0" / "journal.jsonl"


def journals() -> Iterator[list[Event]]:
    """The journals of the calls, each on partition 3."""
    yield read_journal(SPOKEN)
    for number in range(60):
        call = f"03-0199a0b4-c0de-7000-8000-{number:012x}"
        events = [*with_consent(made_up_call(Random(number)), number)]
        yield [replace(event, call=call, id=f"{call}:{event.id[-8:]}") for event in events]


def with_consent(events: list[Event], number: int) -> Iterator[Event]:
    """The call with a way of recording, and what its caller has said to that, by its number."""
    answers: tuple[type[ConsentGiven | ConsentRefused], ...] = _ANSWERS[number % len(_ANSWERS)]
    for event in events:
        yield (
            replace(event, recording=_RECORDING[number % len(_RECORDING)]) if isinstance(event, CallStarted) else event
        )
        if isinstance(event, CallStarted):
            for answer in answers:
                yield answer(call=event.call, id=f"{event.call}:consent-{answer.__name__}", at=event.at)


JOURNALS = {journal[0].call: journal for journal in journals()}


def entries() -> Iterator[Entry]:
    number = 0
    for journal in journals():
        for event in journal:
            number += 1
            fields = encode(event)
            tag, body = fields[b"type"].decode(), fields[b"body"]
            yield Entry(f"{1_763_830_000_000 + number}-0", 3, JOURNAL, tag, event.call, event.id, body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CallDatabase]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("archive"))
    Archive.of(settings).write("test", list(entries()))
    opened = await CallDatabase.open(settings)
    yield opened
    opened.close()


def _count(kind: type[Event]) -> Callable[[CallHistory], int]:
    return lambda call: sum(isinstance(event, kind) for _, event in call.milestones)


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


#: the columns of ``calls``; an empty text is NULL where the event has none
CALLS: dict[str, Callable[[CallHistory], Any]] = {
    "call": lambda call: call.record.call,
    "time": lambda call: _time(call.first.at),
    "day": lambda call: _time(call.first.at).date(),
    "status": lambda call: call.record.status,
    "outcome": lambda call: call.record.end_reason or None,
    "duration_s": lambda call: call.record.duration_s,
    "from_number": lambda call: call.record.from_number or None,
    "to_number": lambda call: call.record.to_number or None,
    "direction": lambda call: call.record.direction,
    "app": lambda call: call.record.app or None,
    "line": lambda call: call.record.line,
    "passed_to": lambda call: call.record.passed_to,
    "agent": lambda call: call.record.agent or None,
    "version": lambda call: call.record.version,
    "model": lambda call: call.model,
    "recording_mode": lambda call: call.record.recording_mode,
    "turns": lambda call: call.record.turns,
    "interruptions": lambda call: call.record.interruptions,
    "tools": lambda call: call.record.tools,
    "failed_tools": lambda call: call.record.failed_tools,
    "handovers": _count(CallTransferRequested),
    "transferred": _count(CallTransferred),
    "accepted": _count(TransferAccepted),
    "prompts": lambda call: call.record.prompts,
    "prompt_tokens": lambda call: call.record.prompt_tokens,
    "completion_tokens": lambda call: call.record.completion_tokens,
    "caller_words": lambda call: sum(len(turn.transcript.split()) for turn in call.turns),
    "agent_words": lambda call: sum(len(turn.reply_heard.split()) for turn in call.turns),
    "wasted_characters": lambda call: sum(
        event.tts_characters_wasted for event in JOURNALS[call.record.call] if isinstance(event, SpeechMetered)
    ),
}


def _stage(name: str) -> Callable[[Turn], float | None]:
    """A stage of 0 ms is not in the event, and so it is NULL."""
    return lambda turn: getattr(turn.latency, name) or None if turn.latency is not None else None


#: the columns of ``turns``; ``time`` and ``day`` are of the turn's first event that the view uses
TURNS: dict[str, Callable[[Turn], Any]] = {
    "turn": lambda turn: turn.number,
    "agent": lambda turn: turn.completed.agent if turn.completed is not None else None,
    "model": lambda turn: (turn.completed.model or None) if turn.completed is not None else None,
    "version": lambda turn: turn.completed.version if turn.completed is not None else "",
    "said": lambda turn: turn.transcript if turn.ended is not None else None,
    "reply": lambda turn: turn.last_heard or None,
    "caller_words": lambda turn: len(turn.transcript.split()) if turn.ended is not None else 0,
    "agent_words": lambda turn: len((turn.last_heard or "").split()),
    "interrupted": lambda turn: turn.interrupted,
    "failed": lambda turn: turn.failed,
    **{stage: _stage(stage) for stage in TURN_TIMES},
}


def _flat(value: Any) -> Any:
    """One form for words with other spaces between them, and for a value that the event does not have."""
    return " ".join(value.split()) or None if isinstance(value, str) else value or None


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("column", CALLS)
async def test_a_column_of_calls_agrees_with_the_history(database: CallDatabase, column: str) -> None:
    rows = {row["call"]: row[column] for row in database.rows(f"SELECT call, {column} FROM calls")}
    expected = {journal[0].call: CALLS[column](history_of(journal)) for journal in journals()}
    assert len(expected) == 61
    assert {call: _flat(value) for call, value in rows.items()} == {
        call: _flat(value) for call, value in expected.items()
    }


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("column", TURNS)
async def test_a_column_of_turns_agrees_with_the_history(database: CallDatabase, column: str) -> None:
    found = database.rows(f"SELECT call, turn, {column} AS value FROM turns")
    rows = {(row["call"], row["turn"]): _flat(row["value"]) for row in found}
    expected = {
        (journal[0].call, turn.number): _flat(TURNS[column](turn))
        for journal in journals()
        for turn in history_of(journal).turns
        if turn.number > 0 and (turn.ended or turn.completed or turn.latencies or turn.last_heard is not None)
    }
    assert len(expected) > 100
    if column == "agent":  # of a turn that was not completed, the view has the agent that was heard, if any
        rows, expected = ({key: agents[key] for key, agent in expected.items() if agent} for agents in (rows, expected))
    assert rows == expected


@pytest.mark.asyncio(loop_scope="module")
async def test_every_column_is_compared(database: CallDatabase) -> None:
    (call,), (turn,) = database.rows("SELECT * FROM calls LIMIT 1"), database.rows("SELECT * FROM turns LIMIT 1")
    assert set(call) == set(CALLS)
    assert set(turn) - {"call", "time", "day"} == set(TURNS)
