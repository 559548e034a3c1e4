"""An operator's voice, as a console publishes it, and where it was heard."""

import asyncio
import time

import numpy as np

from orchestra.voice.audio.mulaw import Samples
from orchestra_schemas import AudioChunk
from tests.voice.edges import RunningEdge

#: the operator's voice: no tone of the agents or the caller is like it
VOICE_HZ = 1000
RATE, CHUNK_S = 16_000, 0.04


def voice(seconds: float, rate: int = RATE) -> Samples:
    return (8000 * np.sin(2 * np.pi * VOICE_HZ * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def heard_voice_s(samples: Samples) -> list[float]:
    """When the operator's voice was heard, by blocks of 20 ms of an 8 kHz track."""
    blocks = samples[: samples.size // 160 * 160].reshape(-1, 160).astype(np.float64)
    carrier = np.exp(-2j * np.pi * VOICE_HZ * np.arange(160) / 8000)
    loud = np.abs(blocks @ carrier) / 80 > 2000
    return [round(place * 0.02, 2) for place in np.flatnonzero(loud)]


async def speak(running: RunningEdge, call: str, seconds: float) -> float:
    """Publish an operator's voice in real time; returns when it began, on the monotonic clock."""
    began = time.monotonic()
    samples = voice(seconds)
    step = round(CHUNK_S * RATE)
    for n in range(samples.size // step):
        await asyncio.sleep(max(0.0, began + (n + 1) * CHUNK_S - time.monotonic()))
        audio = samples[n * step : (n + 1) * step].tobytes()
        chunk = AudioChunk(
            call=call, speaker="operator", offset_ms=round(n * CHUNK_S * 1000), sample_rate=RATE, audio=audio
        )
        await running.bus.publish(chunk)
    return began
