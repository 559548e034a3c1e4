"""A group's place in one stream."""

from orchestra.bus import keys

#: the stream of dead letters that were given back to a group
REQUEUED = "requeued"
_PLACES = {keys.JOURNAL: 5, keys.MEDIA: 6, REQUEUED: 7}


class Cursor:
    """How far a group has taken one stream.

    ``last`` is the id of the last entry taken and ``read`` how many were ever taken; ``sent`` is both as the last
    commit told them and ``confirmed`` the number that Redis has confirmed; ``acks`` are the finished entries to be
    acked; ``place`` is the stream's index among the keys of the commit script.
    """

    __slots__ = ("acks", "confirmed", "key", "last", "place", "read", "requeued", "sent", "stream")

    def __init__(self, partition: int, stream: str, group: str) -> None:
        self.stream = stream
        self.requeued = stream == REQUEUED
        self.key = keys.key(partition, stream, group) if self.requeued else keys.key(partition, stream)
        self.place = _PLACES[stream]
        self.acks: list[bytes] = []
        self.start(b"0-0", 0)

    def start(self, last: bytes, read: int) -> None:
        """Begin at what the group has delivered."""
        self.last: bytes = last
        self.read = read
        self.sent = (last, read)
        self.confirmed = read

    @property
    def moved(self) -> bool:
        """Whether it has gone on since the last commit was sent."""
        return (self.last, self.read) != self.sent
