"""When the caller's last sound was: looked up in the audio itself.

Voice activity detection reports the end of a voice 50 to 100 ms late, and later on a busy machine, because its model
has memory and it only sees audio once the pipeline has come to it.
"""

from collections import deque

import numpy as np

#: how far the last sound may be before the reported end, in ms
_LOOK_BACK_MS = 1000.0
_WINDOW_MS = 10
#: below this nothing is a sound: -50 dB of full scale, as RMS of 16-bit samples
_AUDIBLE = 104.0
#: a sound has at least this many times the level of the silence after it (8 dB)
_ABOVE_SILENCE = 2.5


class RecentSound:
    """The last second of one side's audio (16-bit, mono) at ``sample_rate`` Hz, in frames with their position."""

    def __init__(self, sample_rate: int) -> None:
        self._window_bytes = sample_rate * _WINDOW_MS // 1000 * 2
        self._frames: deque[tuple[float, bytes]] = deque()

    def put(self, start_ms: float, samples: bytes) -> None:
        """Add a frame that begins at ``start_ms``."""
        self._frames.append((start_ms, samples))
        while start_ms - self._frames[0][0] > _LOOK_BACK_MS:
            self._frames.popleft()

    def last_before(self, end_ms: float) -> float:
        """The end of the last sound that is not after ``end_ms``; ``end_ms`` itself if no sound stands out."""
        if not self._frames:
            return end_ms
        whole = [samples[: len(samples) // self._window_bytes * self._window_bytes] for _, samples in self._frames]
        windows = np.frombuffer(b"".join(whole), np.int16).astype(np.float32).reshape(-1, self._window_bytes // 2)
        levels = np.sqrt(np.einsum("ij,ij->i", windows, windows) / windows.shape[1])
        starts = np.concatenate(
            [
                start_ms + _WINDOW_MS * np.arange(len(samples) // self._window_bytes)
                for (start_ms, _), samples in zip(self._frames, whole, strict=True)
            ]
        )
        silence = levels[starts >= end_ms]
        threshold = max(_AUDIBLE, _ABOVE_SILENCE * float(np.median(silence)) if silence.size else 0.0)
        ends = starts[levels >= threshold] + _WINDOW_MS
        before = ends[ends <= end_ms]
        return float(before[-1]) if before.size else end_ms
