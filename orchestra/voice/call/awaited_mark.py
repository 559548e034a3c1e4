"""A mark behind a reply that the carrier has not returned yet; carriers lose some."""

#: a carrier plays its buffer within tenths of a second; a mark that is not back after this is lost, in seconds
_WITHIN_S = 5.0


class AwaitedMark:
    """The last mark that was sent. Moments are seconds on one clock."""

    def __init__(self) -> None:
        self._name = ""
        self._sent_at = 0.0

    def sent(self, name: str, now: float) -> None:
        """It is on its way, behind a whole reply."""
        self._name, self._sent_at = name, now

    def returned(self, name: str) -> None:
        """This mark is back."""
        if name == self._name:
            self._name = ""

    def postpone(self, now: float) -> None:
        """What was sent is played only now."""
        self._sent_at = now

    def take_lost(self, now: float) -> str:
        """The mark, once, if it should have been back by now; else ""."""
        lost = self._name if now - self._sent_at > _WITHIN_S else ""
        self.returned(lost)
        return lost
