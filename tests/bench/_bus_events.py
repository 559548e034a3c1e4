"""The event of the bus benchmarks: about 300 bytes as a stream entry."""

from orchestra_schemas import Event

PAD = "x" * 60


class SampleTaken(Event, frozen=True, kw_only=True):
    """A measurement. ``sent`` is the monotonic clock of the machine in seconds."""

    seq: int = 0
    sent: float = 0.0
    text: str = PAD


class SampleSeen(Event, frozen=True, kw_only=True):
    """What a handler publishes about a sample."""

    seq: int = 0
    text: str = PAD
