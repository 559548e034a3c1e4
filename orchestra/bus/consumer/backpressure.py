"""How much of a partition may be taken and unfinished: so many entries, and so many bytes."""

from orchestra.bus.stream.entry import Raw

#: bytes of unfinished entries of a partition from which on no more are read: a hundred prompts of a long call
MOST_BYTES = 4_000_000


class InFlight:
    """What is taken and unfinished, in ``entries`` and in ``bytes`` of their fields."""

    __slots__ = ("_most", "_most_bytes", "bytes", "entries")

    def __init__(self, most: int, most_bytes: int) -> None:
        self.entries = 0
        self.bytes = 0
        self._most = most
        self._most_bytes = most_bytes

    def add(self, raw: Raw) -> None:
        """One entry more."""
        self.entries += 1
        self.bytes += sum(map(len, raw[1]))

    def remove(self, raw: Raw) -> None:
        """It is finished, or on its way from one to another who counts it."""
        self.entries -= 1
        self.bytes -= sum(map(len, raw[1]))

    def count(self, entries: int, size: int) -> None:
        """So many entries more, of so many bytes; fewer where both are negative."""
        self.entries += entries
        self.bytes += size

    @property
    def full(self) -> bool:
        """Whether to take no more for now."""
        return self.entries >= self._most or self.bytes >= self._most_bytes

    @property
    def low(self) -> bool:
        """Whether to go on after it was full."""
        return self.entries < self._most // 2 and self.bytes < self._most_bytes // 2
