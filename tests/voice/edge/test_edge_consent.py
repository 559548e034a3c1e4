"""Consent on a real edge with a real recorder: what is kept where callers are told or asked, refuse, or withdraw it."""

import wave
from pathlib import Path

import numpy as np
import pytest

from orchestra.history.reduce import history_of
from orchestra.recordings.locate import recording_file
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallStarted,
    ConsentGiven,
    ConsentRefused,
    RecordingSaved,
    ReplyInterrupted,
    ReplySpoken,
    UserTurnEnded,
)
from orchestra_workers.persistence import consumer as persistence
from tests.voice.edges import Greeting, RunningEdge, running_edge, tone

pytestmark = pytest.mark.integration

NOTICE = "This call is recorded so that we can learn from it."
ASKS = Greeting(consent="May we record this call?", asks_consent=True)


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings(redis_url=redis_url, data_dir=tmp_path)


def wavs(folder: Path) -> list[Path]:
    return list(folder.rglob("*.wav"))


async def test_hello_into_the_notice_is_neither_an_interruption_nor_recorded(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    async with (
        bus.run(persistence),
        running_edge(bus, settings, "where is my parcel", recording_consent=NOTICE) as edge,
    ):

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.2, 30)
            line.say(tone(0.4))  # hello?
            await edge.event(ConsentGiven, by="notice")
            await edge.event(ReplySpoken, turn=0)
            line.say(tone(0.4))
            await edge.event(UserTurnEnded, turn=1, text="where is my parcel")

        await edge.call(talk)
        await edge.event(RecordingSaved)
        await bus.settled()
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [f"{NOTICE} Hello there."]
    assert not await bus.published(ReplyInterrupted)
    (started,), (given,) = await bus.published(CallStarted), await bus.published(ConsentGiven)
    with wave.open(str(wavs(tmp_path)[0])) as file:
        rate = file.getframerate()
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    until = round((given.at - started.at - 0.3) * rate)
    assert not both[:until, 0].any()
    assert both[:until, 1].any()
    assert both[until:, 0].any()


@pytest.mark.parametrize("case", ["asked and refused", "withdrawn", "off"])
async def test_nothing_is_kept_of_a_call_that_is_not_to_be_recorded(
    bus: TestBus, settings: Settings, tmp_path: Path, case: str
) -> None:
    app = ASKS if case == "asked and refused" else Greeting()
    words = ("no thanks", "where is my parcel") if app is ASKS else ("where is my parcel",)
    async with bus.run(persistence), running_edge(bus, settings, *words, app=app, record=case != "off") as edge:

        async def talk(line: PhoneLine) -> None:
            if app is ASKS:
                await edge.event(ReplySpoken, text=app.consent)
                line.say(tone(0.4))
                await edge.event(ConsentRefused, by="words", heard="no thanks")
            await edge.event(ReplySpoken, turn=0)
            await withdraw(edge, line)
            line.say(tone(0.4))
            await edge.event(UserTurnEnded, turn=1, text="where is my parcel")

        async def withdraw(edge: RunningEdge, line: PhoneLine) -> None:
            if case == "withdrawn":
                assert await line.until(lambda: bool(wavs(tmp_path)), 30)
                call = (await edge.event(CallStarted)).call
                await bus.publish(ConsentRefused(call=call))
                assert await line.until(lambda: not wavs(tmp_path), 30)

        await edge.call(talk)
        await edge.event(CallEnded)
        await bus.settled()
    assert not wavs(tmp_path)
    assert not await bus.published(RecordingSaved)
    chunks = await bus.published(AudioChunk)
    assert bool(chunks) is (case == "withdrawn")
    withdrawn = [refused.at for refused in await bus.published(ConsentRefused) if refused.by == "request"]
    assert all(chunk.at < withdrawn[0] + 0.5 for chunk in chunks)  # until the edge has read of it
    events = await bus.published(None, (await bus.published(CallStarted))[0].call)
    assert history_of(events).record.recording_mode == ("off" if case == "off" else "refused")
    with pytest.raises(Exception, match="was not recorded: "):
        async with recording_file(settings, events):
            pass
