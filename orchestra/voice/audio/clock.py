"""The clock of a call: milliseconds of the caller's audio."""

from collections.abc import Callable

from orchestra.clock import SYSTEM_CLOCK

#: a larger jump in a carrier's time stamps is an error of the sender, unless that much time has passed
LONGEST_GAP_MS = 5_000
#: by so much the sender's clock may be ahead of ours, after hours
_DRIFT_MS = 1_000


class CallClock:
    """Counts the caller's audio, and keeps running between two frames and when none arrive.

    ::

        frames      |--20--|--20--|   (lost)   |--20--|
        stamps      0      20                  100
        offsets     0      20                  100
                                  ^ now: the end of the last frame, plus the time since it came

    A frame starts where the one before it ended, or later if the carrier's time stamps show that frames were lost: a
    microphone or a network that stood still for a minute leaves a gap of a minute, so that nothing goes back in time.
    ``monotonic`` is in seconds; ``start_ms`` is the position of the first frame, later than 0 if another edge had the
    call before.
    """

    def __init__(self, monotonic: Callable[[], float] = SYSTEM_CLOCK.monotonic, *, start_ms: float = 0.0) -> None:
        self._monotonic = monotonic
        self._end_ms = start_ms
        self._end_at = monotonic()
        self.gap_s = 0.0  # time between the last two frames
        self._base_ms: float | None = None  # the carrier's stamp of offset 0
        self._began = (start_ms, self._end_at)  # position and time of the first frame that has a stamp

    @property
    def end_ms(self) -> float:
        """The end of the last frame."""
        return self._end_ms

    @property
    def now_ms(self) -> float:
        """Milliseconds since the call's first frame."""
        return self._end_ms + (self._monotonic() - self._end_at) * 1000.0

    def frame(self, duration_ms: float, stamp_ms: int | None = None) -> int:
        """Take one frame of the caller's audio. Returns the position of its first sample, in ms."""
        start_ms = self._end_ms
        if stamp_ms is not None:
            if self._base_ms is None:
                self._base_ms = stamp_ms - start_ms
                self._began = start_ms, self._monotonic()
            lost_ms = stamp_ms - self._base_ms - start_ms
            if not -LONGEST_GAP_MS <= lost_ms <= LONGEST_GAP_MS and not self._has_passed(start_ms + lost_ms):
                self._base_ms = stamp_ms - start_ms  # the sender counts from elsewhere now
            elif lost_ms >= duration_ms:
                start_ms += lost_ms
        self._end_ms = start_ms + duration_ms
        now = self._monotonic()
        self.gap_s = now - self._end_at
        self._end_at = now
        return round(start_ms)

    def _has_passed(self, position_ms: float) -> bool:
        """Whether a call that has run for so long can be at this position."""
        began_ms, began_at = self._began
        return self._end_ms < position_ms <= began_ms + (self._monotonic() - began_at) * 1000.0 + _DRIFT_MS
