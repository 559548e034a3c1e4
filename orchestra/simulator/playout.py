"""The buffer in which the agent's audio is kept until it is played to the caller."""

from collections import deque


class PlayoutBuffer:
    """Audio waiting to be played, with marks in between.

    As with Twilio, a mark is due when the audio before it was played, or at once if there is none; `clear` drops the
    audio and makes all marks due.

    Args:
        limit: bytes that may wait; of more, the oldest are dropped. 0: any number.

    """

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._audio = bytearray()
        self._taken = 0  # bytes played or dropped since the beginning
        self._marks: deque[tuple[int, str]] = deque()  # (bytes to be taken before it is due, name)

    def __len__(self) -> int:
        """Bytes that are waiting."""
        return len(self._audio)

    def put(self, audio: bytes) -> None:
        """Queue audio."""
        self._audio.extend(audio)
        if self._limit:
            self.take(len(self._audio) - self._limit)

    def mark(self, name: str) -> None:
        """Queue a mark after the audio that is waiting."""
        self._marks.append((self._taken + len(self._audio), name))

    def take(self, size: int) -> bytes:
        """Play up to ``size`` bytes."""
        audio = bytes(self._audio[: max(0, size)])
        del self._audio[: len(audio)]
        self._taken += len(audio)
        return audio

    def clear(self) -> int:
        """Drop the audio that is waiting; its marks are due at once. Returns the number of bytes dropped."""
        return len(self.take(len(self._audio)))

    def due_marks(self) -> list[str]:
        """The marks whose audio is played, each returned once."""
        due = []
        while self._marks and self._marks[0][0] <= self._taken:
            due.append(self._marks.popleft()[1])
        return due
