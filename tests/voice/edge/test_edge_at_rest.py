"""Redaction at rest: a caller says a number, and the agent repeats it. Neither Redis nor what outlives it has them."""

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from orchestra.archive.archive import Archive
from orchestra.bus.keys import JOURNAL, partition_of
from orchestra.history.reduce import history_of
from orchestra.history.views.dialogue import dialogue
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    RecordingSaved,
    ReplyChunk,
    ReplySpoken,
    TranscriptFinal,
    TurnCompleted,
    UserTurnEnded,
)
from orchestra_workers.archive import consumer as archive
from orchestra_workers.logging import consumer as logging
from orchestra_workers.persistence import consumer as persistence
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer
from tests.voice.edges import RunningEdge, running_edge, tone

pytestmark = pytest.mark.integration

SAID = "my number is five five five oh one two three four"
REPEATED = "Your number is 555 010 1234."
IN_CLEAR = ("five five five", "555 010 1234")


@pytest_asyncio.fixture
async def openobserve() -> AsyncIterator[OpenObserveServer]:
    async with OpenObserveServer() as server:
        yield server


@pytest.fixture
def settings(redis_url: str, tmp_path: Path, openobserve: OpenObserveServer) -> Settings:
    return Settings(
        redis_url=redis_url, data_dir=tmp_path, archive_flush_s=0.02, redact_at_rest=True,
        openobserve_url=openobserve.url, openobserve_user=USER, openobserve_password=PASSWORD,  # type: ignore[arg-type]
    )  # fmt: skip


async def answer(running: RunningEdge, turn: int, *sentences: str) -> str:
    call = (await running.event(UserTurnEnded, turn=turn)).call
    for sentence in sentences:
        await running.bus.publish(ReplyChunk(call=call, turn=turn, text=sentence, agent="desk"))
    text = " ".join(sentences)
    await running.bus.publish(TurnCompleted(call=call, turn=turn, agent="desk", text=text))
    await running.event(ReplySpoken, turn=turn)
    return call


def loud(side: np.ndarray, rate: int, start_s: float, end_s: float) -> bool:
    return bool(np.abs(side[round(max(0.0, start_s) * rate) : round(end_s * rate)]).max() > 100)


async def test_a_number_that_is_said_and_repeated_is_in_nothing_that_is_kept(
    bus: TestBus, settings: Settings, tmp_path: Path, openobserve: OpenObserveServer
) -> None:
    words = ("good morning", SAID, "yes")
    async with bus.run(persistence, archive, logging), running_edge(bus, settings, *words) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(tone(0.4))
            await answer(running, 1, "What is your number?")
            await asyncio.sleep(1.0)  # so that what is silent can be told from what is not
            line.say(tone(0.6))
            await answer(running, 2, REPEATED, "Is that right, and do you want anything else from us today?")
            await asyncio.sleep(1.0)
            line.say(tone(0.4))
            await answer(running, 3, "Good bye.")

        await running.call(talk)
        await running.event(CallEnded)
        await running.event(RecordingSaved)
        await bus.settled()
    (started,) = await bus.published(CallStarted)
    call = started.call

    files = await asyncio.to_thread(lambda: [path for path in tmp_path.rglob("*") if path.is_file()])
    rows = "".join(str(pq.read_table(path).to_pylist()) for path in files if path.suffix == ".parquet")
    record = repr(await bus.bus.redis.hgetall(bus.bus.key(call, "call", call)))
    assert "[phone]" in rows
    journal = repr([entry async for entry in bus.bus.entries(partition_of(call), JOURNAL)])
    assert "[phone]" in journal
    for stored in (rows, record, journal, repr(openobserve.rows)):
        assert not [clear for clear in IN_CLEAR if clear in stored]

    events = [entry.event() for entry in Archive.of(settings).entries(calls=[call])]
    history = history_of(event for event in events if event is not None)
    assert [turn.transcript for turn in dialogue(history).turns] == ["", "good morning", "my number is [phone]", "yes"]
    assert history.record.from_number == started.from_number != ""

    with wave.open(str(next(path for path in files if path.suffix == ".wav"))) as file:
        rate = file.getframerate()
        caller, agent = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2).T
    in_clear = await bus.bus.journal(call, in_clear=True)
    assert [each.text for each in in_clear if isinstance(each, ReplySpoken)][2].startswith(REPEATED)
    finals = {each.text: each.at - started.at for each in in_clear if isinstance(each, TranscriptFinal)}
    spoken = {event.turn: event.at - started.at for event in await bus.published(ReplySpoken)}
    ended = {event.turn: event.at - started.at for event in await bus.published(UserTurnEnded)}
    assert loud(caller, rate, finals["good morning"] - 1.2, finals["good morning"])
    assert not loud(caller, rate, finals[SAID] - 1.2, finals[SAID])
    assert loud(caller, rate, finals["yes"] - 1.2, finals["yes"])
    assert not loud(agent, rate, ended[2], ended[2] + 0.7)  # six words of 0.1 s
    assert loud(agent, rate, spoken[2] - 0.6, spoken[2])
    assert loud(agent, rate, ended[1], spoken[1])
