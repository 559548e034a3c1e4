"""How far a group has come: what it has read, and what is still being handled."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestra.bus import keys
from orchestra.bus.consumer.definition import Consumer
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import Argument
from orchestra.bus.redis.reply import pairs, text
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
        """A lower bound of the number of entries that are not finished."""
        return len(self.pending) + (self.read < self.newest)


async def group_progress(
    connections: Connections, consumer: Consumer, partitions: Iterable[int]
) -> dict[Stream, GroupProgress]:
    """The group's progress on every stream of the partitions; one that it does not read counts as finished.

    ``newest`` is read after ``read`` and ``pending``: whatever finished entries have published is at or before it.
    """
    numbers = list(dict.fromkeys(partitions))
    read_streams = [(partition, stream) for partition in numbers for stream in consumer.streams]
    commands: list[tuple[Argument, ...]] = []
    for partition, stream in read_streams:
        key = keys.key(partition, stream)
        commands += [("XINFO", "GROUPS", key), ("XPENDING", key, consumer.name, "-", "+", _PENDING)]
    replies = await connections.shared_connection.calls(commands)
    every = [(partition, stream) for partition in numbers for stream in keys.STREAMS]
    last = await connections.shared_connection.calls(
        [("XREVRANGE", keys.key(*stream), "+", "-", "COUNT", 1) for stream in every]
    )
    ends = (StreamId.parse(found[0][0]) if found else StreamId(0) for found in last)
    newest = dict(zip(every, ends, strict=True))
    progress = {stream: GroupProgress(newest[stream], frozenset(), newest[stream]) for stream in every}
    for number, each in enumerate(read_streams):
        groups, pending = replies[2 * number], replies[2 * number + 1]
        read = StreamId(0)
        for info in groups if isinstance(groups, list) else ():
            fields = pairs(info)
            if text(fields["name"]) == consumer.name:
                read = StreamId.parse(fields["last-delivered-id"])
        open_ = frozenset(StreamId.parse(row[0]) for row in pending) if isinstance(pending, list) else frozenset()
        progress[each] = GroupProgress(read, open_, newest[each])
    return progress
