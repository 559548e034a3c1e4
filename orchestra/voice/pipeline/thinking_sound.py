"""The quiet sound of somebody at work, for a caller who waits for the agents."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

#: a shorter wait is no silence that needs a sound, in seconds
STARTS_AFTER_S = 0.7
#: it comes and goes, so that it never clicks, in seconds
_FADE_S = 0.3


class ThinkingSound:
    """Plays a recording round and round while a caller waits, and fades it out under what is said next.

    Args:
        samples: mono, at the call's rate, as the app that has the call now wants it; empty: there is no sound.
        sample_rate: the call's, in Hz.
        silent_s: for how many seconds the caller has waited in silence for agents who are at work; 0.0: does not wait.

    """

    def __init__(self, samples: Callable[[], Samples], sample_rate: int, silent_s: Callable[[], float]) -> None:
        self._of_app = samples
        self._samples: Samples = np.zeros(0, np.int16)
        self._silent_s = silent_s
        self._at = 0
        self._gain = 0.0
        self._step = 1.0 / (_FADE_S * sample_rate)

    def alone(self, size: int) -> bytes:
        """The next ``size`` samples while nothing is said, 16-bit PCM; empty if the caller does not wait."""
        wanted = self._silent_s() >= STARTS_AFTER_S
        if not self._gain:
            self._samples = self._of_app() if wanted else self._samples
            if not wanted or not self._samples.size:
                return b""
        return self._next(size, 1.0 if wanted else 0.0).astype(np.int16).tobytes()

    def under(self, speech: bytes) -> bytes:
        """A frame of speech with what is left of the sound under it."""
        if not self._gain:
            return speech
        heard = np.frombuffer(speech, np.int16)
        return np.clip(heard + self._next(heard.size, 0.0), -32768, 32767).astype(np.int16).tobytes()

    def clear(self) -> None:
        """The caller speaks: it is gone."""
        self._gain = 0.0

    def _next(self, size: int, goal: float) -> npt.NDArray[np.float64]:
        steps = np.arange(1, size + 1) * self._step
        gains = np.minimum(self._gain + steps, goal) if goal >= self._gain else np.maximum(self._gain - steps, goal)
        taken = np.take(self._samples, np.arange(self._at, self._at + size), mode="wrap") * gains
        self._at, self._gain = (self._at + size) % self._samples.size, float(gains[-1])
        return np.asarray(taken)
