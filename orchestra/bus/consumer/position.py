"""The position of a group in one stream."""

from collections import deque

from orchestra.bus import keys

#: the stream of dead letters that were given back to a group
REQUEUED = "requeued"
_KEY_INDICES = {keys.JOURNAL: 5, keys.MEDIA: 6, REQUEUED: 7}


class HeldBatch:
    """A batch that the position waits for: its last entry, how many entries were read with it, whether it is done."""

    __slots__ = ("done", "last", "read")

    def __init__(self, last: bytes, read: int) -> None:
        self.last = last
        self.read = read
        self.done = False


class GroupPosition:
    """How far a group has read one stream.

    ``last`` is the id of the last entry read and ``read`` the number of entries ever read. ``sent`` is both as the last
    commit sent them, ``confirmed`` the number that Redis has confirmed. ``acks`` are finished entries that no commit
    has acknowledged yet. ``key_index`` is the stream's index among the keys of the commit script. ``held`` are the
    batches of a consumer whose entries are not made pending: the group's position in Redis stays before the first of
    them that is not done.
    """

    __slots__ = (
        "_passed", "acks", "confirmed", "held", "key", "key_bytes", "key_index", "last", "read", "requeued", "sent",
        "stream",
    )  # fmt: skip

    def __init__(self, partition: int, stream: str, group: str) -> None:
        self.stream = stream
        self.requeued = stream == REQUEUED
        self.key = keys.key(partition, stream, group) if self.requeued else keys.key(partition, stream)
        self.key_bytes = self.key.encode()
        self.key_index = _KEY_INDICES[stream]
        self.acks: list[bytes] = []
        self.held: deque[HeldBatch] = deque()
        self.start(b"0-0", 0)

    def start(self, last: bytes, read: int) -> None:
        """Begin at what the group has delivered."""
        self.last: bytes = last
        self.read = read
        self.sent = self._passed = (last, read)
        self.confirmed = read

    @property
    def to_commit(self) -> tuple[bytes, int]:
        """The group's next position in Redis: the last entry before all held ones, and its number."""
        return self._passed if self.held else (self.last, self.read)

    def hold_batch(self, last: bytes, count: int) -> HeldBatch:
        """Read the next entries, which end at ``last``, and keep the position before them until `release_batch`."""
        if not self.held:
            self._passed = (self.last, self.read)
        self.last = last
        self.read += count
        held = HeldBatch(last, self.read)
        self.held.append(held)
        return held

    def release_batch(self, held: HeldBatch) -> None:
        """Move the position past a batch that is done, if all batches before it are done, too."""
        held.done = True
        while self.held and self.held[0].done:
            passed = self.held.popleft()
            self._passed = (passed.last, passed.read)

    @property
    def moved(self) -> bool:
        """Whether it has moved since the last commit was sent."""
        return self.to_commit != self.sent
