"""Evens out the arrival of audio that is played while it is spoken elsewhere."""

from collections.abc import Callable

#: silence before audio that nothing is left of to play: so much later may the next of it come, in ms
CUSHION_MS = 60.0
#: more than the cushion and what comes early: what follows is later than it has to be, in ms
_LATE_MS = 90.0
#: as much may wait to be played; what comes beyond that is dropped, or the delay would stay for good, in ms
MOST_MS = 240.0


class JitterBuffer:
    """Decides when audio is played that comes in pieces, some of them late and then several at once.

    ::

        comes     1 2 3 4         5 6 7 8 9
        played    ..1 2 3 4 ......5 6 7 8          . silence; 9 is more than may wait

    Args:
        monotonic: the time, in seconds.

    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._played_until_ms = 0.0

    def take(self, ms: float, *, quiet: bool = False) -> float | None:
        """A piece of this length has come. Returns the silence to play before it, in ms; None: do not play it.

        ``quiet``: nobody misses it, so it is left out where that makes what follows less late.
        """
        now_ms = self._monotonic() * 1000
        waiting_ms = self._played_until_ms - now_ms
        if waiting_ms <= 0:
            self._played_until_ms = now_ms + CUSHION_MS + ms
            return CUSHION_MS
        if waiting_ms + ms > MOST_MS or (quiet and waiting_ms > _LATE_MS):
            return None
        self._played_until_ms += ms
        return 0.0
