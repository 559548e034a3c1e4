"""A group's place in one stream."""

from collections import deque

from orchestra.bus import keys

#: the stream of dead letters that were given back to a group
REQUEUED = "requeued"
_PLACES = {keys.JOURNAL: 5, keys.MEDIA: 6, REQUEUED: 7}


class Held:
    """Entries that were taken together: the last of them, how many were ever taken with it, and whether it is done."""

    __slots__ = ("done", "last", "read")

    def __init__(self, last: bytes, read: int) -> None:
        self.last = last
        self.read = read
        self.done = False


class Cursor:
    """How far a group has taken one stream.

    ``last`` is the id of the last entry taken and ``read`` how many were ever taken; ``sent`` is both as the last
    commit told them and ``confirmed`` the number that Redis has confirmed; ``acks`` are the finished entries to be
    acked; ``place`` is the stream's index among the keys of the commit script. ``held`` are the batches of a consumer
    whose entries are not made pending: the group's position stays before the first of them that is not done.
    """

    __slots__ = (
        "_passed", "acks", "confirmed", "held", "key", "key_bytes", "last", "place", "read", "requeued", "sent",
        "stream",
    )  # fmt: skip

    def __init__(self, partition: int, stream: str, group: str) -> None:
        self.stream = stream
        self.requeued = stream == REQUEUED
        self.key = keys.key(partition, stream, group) if self.requeued else keys.key(partition, stream)
        self.key_bytes = self.key.encode()
        self.place = _PLACES[stream]
        self.acks: list[bytes] = []
        self.held: deque[Held] = deque()
        self.start(b"0-0", 0)

    def start(self, last: bytes, read: int) -> None:
        """Begin at what the group has delivered."""
        self.last: bytes = last
        self.read = read
        self.sent = self._passed = (last, read)
        self.confirmed = read

    @property
    def position(self) -> tuple[bytes, int]:
        """What the group's position in Redis is to be: the last entry that it has passed, and its number."""
        return self._passed if self.held else (self.last, self.read)

    def hold(self, last: bytes, count: int) -> Held:
        """Take the next entries, which end at ``last``, and keep the position before them until `pass_over`."""
        if not self.held:
            self._passed = (self.last, self.read)
        self.last = last
        self.read += count
        held = Held(last, self.read)
        self.held.append(held)
        return held

    def pass_over(self, held: Held) -> None:
        """These entries are done: the position goes on, if all before them are done too."""
        held.done = True
        while self.held and self.held[0].done:
            passed = self.held.popleft()
            self._passed = (passed.last, passed.read)

    @property
    def moved(self) -> bool:
        """Whether it has gone on since the last commit was sent."""
        return self.position != self.sent
