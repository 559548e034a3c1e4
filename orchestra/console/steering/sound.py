"""A running call's audio on its way to a listening page: binary frames, and a queue that never falls behind."""

import asyncio
import struct
from collections import deque

from orchestra.recordings.audio_chunks import duration_ms
from orchestra_schemas import AudioChunk

#: what waits for a slow page: what is older than the newest audio by more than this is dropped, in ms of the call
_LATEST_MS = 600
_SIDES = {"caller": 0, "agent": 1}
#: side, zero, sample rate in Hz, place of the first sample on the call's clock in ms; then signed 16-bit samples; all
#: little-endian
_HEADER = struct.Struct("<BBHI")
_HIGHEST_RATE, _LAST_MS = 0xFFFF, 0xFFFF_FFFF


def frame_of(chunk: AudioChunk) -> bytes | None:
    """The binary frame for a chunk of the caller or of the call's voice; None for anything that is not heard."""
    side = _SIDES.get(chunk.speaker)
    if side is None or chunk.sample_rate > _HIGHEST_RATE or not 0 <= chunk.offset_ms <= _LAST_MS:
        return None
    return _HEADER.pack(side, 0, chunk.sample_rate, chunk.offset_ms) + chunk.audio[: len(chunk.audio) // 2 * 2]


class ListenQueue:
    """The frames that one page has not got yet, in order; the oldest are dropped if it does not keep up.

    Attributes:
        dropped_ms: of both sides' audio together, so far.

    """

    def __init__(self) -> None:
        self.dropped_ms = 0
        self._waiting: deque[tuple[int, int, bytes]] = deque()  # end on the call's clock, duration, frame
        self._newest_ms = 0
        self._arrived = asyncio.Event()
        self._ended = False

    def put(self, chunk: AudioChunk) -> None:
        """Add a chunk, and drop what is too old beside it."""
        frame = frame_of(chunk)
        if frame is None:
            return
        length_ms = duration_ms(chunk)
        end_ms = chunk.offset_ms + length_ms
        self._newest_ms = max(self._newest_ms, end_ms)
        self._waiting.append((end_ms, length_ms, frame))
        while self._waiting and self._newest_ms - self._waiting[0][0] > _LATEST_MS:
            self.dropped_ms += self._waiting.popleft()[1]
        self._arrived.set()

    def end(self) -> None:
        """No audio follows: `get` returns what is left, and then None."""
        self._ended = True
        self._arrived.set()

    async def get(self) -> bytes | None:
        """The next frame; None after the last one."""
        while not self._waiting:
            if self._ended:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()[2]
