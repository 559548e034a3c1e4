"""How often the end of a caller's turn may be predicted in vain: each such prediction costs a prompt."""

#: predictions of one turn that may be wrong
_PER_TURN = 2
#: predictions of a call that may be wrong, per turn of it
_PER_TURN_OF_CALL = 0.25
#: the most that may be wrong in a row before the call's next turns have made up for it
_CREDIT = 2.0


class PredictionLimit:
    """The limit of one call: a caller who often goes on after a pause is predicted on good evidence only, or not.

    ::

        credit   2 ------ 1 ------------- 0 --------------- below
        allowed  any      any             only likely ones  none
    """

    def __init__(self) -> None:
        self._credit = _CREDIT
        self._wasted_in_turn = 0

    def allows(self, *, likely: bool) -> bool:
        """Whether the end of the turn may be predicted; ``likely`` if both words and sound tell it."""
        return self._wasted_in_turn < _PER_TURN and self._credit >= (0 if likely else 1)

    def wasted(self) -> None:
        """Count a prediction that was wrong."""
        self._wasted_in_turn += 1
        self._credit -= 1

    def turn_ended(self) -> None:
        """Count a turn, predicted or not."""
        self._wasted_in_turn = 0
        self._credit = min(_CREDIT, self._credit + _PER_TURN_OF_CALL)
