"""What to do when an engine fails during a call. Pure policy; `orchestra.voice.pipeline.pipeline` acts on it."""

from typing import Literal

Decision = Literal["nothing", "again", "fallback"]

#: several reports within this are one failure, in seconds
_ONE_FAILURE_S = 0.3
#: an engine that fails again within this gets no third chance, in seconds
_SECOND_CHANCE_S = 10.0
#: an engine that fails this soon after the start of the call was never connected, in seconds
_CONNECTS_WITHIN_S = 3.0


class FailoverPolicy:
    """One engine of one call, and how it has behaved so far.

    ::

        connects, works … fails        -> again: it reconnects, and what was lost is spoken or transcribed again
                              fails    -> fallback, if there is one
        does not even connect          -> fallback at once (a wrong key or a limit: a second attempt fails, too)
        does not answer                -> fallback at once (the caller has waited long enough)
    """

    def __init__(self, kind: Literal["stt", "tts"], name: str, fallback: str) -> None:
        self.kind = kind
        self.name = name
        self.fallback = fallback  # "": there is none
        self._failed_at = float("-inf")
        self.switched = False

    def on_failure(self, now: float, *, unanswered: bool = False) -> Decision:
        """Decide on a failure ``now`` seconds into the call; ``unanswered``: the engine did not answer in time."""
        if self.switched or now - self._failed_at < _ONE_FAILURE_S:
            return "nothing"
        again = now - self._failed_at < _SECOND_CHANCE_S
        self._failed_at = now
        if self.fallback and (again or unanswered or now < _CONNECTS_WITHIN_S):
            self.switched = True
            return "fallback"
        return "again"
