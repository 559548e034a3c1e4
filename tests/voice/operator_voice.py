"""An operator's voice, as a console publishes it, and where it was heard.

As a program, the console of one take-over: ``python -m tests.voice.operator_voice CALL``, with the server in the
environment. It takes the call over and speaks until it is killed.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import numpy as np

from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra.voice.audio.mulaw import Samples
from orchestra_schemas import AudioChunk, Event, OperatorTookOver

#: no tone of the agents or the caller is like it
VOICE_HZ = 1000
RATE, CHUNK_S = 16_000, 0.04


def voice(seconds: float, rate: int = RATE) -> Samples:
    return (8000 * np.sin(2 * np.pi * VOICE_HZ * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def heard_voice_s(samples: Samples) -> list[float]:
    """When the operator's voice was heard, by blocks of 20 ms of an 8 kHz track."""
    blocks = samples[: samples.size // 160 * 160].reshape(-1, 160).astype(np.float64)
    carrier = np.exp(-2j * np.pi * VOICE_HZ * np.arange(160) / 8000)
    loud = np.abs(blocks @ carrier) / 80 > 4000
    return [round(place * 0.02, 2) for place in np.flatnonzero(loud)]


async def speak(publish: Callable[[Event], Awaitable[object]], call: str, seconds: float) -> None:
    """Publish an operator's voice in real time."""
    began = time.monotonic()
    samples = voice(CHUNK_S)
    for n in range(round(seconds / CHUNK_S)):
        await asyncio.sleep(max(0.0, began + (n + 1) * CHUNK_S - time.monotonic()))
        offset_ms = round(n * CHUNK_S * 1000)
        await publish(
            AudioChunk(call=call, speaker="operator", offset_ms=offset_ms, sample_rate=RATE, audio=samples.tobytes())
        )


async def _console(call: str) -> None:
    bus = await Bus.connect(Settings())
    publisher = bus.publisher("console")

    async def publish(event: Event) -> None:
        publisher.publish(event)

    await publish(OperatorTookOver(call=call, operator="anna"))
    await speak(publish, call, 600)


if __name__ == "__main__":
    asyncio.run(_console(sys.argv[1]))
