"""Everything that both streams ever said, kept by one who listens: the streams themselves are trimmed meanwhile."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from orchestra.bus import Bus, Entry
from orchestra.bus.keys import MEDIA, STREAMS
from orchestra.bus.stream.stream_id import StreamId
from orchestra_schemas import Event


class JournalRecord:
    """All entries, in the order of each partition.

    Attributes:
        entries: of the journal, as they came.
        media: the ids of the events of the media stream.
        disorder: entries that came before one of a lower id.

    """

    def __init__(self, bus: Bus) -> None:
        self.entries: list[Entry] = []
        self.media: list[str] = []
        self.disorder: list[str] = []
        self._bus = bus
        self._last: dict[tuple[int, str], StreamId] = {}
        self._calls: defaultdict[str, list[Event]] = defaultdict(list)
        self._grown = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        async for entry in self._bus.follow(streams=STREAMS, since="0"):
            stream = (entry.partition, entry.stream)
            place, last = StreamId.parse(entry.stream_id), self._last.get(stream)
            if last is not None and place <= last:
                self.disorder.append(f"{entry.id}: {place} after {last} in partition {entry.partition}")
            self._last[stream] = place
            if entry.stream == MEDIA:
                self.media.append(entry.id)
                continue
            self.entries.append(entry)
            if (event := entry.event()) is not None:
                self._calls[event.call].append(event)
            self._grown.set()
            self._grown = asyncio.Event()

    def call(self, call: str) -> list[Event]:
        """The journal of a call so far."""
        return self._calls[call]

    @property
    def calls(self) -> dict[str, list[Event]]:
        """The journal of every call."""
        return {call: events for call, events in self._calls.items() if events}

    async def until(self, call: str, wanted: Callable[[Event], bool], since: int, within_s: float) -> int:
        """Wait for a call's first wanted event from index ``since`` on; returns its index.

        Raises:
            TimeoutError: it does not come in time.

        """
        async with asyncio.timeout(within_s):
            while True:
                events = self._calls[call]
                for index in range(since, len(events)):
                    if wanted(events[index]):
                        return index
                since = len(events)
                await self._grown.wait()

    async def complete(self) -> bool:
        """Whether it has everything that was ever added to the streams."""
        added = 0
        for partition in range(self._bus.partitions):
            for stream in STREAMS:
                if await self._bus.redis.exists(key := self._bus.key(partition, stream)):
                    added += (await self._bus.redis.xinfo_stream(key))["entries-added"]
        return added == len(self.entries) + len(self.media)
