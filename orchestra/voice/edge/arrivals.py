"""Who has come and has not said yet what for: only so many wait at a time, and each only for a while."""

from collections.abc import Callable, Hashable


class Arrivals:
    """Those who wait; where there are more than ``most``, the one who has waited longest makes room.

    Whoever means it says at once what they want. So it is never they who must go, however many come to keep them out.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[Hashable, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, who: Hashable, turn_out: Callable[[], None]) -> None:
        """Somebody has come; ``turn_out`` is called if they must make room."""
        self._waiting[who] = turn_out
        if len(self._waiting) > self._most:
            self._waiting.pop(next(iter(self._waiting)))()

    def leave(self, who: Hashable) -> None:
        """They have said what they want, or are gone."""
        self._waiting.pop(who, None)
