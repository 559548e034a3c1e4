"""A call's audio on its way to a page: what a frame contains, and what becomes of a page that is too slow."""

import asyncio
import struct
from typing import Literal

from orchestra.console.steering.sound import ListenQueue, frame_of
from orchestra_schemas import AudioChunk


def chunk(
    offset_ms: int, speaker: Literal["caller", "agent", "operator"] = "caller", ms: int = 200, rate: int = 8000
) -> AudioChunk:
    return AudioChunk(
        call="01-x", speaker=speaker, offset_ms=offset_ms, sample_rate=rate, audio=b"\1\0" * (ms * rate // 1000)
    )


async def drained(queue: ListenQueue) -> list[tuple[int, ...]]:
    queue.end()
    frames = []
    while (frame := await queue.get()) is not None:
        frames.append(struct.unpack_from("<BBHI", frame))
    return frames


def test_a_frame_has_its_side_its_rate_and_its_place_on_the_calls_clock() -> None:
    frame = frame_of(chunk(70_200, "agent", 40, 16_000))
    assert frame is not None
    assert struct.unpack_from("<BBHI", frame) == (1, 0, 16_000, 70_200)
    assert frame[8:] == b"\1\0" * 640


def test_an_operators_own_microphone_is_not_heard_twice() -> None:
    assert frame_of(chunk(0, "operator")) is None


def test_half_a_sample_is_left_out() -> None:
    frame = frame_of(AudioChunk(call="01-x", speaker="caller", offset_ms=0, audio=b"\1\0\2"))
    assert frame is not None
    assert frame[8:] == b"\1\0"


def test_a_chunk_that_no_frame_can_describe_is_left_out() -> None:
    assert frame_of(chunk(-1)) is None
    assert frame_of(chunk(0, rate=96_000, ms=1)) is None


async def test_frames_come_in_order() -> None:
    queue = ListenQueue()
    for offset_ms in (0, 200, 400):
        queue.put(chunk(offset_ms))
        queue.put(chunk(offset_ms, "agent"))
    assert [(side, offset_ms) for side, _, _, offset_ms in await drained(queue)] == [
        (0, 0), (1, 0), (0, 200), (1, 200), (0, 400), (1, 400),
    ]  # fmt: skip


async def test_a_page_that_is_too_slow_gets_the_newest_audio_and_is_told_how_much_is_missing() -> None:
    queue = ListenQueue()
    for offset_ms in range(0, 3000, 200):
        queue.put(chunk(offset_ms))
    assert queue.dropped_ms == 2200
    assert [offset_ms for *_, offset_ms in await drained(queue)] == [2200, 2400, 2600, 2800]


async def test_a_page_waits_for_the_next_frame() -> None:
    queue = ListenQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(chunk(0))
    assert await waiting == frame_of(chunk(0))
