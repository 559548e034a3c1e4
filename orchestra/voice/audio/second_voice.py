"""A second voice on the line: a person's beside the agents', and both sides of the call for that person."""

import numpy as np

from orchestra.voice.audio.jitter_buffer import CUSHION_MS, MOST_MS

_SAMPLE_BYTES = 2
#: a person hears the call in pieces of this length, in ms: longer ones delay it, shorter ones are more events
_PIECE_MS = 40
#: the agents' audio is sent this much ahead of the clock, at most; more is of a stall, in ms
_AHEAD_MS = 400.0


def mixed(first: bytes, second: bytes) -> bytes:
    """Both at once: 16-bit samples, the shorter one followed by silence, too loud a sum cut off."""
    longest = max(len(first), len(second))
    one, other = (np.frombuffer(each.ljust(longest, b"\0"), np.int16).astype(np.int32) for each in (first, second))
    return np.clip(one + other, -32768, 32767).astype(np.int16).tobytes()


class WaitingVoice:
    """What one side has said and the other has not heard yet: 16-bit samples of one rate, the oldest dropped."""

    def __init__(self, sample_rate: int, most_ms: float = MOST_MS) -> None:
        self._rate = sample_rate
        self._most = self._size(most_ms)
        self._cushion = self._size(CUSHION_MS)
        self._waiting = bytearray()

    def put(self, samples: bytes, *, quiet: bool = False, ahead_ms: float = 0.0) -> None:
        """Add to it; what is ``quiet`` only if it makes nothing late that follows.

        ``ahead_ms``: so much was taken that is not heard yet, and counts like what waits.
        """
        ahead = self._size(ahead_ms)
        if quiet and len(self._waiting) + ahead > self._cushion:
            return
        self._waiting += samples
        del self._waiting[: max(0, len(self._waiting) - max(0, self._most - ahead))]

    def _size(self, ms: float) -> int:
        return round(ms * self._rate / 1000) * _SAMPLE_BYTES

    def take(self, size: int | None = None) -> bytes:
        """The oldest bytes, at most so many; all of them unless given."""
        taken = bytes(self._waiting[:size])
        del self._waiting[: len(taken)]
        return taken

    def clear(self) -> None:
        """Nobody is to hear it any more."""
        self._waiting.clear()


class PersonsEar:
    """What the person of a three-way call hears: the caller and the agents, on the caller's clock.

    ::

        caller   |c1|c2|c3|c4|      a frame each 20 ms: the clock
        agents      |a1|a2|         sent a moment ahead
        person   |c1|c2+a1|c3+a2|c4|
    """

    def __init__(self, sample_rate: int) -> None:
        self._agents = WaitingVoice(sample_rate, _AHEAD_MS)
        self._piece = _PIECE_MS * sample_rate // 1000 * _SAMPLE_BYTES
        self._ready = bytearray()

    def put_agents(self, samples: bytes) -> None:
        """The agents' audio is sent to the caller, who hears it next."""
        self._agents.put(samples)

    def clear_agents(self) -> None:
        """The caller hears nothing more of what was sent."""
        self._agents.clear()

    def put_caller(self, samples: bytes) -> bytes:
        """A frame of the caller's audio. Returns the piece that it completes, or nothing yet."""
        self._ready += mixed(samples, self._agents.take(len(samples)))
        if len(self._ready) < self._piece:
            return b""
        piece = bytes(self._ready)
        self._ready.clear()
        return piece
