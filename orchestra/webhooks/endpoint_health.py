"""Decides whether an endpoint may be sent to now, and when a message that failed is tried again."""

import time
from collections.abc import Callable

from orchestra.bus.backoff import Backoff

#: as long as the specification's example of a schedule
GIVEN_UP_S = 3 * 24 * 3600.0
#: time until the second attempt, which doubles from then on
_FIRST_S = 1.0
#: longest time until the next attempt: where the endpoint is away, and where it answers and refuses
_AWAY_S, _REFUSED_S = 300.0, 3600.0
_LONGEST_RETRY_AFTER_S = 3600.0
#: calls in a row that got no answer from which on the endpoint is taken to be away
_CALLS = 3


class EndpointHealth:
    """Whether an endpoint is away: then it is asked with one message at a time, at growing intervals.

        call A  fails ┐
        call B  fails ├─ three calls, no success between ─▶ wait 1 s ─ one message fails ─▶ wait 2 s ─ … 5 min
        call C  fails ┘                                                 └─ it is delivered ─▶ everything that waits

    A single call that fails again and again does not stop the others. "Too many requests" stops all for as long as the
    endpoint says.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: set[str] = set()
        self._until = 0.0
        self._backoff = Backoff(_FIRST_S, _AWAY_S)

    @property
    def away(self) -> bool:
        """Whether it is taken to be away."""
        return len(self._failing) >= _CALLS or self.wait_s > 0

    @property
    def wait_s(self) -> float:
        """How long nothing is sent, in seconds."""
        return max(0.0, self._until - self._clock())

    def delivered(self) -> None:
        """A message was received."""
        self._failing.clear()
        self._until = 0.0
        self._backoff.reset()

    def failed(self, call: str, *, throttled: bool, retry_after_s: float) -> None:
        """A message of a call was not received, which may not be the message's fault."""
        if len(self._failing) < _CALLS:
            self._failing.add(call)
        if throttled or len(self._failing) >= _CALLS:
            # requests that were under way together may fail together: that is one failure, not one for each
            pause_s = 0.0 if self.wait_s else self._backoff.next_s()
            pause_s = max(pause_s, min(retry_after_s, _LONGEST_RETRY_AFTER_S))
            self._until = max(self._until, self._clock() + pause_s)


def next_attempt_s(attempts: int, *, refused: bool, retry_after_s: float) -> float:
    """Seconds until a message is tried again after its n-th failed attempt: 1, 2, 4 …, spread at random."""
    backoff = Backoff(_FIRST_S, _REFUSED_S if refused else _AWAY_S)
    backoff.tries = attempts - 1
    return max(backoff.next_s(), min(retry_after_s, _LONGEST_RETRY_AFTER_S))
