"""Who has come and has not said yet what for: only so many wait at a time, and each only for a while."""

from collections.abc import Callable, Hashable


class PendingConnections:
    """Those who wait; where there are more than ``most``, the one who has waited longest makes room.

    Whoever means it says at once what they want. So it is never they who must go, however many come to keep them out.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[Hashable, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: Hashable, evict: Callable[[], None]) -> None:
        """Somebody has come; ``evict`` is called if they must make room."""
        self._waiting[connection] = evict
        if len(self._waiting) > self._most:
            self._waiting.pop(next(iter(self._waiting)))()

    def remove(self, connection: Hashable) -> None:
        """They have said what they want, or are gone."""
        self._waiting.pop(connection, None)
