import asyncio
import os
import signal
import sys
import wave

import pytest

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallEnded, CallStarted, RecordingSaved
from orchestra_workers.persistence import consumer

pytestmark = pytest.mark.faults


def chunk(call: str, number: int) -> AudioChunk:
    samples = (number % 100 + 1).to_bytes(2, "little", signed=True) * 1600
    return AudioChunk(call=call, speaker="caller", offset_ms=200 * number, audio=samples)


async def test_a_recording_is_complete_after_its_worker_is_killed_and_another_continues(
    bus: TestBus, settings: Settings
) -> None:
    call, environment = bus.call(), dict(os.environ)
    environment |= {"ORCHESTRA_REDIS_URL": bus.bus.url, "ORCHESTRA_DATA_DIR": str(settings.data_dir)}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", "worker", "persistence", env=environment
    )
    path = settings.recordings / f"{call}.wav"
    try:
        await bus.publish(CallStarted(call=call))
        for number in range(50):
            await bus.publish(chunk(call, number))
            if path.exists() and path.stat().st_size > 20_000 and worker.returncode is None:
                worker.send_signal(signal.SIGKILL)
                await worker.wait()
            await asyncio.sleep(0.02)  # the rate of a call that speaks ten times as fast
        async with asyncio.timeout(30):
            while worker.returncode is None:
                if path.exists():
                    worker.send_signal(signal.SIGKILL)
                    await worker.wait()
                await asyncio.sleep(0.02)
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    with wave.open(str(path)) as file:
        assert 0 < file.getnframes() <= 50 * 1600
    async with bus.run(consumer):
        await bus.publish(CallEnded(call=call, reason="caller_hung_up", audio_ms=10_000))
        await bus.settled()
    (saved,) = await bus.published(RecordingSaved)
    assert (saved.duration_s, saved.missing_ms) == (10.0, 0)
    with wave.open(str(path)) as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h").tolist()[0::2]
    assert samples == [number % 100 + 1 for number in range(50) for _ in range(1600)]
