"""How far a group has come on the scratch server: what it has read, what is still being handled."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestra.bus import Bus, Consumer, keys
from orchestra.bus.redis.connection import Argument
from orchestra.bus.stream.entry import pairs, text
from orchestra.bus.stream.stream_id import StreamId

Stream = tuple[int, str]

_PENDING = 10_000


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """A group on one stream: it has read up to ``read``, not finished ``pending``; the stream ends at ``newest``."""

    read: StreamId
    pending: frozenset[StreamId]
    newest: StreamId

    def has_finished(self, stream_id: StreamId) -> bool:
        """Whether the entry was handled to its end."""
        return stream_id <= self.read and stream_id not in self.pending

    @property
    def unfinished(self) -> int:
        """At least so many entries are not finished."""
        return len(self.pending) + (self.read < self.newest)


async def group_progress(bus: Bus, consumer: Consumer, partitions: Iterable[int]) -> dict[Stream, GroupProgress]:
    """How the group stands on its streams. What it published up to then lies before ``newest``."""
    places = [(partition, stream) for partition in partitions for stream in consumer.streams]
    commands: list[tuple[Argument, ...]] = []
    for partition, stream in places:
        key = keys.key(partition, stream)
        commands += [("XINFO", "GROUPS", key), ("XPENDING", key, consumer.name, "-", "+", _PENDING)]
    replies = await bus.shared_connection.calls(commands)
    every = [
        (partition, stream) for partition in dict.fromkeys(place[0] for place in places) for stream in keys.STREAMS
    ]
    last = await bus.shared_connection.calls([("XREVRANGE", keys.key(*place), "+", "-", "COUNT", 1) for place in every])
    ends = (StreamId.parse(found[0][0]) if found else StreamId(0) for found in last)
    newest = dict(zip(every, ends, strict=True))
    known: dict[Stream, GroupProgress] = {}
    for number, place in enumerate(places):
        groups, pending = replies[2 * number], replies[2 * number + 1]
        read = StreamId(0)
        for info in groups if isinstance(groups, list) else ():
            fields = pairs(info)
            if text(fields["name"]) == consumer.name:
                read = StreamId.parse(fields["last-delivered-id"])
        open_ = frozenset(StreamId.parse(row[0]) for row in pending) if isinstance(pending, list) else frozenset()
        known[place] = GroupProgress(read, open_, newest[place])
    for place in every:
        known.setdefault(place, GroupProgress(newest[place], frozenset(), newest[place]))
    return known
