"""Limits on the entries of a partition that are in flight."""

from orchestra.bus.stream.entry import Raw

#: bytes of a partition's entries in flight from which on no more are read: a hundred prompts of a long call
MOST_BYTES = 4_000_000


class InFlight:
    """How many ``entries`` were taken and not finished, and the ``bytes`` of their fields."""

    __slots__ = ("_most", "_most_bytes", "bytes", "entries")

    def __init__(self, most: int, most_bytes: int) -> None:
        self.entries = 0
        self.bytes = 0
        self._most = most
        self._most_bytes = most_bytes

    def add(self, raw: Raw) -> None:
        """Count an entry."""
        self.entries += 1
        self.bytes += sum(map(len, raw[1]))

    def remove(self, raw: Raw) -> None:
        """Stop counting an entry: it is finished, or leaves a queue and is counted again if its handler waits."""
        self.entries -= 1
        self.bytes -= sum(map(len, raw[1]))

    def count(self, entries: int, size: int) -> None:
        """Count several entries with the sum of their bytes; negative numbers stop counting them."""
        self.entries += entries
        self.bytes += size

    @property
    def full(self) -> bool:
        """Whether a limit is reached."""
        return self.entries >= self._most or self.bytes >= self._most_bytes

    @property
    def low(self) -> bool:
        """Whether both are below half of their limits."""
        return self.entries < self._most // 2 and self.bytes < self._most_bytes // 2
