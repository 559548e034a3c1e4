"""The tail of the streams for a page: the entries that it asked for, no more of them than anybody can read."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from orchestra.bus import Bus, Entry, partition_of
from orchestra.bus.keys import JOURNAL, STREAMS
from orchestra.bus.stream.stream_id import StreamId
from orchestra.console.event_stream import message

#: entries a second; what comes beyond is counted
_PER_S = 50
#: characters of a body
_LONGEST = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class TailFilter:
    """Which entries are wanted: of this call, of these types, with this text in the body; empty is any."""

    call: str = ""
    types: frozenset[str] = frozenset()
    text: str = ""
    media: bool = False

    def matches(self, entry: Entry) -> bool:
        """Whether this entry is wanted."""
        return (
            (not self.call or entry.call == self.call)
            and (not self.types or any(entry.type == each or entry.type.startswith(f"{each}.") for each in self.types))
            and (not self.text or self.text.casefold() in entry.body.decode("utf-8", "replace").casefold())
        )


class Pace:
    """Lets ``per_s`` entries through in any second. ``skipped`` counts the others, until they are told."""

    def __init__(self, now: Callable[[], float], per_s: int = _PER_S) -> None:
        self.skipped = 0
        self._now = now
        self._per_s = per_s
        self._second = float("-inf")
        self._passed = 0

    def lets_through(self) -> bool:
        """Count an entry; whether it may be shown."""
        if self._now() - self._second >= 1:
            self._second, self._passed = self._now(), 0
        if self._passed >= self._per_s:
            self.skipped += 1
            return False
        self._passed += 1
        return True


async def tail(bus: Bus, wanted: TailFilter, now: Callable[[], float]) -> AsyncGenerator[bytes]:
    """Messages for a page: an entry each, with how many were skipped before it since they came too fast."""
    pace = Pace(now)
    partitions = [partition_of(wanted.call)] if wanted.call else None
    subscription = bus.follow(partitions, streams=STREAMS if wanted.media else (JOURNAL,))
    async with aclosing(subscription):
        await subscription.start()
        yield message({}, "following")
        async for entry in subscription:
            if wanted.matches(entry) and pace.lets_through():
                yield message({**shown(entry), "skipped": pace.skipped})
                pace.skipped = 0


def shown(entry: Entry) -> dict[str, Any]:
    """An entry as a page shows it: the body as the text that it is."""
    body = entry.body.decode("utf-8", "replace")
    return {
        "stream_id": entry.stream_id,
        "stream": entry.stream,
        "partition": entry.partition,
        "at": StreamId.parse(entry.stream_id).seconds,
        "type": entry.type,
        "call": entry.call,
        "id": entry.id,
        "body": body[:_LONGEST],
        "cut": max(0, len(body) - _LONGEST),
        "audio_bytes": len(entry.audio or b""),
    }
