"""What to do when an engine fails in mid-call. Pure policy; `orchestra.voice.pipeline.pipeline` acts on it."""

from typing import Literal

Decision = Literal["nothing", "again", "fallback"]

#: one failure reports itself several times within this, in seconds
_ONE_FAILURE_S = 0.3
#: an engine that fails again within this has had its second chance, in seconds
_SECOND_CHANCE_S = 10.0
#: one that fails within this from the beginning of the call never stood, in seconds
_CONNECTS_WITHIN_S = 3.0


class FailoverPolicy:
    """One engine of one call, and how it has behaved so far.

    ::

        connects, works … fails        -> again: it connects anew, what was lost is said or heard again
                              fails    -> fallback, if there is one
        does not even connect          -> fallback at once (a wrong key, a limit: a second try gives the same)
        does not answer                -> fallback at once (the other side has waited enough)
    """

    def __init__(self, kind: Literal["stt", "tts"], name: str, fallback: str) -> None:
        self.kind = kind
        self.name = name
        self.fallback = fallback  # "": there is none
        self._failed_at = float("-inf")
        self.switched = False

    def on_failure(self, now: float, *, unanswered: bool = False) -> Decision:
        """The engine failed ``now`` seconds into the call; ``unanswered``: it has let the other side wait for long."""
        if self.switched or now - self._failed_at < _ONE_FAILURE_S:
            return "nothing"
        again = now - self._failed_at < _SECOND_CHANCE_S
        self._failed_at = now
        if self.fallback and (again or unanswered or now < _CONNECTS_WITHIN_S):
            self.switched = True
            return "fallback"
        return "again"
