"""Both sides of a call as chunks on the call's clock. Cutting happens outside the per-frame path."""

from typing import Literal, NamedTuple

#: of telephone audio, in Hz
SAMPLE_RATE = 8000
CHUNK_MS = 200

_SAMPLE_BYTES = 2
#: an outgoing frame that is at most this late still joins the one before it: the carrier's buffer hides the delay
_JOIN_MS = 60


class Chunk(NamedTuple):
    """One side's audio (signed 16-bit samples) whose first sample is at ``offset_ms``."""

    speaker: Literal["caller", "agent"]
    offset_ms: int
    audio: bytes
    sample_rate: int = SAMPLE_RATE

    @property
    def end_ms(self) -> int:
        """The end of its last sample."""
        return self.offset_ms + _length_ms(self.audio, self.sample_rate)


class Track:
    """One side of the call: takes audio as it is received or sent, and returns chunks once they have been played.

    The agent's audio is sent slightly early. Its position is the moment at which the carrier plays it, directly after
    the audio before it; what an interruption clears from the carrier's buffer never becomes a chunk.
    """

    def __init__(self, speaker: Literal["caller", "agent"], sample_rate: int = SAMPLE_RATE) -> None:
        self._speaker: Literal["caller", "agent"] = speaker
        self._sample_rate = sample_rate
        self._bytes_per_ms = sample_rate * _SAMPLE_BYTES // 1000
        self._chunk_bytes = CHUNK_MS * self._bytes_per_ms
        self._parts: list[tuple[int, bytearray]] = []  # start in ms, samples; all but the last are closed

    @property
    def end_ms(self) -> int:
        """The end of the last audio that was put in; 0 before any."""
        return self._end(*self._parts[-1]) if self._parts else 0

    def put(self, at_ms: float, audio: bytes) -> None:
        """Add audio at ``at_ms``, or directly after the last audio if that ends later or only just before."""
        if self._parts and at_ms - self.end_ms < _JOIN_MS:
            self._parts[-1][1].extend(audio)
        else:
            self._parts.append((round(at_ms), bytearray(audio)))

    def ahead_ms(self, now_ms: float) -> float:
        """Milliseconds that were put in and have not been played."""
        return max(0.0, self.end_ms - now_ms)

    def cut(self, now_ms: float) -> None:
        """Discard what has not been played: the carrier was told to clear its buffer."""
        while self._parts and self._parts[-1][0] >= now_ms:
            self._parts.pop()
        if self._parts:
            start_ms, audio = self._parts[-1]
            del audio[int(now_ms - start_ms) * self._bytes_per_ms :]

    def take(self, now_ms: float, *, everything: bool = False) -> list[Chunk]:
        """The whole chunks that were played by ``now_ms``; ``everything``: also the rest, as the call is over."""
        chunks = []
        for index, (start_ms, audio) in enumerate(self._parts):
            closed = everything or index + 1 < len(self._parts) or self._pauses(now_ms)
            begin = start_ms
            while audio and (closed or len(audio) >= self._chunk_bytes):
                piece = bytes(audio[: self._chunk_bytes])
                if not everything and self._end(begin, piece) > now_ms:
                    break
                chunks.append(Chunk(self._speaker, begin, piece, self._sample_rate))
                begin = self._end(begin, piece)
                del audio[: self._chunk_bytes]
            self._parts[index] = (begin, audio)
        self._parts = [part for part in self._parts[:-1] if part[1]] + self._parts[-1:]
        return chunks

    def _pauses(self, now_ms: float) -> bool:
        """Whether nothing can join the last audio any more. The caller's goes on all the time, if not in time."""
        return self._speaker == "agent" and now_ms - self.end_ms >= _JOIN_MS

    def _end(self, start_ms: int, audio: bytes | bytearray) -> int:
        return start_ms + _length_ms(audio, self._sample_rate)


def _length_ms(audio: bytes | bytearray, sample_rate: int) -> int:
    return len(audio) * 1000 // (sample_rate * _SAMPLE_BYTES)
