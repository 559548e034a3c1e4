import wave
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    AudioChunk,
    CallEnded,
    CallStarted,
    RecordingSaved,
    TranscriptCurated,
    UserTurnEnded,
)
from orchestra_workers.persistence import consumer

RATE = 8000


def chunk(call: str, speaker: str, offset_ms: int, value: int) -> AudioChunk:
    samples = value.to_bytes(2, "little", signed=True) * (RATE // 5)
    return AudioChunk(call=call, speaker=speaker, offset_ms=offset_ms, audio=samples)  # type: ignore[arg-type]


async def session_record(bus: Bus, call: str) -> dict[str, str]:
    stored = await bus.redis.hgetall(bus.key(call, "call", call))
    return {field.decode(): value.decode() for field, value in stored.items()}


async def test_the_session_record_can_be_read_while_the_call_runs(bus: TestBus) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(
            CallStarted(call=call, from_number="+15550001"),
            UserTurnEnded(call=call, turn=1, text="hello"),
            AgentChanged(call=call, turn=1, agent="reception"),
        )
        await bus.settled()
        record = await session_record(bus.bus, call)
    assert (record["status"], record["agent"], record["turns"]) == ("running", "reception", "1")
    assert await bus.bus.redis.ttl(bus.bus.key(call, "call", call)) > 0


async def test_a_record_has_its_labelling_task_and_a_call_without_one_gets_none_of_it_alone(bus: TestBus) -> None:
    call, expired = bus.call(), bus.call()
    async with bus.run(consumer):
        await bus.publish(
            CallStarted(call=call),
            TranscriptCurated(call=call, project="4", task="17"),
            TranscriptCurated(call=expired, project="4", task="18"),
        )
        await bus.settled()
        record = await session_record(bus.bus, call)
    assert (record["labelling_project"], record["labelling_task"]) == ("4", "17")
    assert await session_record(bus.bus, expired) == {}


async def test_the_recording_is_complete_when_it_is_announced(bus: TestBus, settings: Settings) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(
            CallStarted(call=call),
            chunk(call, "caller", 0, 100),
            chunk(call, "agent", 200, -100),
            chunk(call, "caller", 200, 50),
            CallEnded(call=call, reason="caller_hung_up", duration_s=0.4, audio_ms=400),
        )
        await bus.settled()
    (saved,) = await bus.published(RecordingSaved)
    path = Path(saved.url.removeprefix("file://"))
    assert path.is_relative_to(settings.recordings)
    assert saved.duration_s == pytest.approx(0.4)
    with wave.open(str(path)) as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h").tolist()
    assert samples[0::2] == [100] * 1600 + [50] * 1600
    assert samples[1::2] == [0] * 1600 + [-100] * 1600
    record = await session_record(bus.bus, call)
    assert (record["status"], record["recording"]) == ("ended", saved.url)


@pytest.mark.parametrize("audio_ms", [16_380, 17_900, 4_100])
async def test_a_complete_recording_is_announced_without_waiting(bus: TestBus, audio_ms: int) -> None:
    call = bus.call()
    with capture_logs() as logs:
        async with bus.run(consumer):
            last = chunk(call, "caller", audio_ms - 200, 100)
            await bus.publish(CallStarted(call=call), last, CallEnded(call=call, reason="failed", audio_ms=audio_ms))
            await bus.settled()
    assert await bus.published(RecordingSaved)
    assert "recording.incomplete" not in [entry["event"] for entry in logs]


async def test_another_worker_continues_the_recording_of_a_lost_one(bus: TestBus) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call), chunk(call, "caller", 0, 7))
        await bus.settled()
    async with bus.run(consumer):
        await bus.publish(
            chunk(call, "caller", 200, 8),
            CallEnded(call=call, reason="caller_hung_up", duration_s=0.4, audio_ms=400),
        )
        await bus.settled()
    (saved,) = await bus.published(RecordingSaved)
    with wave.open(saved.url.removeprefix("file://")) as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h").tolist()
    assert samples[0::2] == [7] * 1600 + [8] * 1600


async def test_a_call_without_audio_has_no_recording(bus: TestBus) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call), CallEnded(call=call, reason="failed"))
        await bus.settled()
    assert await bus.published(RecordingSaved) == []


async def test_audio_that_cannot_belong_to_the_call_is_ignored(bus: TestBus) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(
            AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\x00"),
            chunk(call, "caller", 0, 9),
            CallEnded(call=call, reason="caller_hung_up", audio_ms=200),
        )
        await bus.settled()
    assert len(await bus.published(RecordingSaved)) == 1
