"""What an edge has sent of a call's audio and the telephone has not played, with the marks and keys in it."""

from collections import deque
from typing import Final, NamedTuple

#: more than the stack ever holds, in bytes
_KEPT: Final = 32_768


class Keys(NamedTuple):
    """Keys that are to be pressed once the audio before them was played."""

    keys: str


class PlayoutQueue:
    """Audio waits here, because the stack would not give back what it holds when the caller interrupts.

    Positions are bytes since the beginning: ``taken`` is where the audio ends that was handed to the stack.
    """

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._handed = bytearray()
        self._marks: deque[tuple[int, str | Keys]] = deque()
        self.taken = 0

    def __bool__(self) -> bool:
        """Whether audio or marks are left."""
        return bool(self._waiting or self._marks)

    def put(self, samples: bytes) -> None:
        """Queue audio."""
        self._waiting += samples

    def mark(self, mark: str | Keys) -> None:
        """Queue a mark after it, or keys."""
        self._marks.append((self.taken + len(self._waiting), mark))

    def peek(self, most: int) -> bytes:
        """What is played next."""
        return bytes(self._waiting[:most])

    def take(self, count: int) -> None:
        """So much of it was handed to the stack."""
        self._handed += self._waiting[:count]
        del self._handed[:-_KEPT]
        del self._waiting[:count]
        self.taken += count

    def give_back(self, count: int) -> None:
        """The stack has lost the last of what it was handed, and has not played it: it is played next."""
        lost = self._handed[-count:] if count else b""
        self._waiting[:0] = lost
        self.taken -= len(lost)
        self._handed.clear()

    def due_marks(self, unplayed: int) -> list[str | Keys]:
        """The marks and keys whose audio was played, given how much of what was taken the stack still has."""
        due: list[str | Keys] = []
        while self._marks and self._marks[0][0] <= self.taken - unplayed:
            due.append(self._marks.popleft()[1])
        return due

    def clear(self) -> list[str]:
        """Drop everything. Returns the marks; keys that were not pressed are not any more."""
        names = [mark for _, mark in self._marks if isinstance(mark, str)]
        self._waiting.clear()
        self._handed.clear()
        self._marks.clear()
        return names
