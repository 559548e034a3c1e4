"""The operator's microphone as it becomes audio of a call: frames of a page, checked, as chunks of the media stream."""

import time
from collections.abc import Callable
from typing import Final

from orchestra.errors import MalformedMessageError, RejectedError
from orchestra.rate_limit import RateLimit
from orchestra_schemas import AudioChunk

#: of the microphone, in Hz
SAMPLE_RATE: Final = 16_000
LONGEST_FRAME_MS: Final = 100
_BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
_LONGEST_SKIP_MS = 60_000
#: how far a page may run ahead of the clock: its network may have stood still for this long
_AHEAD_S, _BEHIND_S = 1.0, 2.0


class Microphone:
    """One take-over's audio. Its clock begins at 0 with the first frame.

    ``monotonic`` is in seconds.
    """

    def __init__(self, call: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._at_bytes = 0
        self._limit = RateLimit(SAMPLE_RATE * 2, _AHEAD_S, _BEHIND_S, monotonic)

    def take(self, frame: bytes) -> AudioChunk:
        """The chunk for one frame: signed 16-bit little-endian mono samples at 16 kHz, at most 100 ms.

        Raises:
            MalformedMessageError: it is not one.
            RejectedError: more audio than time passes.

        """
        if not frame or len(frame) % 2 or len(frame) > LONGEST_FRAME_MS * _BYTES_PER_MS:
            msg = f"{len(frame)} bytes are not a frame of 16-bit samples of up to {LONGEST_FRAME_MS} ms"
            raise MalformedMessageError(msg)
        if not self._limit.allows(len(frame)):
            msg = "the microphone sends more audio than time passes"
            raise RejectedError(msg)
        offset_ms = self._at_bytes // _BYTES_PER_MS
        self._at_bytes += len(frame)
        return AudioChunk(
            call=self._call, speaker="operator", offset_ms=offset_ms, sample_rate=SAMPLE_RATE, audio=frame
        )

    def skip(self, ms: object) -> None:
        """The page has dropped this much of the audio, because its network did not take it.

        Raises:
            MalformedMessageError: it is not a duration.

        """
        if type(ms) is not int or not 0 < ms <= _LONGEST_SKIP_MS:
            msg = f"{str(ms)[:40]!r} is not a number of milliseconds from 1 to {_LONGEST_SKIP_MS}"
            raise MalformedMessageError(msg)
        self._at_bytes += ms * _BYTES_PER_MS
