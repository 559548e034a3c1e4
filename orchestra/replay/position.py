"""Where entries are, and in which order those of several streams follow each other. Pure."""

import heapq
from collections.abc import AsyncIterator, Sequence

from orchestra.bus import Entry
from orchestra.bus.stream.stream_id import StreamId

#: ms, number within it, partition, stream: what entries are ordered by over all streams
Position = tuple[int, int, int, str]


def position_of(entry: Entry) -> Position:
    """Where the entry is among those of all streams."""
    return *StreamId.parse(entry.stream_id), entry.partition, entry.stream


async def merge(sources: Sequence[AsyncIterator[Entry]]) -> AsyncIterator[Entry]:
    """Merge ordered sources into one ordered stream; an entry that several of them have comes once."""
    heap: list[tuple[Position, int, Entry]] = []
    for number, source in enumerate(sources):
        async for entry in source:
            heap.append((position_of(entry), number, entry))
            break
    heapq.heapify(heap)
    last: tuple[Position, str] | None = None
    while heap:
        position, number, entry = heap[0]
        if (position, entry.id) != last:
            last = position, entry.id
            yield entry
        following = await anext(sources[number], None)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (position_of(following), number, following))
