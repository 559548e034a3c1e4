"""What a caller's own pauses say about how long to wait for them."""

from dataclasses import dataclass
from typing import Final

from orchestra.endpointing import Patience

#: where each option begins
_PRESETS: Final[dict[Patience, float]] = {"quick": 0.7, "normal": 1.0, "patient": 1.5}
#: how far a caller can move it: hardly down, since whoever makes short pauses also makes a long one now and then (of
#: 546 pauses inside turns of the turn-taking benchmark, 30 were taken for ends at 1.0, and 61 at 0.8)
_LEAST, _MOST = 0.9, 1.8
#: three in four pauses inside people's sentences are shorter than this, in seconds
_USUAL_PAUSE_S = 0.6
#: a step after a shorter and after a longer pause than expected; three of the first undo one of the second, so that the
#: factor settles where one pause in four is longer (a Robbins-Monro estimate of that quantile)
_SHORTER, _LONGER = 0.96, 1.13
#: the step after a turn that was ended although the caller went on
_CUT = 1.3
#: each turn that was ended rightly brings it this share of the way back
_SETTLES = 0.15


@dataclass(slots=True)
class CallerPatience:
    """How long one caller pauses, in relation to others: above 1 for longer pauses.

    Each pause moves it by one step, whatever its length, so that one odd pause changes little; it stays within bounds.
    It is not kept in the journal: another edge that takes the call over learns it again.
    """

    learned: float = 1.0

    def learn(self, pause_s: float, *, cut: bool) -> None:
        """Take a pause after which the caller went on; ``cut``: the turn had been ended in it."""
        moved = _LONGER if pause_s > _USUAL_PAUSE_S * self.learned else _SHORTER
        step = _CUT if cut else moved
        self.learned = min(_MOST, max(_LEAST, self.learned * step))

    def turn_answered(self) -> None:
        """The caller let the last turn be answered: it was not ended too early."""
        self.learned **= 1 - _SETTLES

    def factor(self, patience: Patience) -> float:
        """By how much to multiply a pause that an ordinary caller gets."""
        return _PRESETS[patience] * self.learned
