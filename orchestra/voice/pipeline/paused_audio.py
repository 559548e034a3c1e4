"""The agent's audio while it is paused: what was not played, and what goes before it when it is played on."""

from collections import deque

import numpy as np

#: sent audio is remembered this long: at a pause some of it has not been played, and a word begins before that, in ms
_REMEMBERED_MS = 1500.0
#: a pause fades the sound out, and its end fades it in, within this, in ms
_FADE_OUT_MS, _FADE_IN_MS = 30.0, 10.0

Part = bytes | str  # a frame of audio (signed 16-bit, mono, little-endian) or the name of a mark


class PausedAudio:
    """Keeps frames and marks in order while the audio of one call is paused.

    ::

        sent     ...|word|word|wo~rd|word|          ~ played until here when the voice was heard
        again                 |word |word|......    from the beginning of the word, and then what was never sent

    Attributes:
        on: whether the audio is paused.

    """

    def __init__(self, sample_rate: int) -> None:
        self._bytes_per_ms = sample_rate * 2 // 1000
        self.on = False
        self._sent: deque[Part] = deque()
        self._sent_ms = 0.0
        self._unplayed_ms = 0.0
        self._waiting: deque[Part] = deque()

    @property
    def replayable_ms(self) -> float:
        """How much audio that was played before the pause is remembered, in ms."""
        return self._sent_ms - self._unplayed_ms

    @property
    def waits(self) -> bool:
        """Whether audio is paused, or has to be sent again."""
        return self.on or bool(self._waiting)

    def sent(self, part: Part) -> None:
        """This was sent."""
        self._sent.append(part)
        self._sent_ms += self._ms(part)
        while self._sent_ms - self._ms(self._sent[0]) > _REMEMBERED_MS:
            self._sent_ms -= self._ms(self._sent.popleft())

    def keep(self, part: Part) -> bool:
        """Keep this until it can be sent; False: nothing is waiting, it can be sent now."""
        if not self.waits:
            return False
        self._waiting.append(part)
        return True

    def pause(self, unplayed_ms: float) -> bytes:
        """Pause; the last ``unplayed_ms`` of what was sent were not played. Returns their beginning, fading out."""
        self.on = True
        self._unplayed_ms = min(unplayed_ms, self._sent_ms)
        unplayed = b"".join(part for part in self._last(self._unplayed_ms) if isinstance(part, bytes))
        return _faded(unplayed[: round(_FADE_OUT_MS) * self._bytes_per_ms], fade_in=False)

    def release(self, again_ms: float) -> None:
        """Play on: first the last ``again_ms`` that were played, then what was not."""
        again = self._last(self._unplayed_ms + again_ms)
        fade = round(_FADE_IN_MS) * self._bytes_per_ms
        for index, part in enumerate(again):
            if isinstance(part, bytes):
                again[index] = _faded(part[:fade], fade_in=True) + part[fade:]
                break
        self._waiting.extendleft(reversed(again))
        self._sent.clear()
        self._sent_ms = self._unplayed_ms = 0.0
        self.on = False

    def take(self) -> Part | None:
        """The next part to be sent; None: nothing waits, or the audio is paused again."""
        return self._waiting.popleft() if self._waiting and not self.on else None

    def clear(self) -> None:
        """Forget everything."""
        self.on = False
        self._sent.clear()
        self._waiting.clear()
        self._sent_ms = self._unplayed_ms = 0.0

    def _last(self, ms: float) -> list[Part]:
        """The last ``ms`` of what was sent, with the marks between and after."""
        parts: list[Part] = []
        missing = round(ms) * self._bytes_per_ms
        for part in reversed(self._sent):
            if missing <= 0 and isinstance(part, bytes):
                break
            parts.append(part[-missing:] if isinstance(part, bytes) else part)
            missing -= len(part) if isinstance(part, bytes) else 0
        return parts[::-1]

    def _ms(self, part: Part) -> float:
        return len(part) / self._bytes_per_ms if isinstance(part, bytes) else 0.0


def _faded(samples: bytes, *, fade_in: bool) -> bytes:
    ramp = np.linspace(0.0, 1.0, len(samples) // 2)
    return (np.frombuffer(samples, np.int16) * (ramp if fade_in else ramp[::-1])).astype(np.int16).tobytes()
