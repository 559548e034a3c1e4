"""The id that a Redis server gives a stream's entry, as numbers."""

from typing import NamedTuple


class StreamId(NamedTuple):
    """Milliseconds since the epoch, and a number within that millisecond; ordered as the entries are.

    Both halves are unsigned 64-bit numbers at a server, so an id that somebody chose by hand may lie beyond any clock.
    """

    ms: int
    sequence: int = 0

    @classmethod
    def parse(cls, stream_id: str | bytes) -> "StreamId":
        """``1763830000000-3`` → (1763830000000, 3); without a sequence it is the millisecond's first.

        Raises:
            ValueError: the text is not a stream id.

        """
        ms, _, sequence = (stream_id if isinstance(stream_id, str) else stream_id.decode()).partition("-")
        return cls(int(ms), int(sequence or 0))

    def __str__(self) -> str:
        return f"{self.ms}-{self.sequence}"

    @property
    def seconds(self) -> float:
        """When the server added the entry, epoch seconds."""
        return self.ms / 1000
