"""A card is dictated, and keyed in, to the real edge: no store has it, and the recording is silent there."""

import asyncio
import json
import re
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from orchestra.bus.vault import Vault
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.storage.secrets import vault_key
from orchestra.testing import TestBus
from orchestra_schemas import (
    SECRET,
    AudioChunk,
    DigitPressed,
    RecordingSaved,
    ReplyChunk,
    ReplySpoken,
    ToolRequested,
    TurnCompleted,
    UserTurnEnded,
)
from orchestra_workers.archive import consumer as archive
from orchestra_workers.logging import consumer as logging
from orchestra_workers.persistence import consumer as persistence
from tests.agents.capture.secret_call import everything_stored
from tests.agents.capture.test_secret import IN_CLEAR, NUMBER, SPOKEN, charge, pays
from tests.agents.team import Line, Parcels, team
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer
from tests.voice.edges import RunningEdge, running_edge, tone

pytestmark = pytest.mark.integration

DICTATED = ("where is my parcel", f"{SPOKEN}, May 2031, nine eight seven", "yes", "thank you")
KEYED = ("where is my parcel", "hm", "what", "thank you")


@pytest_asyncio.fixture
async def openobserve() -> AsyncIterator[OpenObserveServer]:
    async with OpenObserveServer() as server:
        yield server


@pytest.fixture
def settings(redis_url: str, tmp_path: Path, openobserve: OpenObserveServer) -> Settings:
    return Settings(
        redis_url=redis_url, data_dir=tmp_path, archive_flush_s=0.02, openobserve_url=openobserve.url,
        openobserve_user=USER, openobserve_password=PASSWORD, redact=False,  # type: ignore[arg-type]
    )  # fmt: skip


class Call(Line):
    """A call whose caller speaks to a real edge."""

    def __init__(self, bus: TestBus) -> None:
        parcels = Parcels()
        super().__init__(bus, pays, app=team(parcels, tools=(charge,)))
        self.parcels = parcels

    async def held(self, running: RunningEdge, line: PhoneLine, turns: int) -> None:
        """The caller says something in so many turns, each once the last one was answered."""
        await running.event(ReplySpoken, turn=0)
        for turn in range(1, turns + 1):
            line.say(tone(0.4))
            self.call = (await running.event(UserTurnEnded, turn=turn)).call
            await running.event(ReplySpoken, turn=turn)


def in_clear(stored: str) -> list[str]:
    """The values that stand in a store; ids and times have digits, too."""
    return [value for value in IN_CLEAR if re.search(rf"(?<![\w.:-]){value}(?![\w-])", stored)]


async def check_stores(bus: TestBus, tmp_path: Path, logs: object, openobserve: OpenObserveServer) -> None:
    assert SECRET in repr(openobserve.rows)
    assert not in_clear(repr(openobserve.rows))
    for name, stored in (await everything_stored(bus)).items():
        assert not in_clear(stored), name
    files = await asyncio.to_thread(lambda: [path for path in tmp_path.rglob("*") if path.is_file()])
    rows = "".join(str(pq.read_table(path).to_pylist()) for path in files if path.suffix == ".parquet")
    assert rows.count(SECRET) > 4
    assert not in_clear(rows)
    for path in files:
        if path.suffix not in {".parquet", ".wav"}:
            assert not in_clear(path.read_bytes().decode(errors="replace")), path
    assert not in_clear(repr(logs))


def loud_s(path: Path, side: int) -> list[int]:
    """The tenths of a second of a recording in which this side is loud."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)[:, side]
        size = file.getframerate() // 10
    return [at for at in range(len(samples) // size) if np.abs(samples[at * size : (at + 1) * size]).max() > 100]


async def test_a_dictated_card_is_in_no_store(
    bus: TestBus, settings: Settings, tmp_path: Path, openobserve: OpenObserveServer
) -> None:
    call = Call(bus)
    consumers = (call.orchestration().consumer, call.execution().consumer, persistence, archive, logging)
    with capture_logs() as logs:
        async with bus.run(*consumers), running_edge(bus, settings, *DICTATED) as running:

            async def talk(line: PhoneLine) -> None:
                await call.held(running, line, len(DICTATED))

            await running.call(talk)
            saved = await running.event(RecordingSaved)
            await bus.settled()
    assert call.parcels.done == [f"20 {NUMBER} 2031-05 987"]
    turns = [event.text for event in await bus.published(UserTurnEnded)]
    assert turns == ["where is my parcel", SECRET, SECRET, "thank you"]
    await check_stores(bus, tmp_path, logs, openobserve)
    recording = Path(saved.url.removeprefix("file://"))
    caller, agent = loud_s(recording, 0), loud_s(recording, 1)
    spoken = [at for at, before in zip(caller, [-10, *caller], strict=False) if at - before > 3]
    assert len(spoken) == 2, "the first and the last turn"
    assert any(spoken[0] < at < spoken[1] for at in agent)
    heard = [event for event in await bus.published(AudioChunk) if event.speaker == "caller"]
    assert sum(event.audio.strip(b"\0") == b"" for event in heard) > 10
    assert 0 < await bus.bus.redis.ttl(Vault.key(call.call)) <= 60


async def test_a_card_that_is_keyed_in_is_in_no_store(
    bus: TestBus, settings: Settings, tmp_path: Path, openobserve: OpenObserveServer
) -> None:
    call = Call(bus)
    consumers = (call.orchestration().consumer, call.execution().consumer, persistence, archive, logging)
    with capture_logs() as logs:
        async with bus.run(*consumers), running_edge(bus, settings, *KEYED) as running:

            async def talk(line: PhoneLine) -> None:
                await call.held(running, line, 2)
                line.say(tone(0.4))
                await running.event(ToolRequested, name="collect_digits")
                await running.event(ReplyChunk, turn=3)
                await line.press(f"{NUMBER}#")
                await running.event(TurnCompleted, turn=3)
                await running.event(ReplySpoken, turn=3)

            await running.call(talk)
            await running.event(RecordingSaved)
            await bus.settled()
    assert [chunk.text for chunk in await bus.published(ReplyChunk)][-1].startswith("And until when")
    assert len(await bus.published(DigitPressed)) == len(NUMBER) + 1
    await check_stores(bus, tmp_path, logs, openobserve)
    assert json.loads(await Vault(bus.bus, vault_key(bus.bus.settings)).get(call.call, "heard:3"))["part"] == NUMBER
