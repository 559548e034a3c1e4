"""Connections that have not sent a request yet: a limited number of them may wait."""

from collections.abc import Callable, Hashable


class PendingConnections:
    """At most ``most`` waiting connections: one more, and the oldest is evicted.

    An honest client sends its request at once, so a flood of idle connections evicts only idle ones.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[Hashable, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: Hashable, evict: Callable[[], None]) -> None:
        """Count a connection; ``evict`` is called when it must make room."""
        self._waiting[connection] = evict
        if len(self._waiting) > self._most:
            self._waiting.pop(next(iter(self._waiting)))()

    def remove(self, connection: Hashable) -> None:
        """The connection has sent its request, or is gone."""
        self._waiting.pop(connection, None)
