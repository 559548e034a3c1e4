"""One entry that a group has taken and has to finish."""

from orchestra.bus.consumer.definition import Handler
from orchestra.bus.consumer.position import GroupPosition
from orchestra.bus.redis.reply import text
from orchestra.bus.stream.entry import Raw, read_entry

#: state operations in the order they were made: (letter of the commit script, arguments)
StateOperation = tuple[str, list[str | bytes | int]]


class Delivery:
    """An entry that a group has taken and not finished yet.

    ``attempt`` is the number of the running attempt. ``deliveries`` is the delivery count that Redis is to keep: 0
    while the entry only waits for an earlier one of its call. ``pending``: it is pending in Redis. ``count_first``:
    its delivery is counted before it starts. ``published`` counts the events of this attempt. ``may_repeat``: an
    earlier attempt may have published, so the commit script has to compare. ``operations`` are the state writes of
    this attempt that no commit has taken yet; ``version`` is that of its events, "" for the consumer's. They are
    kept here because a delivery must not refer to its context, which refers to the delivery: each event would leave
    a reference cycle for the garbage collector.
    """

    __slots__ = (
        "attempt", "call", "count_first", "deliveries", "handler", "may_repeat", "operations", "pending", "position",
        "published", "raw", "version",
    )  # fmt: skip

    def __init__(self, position: GroupPosition, raw: Raw, handler: Handler, call: bytes, attempt: int = 0) -> None:
        """``attempt`` is given for an entry that was pending already."""
        self.position = position
        self.raw = raw
        self.handler = handler
        self.call = call
        self.attempt = attempt or 1
        self.deliveries = 0
        self.pending = attempt > 0
        self.count_first = False
        self.may_repeat = attempt > 0 or position.requeued
        self.published = 0
        self.operations: list[StateOperation] = []
        self.version = ""

    @property
    def cause(self) -> str:
        """The id of the handled event; its stream id where the producer gave it none."""
        values = self.raw[1]
        if values[4:5] == [b"id"]:
            return text(values[5])
        return read_entry(self.raw, 0, "").id or text(self.raw[0])
