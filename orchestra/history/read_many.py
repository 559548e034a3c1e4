"""The journals of many calls at once: one pass over a partition for all of them."""

from collections import defaultdict
from collections.abc import Mapping

from orchestra.bus import Bus, keys
from orchestra.history.dialogue import TYPES
from orchestra_schemas import DecodeError, Event, tag_of

_TAGS = {tag_of(event_type) for event_type in TYPES}

Place = tuple[int, int]


def place_of(stream_id: str) -> Place:
    """A stream id as what it is ordered by: ``1763830000000-3`` → its ms and number."""
    ms, _, number = stream_id.partition("-")
    return int(ms), int(number or 0)


async def journals(bus: Bus, until: Mapping[str, str]) -> dict[str, list[Event]]:
    """What dialogues are made of, of each of these calls up to the stream id that stands beside it.

    An event that cannot be read is left out: the others still tell the call.
    """
    by_partition: dict[int, dict[str, Place]] = defaultdict(dict)
    for call, last in until.items():
        by_partition[keys.partition_of(call)][call] = place_of(last)
    found: dict[str, list[Event]] = {call: [] for call in until}
    for partition, wanted in by_partition.items():
        since, end = min(keys.earliest_ms(call) for call in wanted), max(wanted.values())
        async for entry in bus.entries(partition, keys.JOURNAL, since=str(since)):
            place = place_of(entry.stream_id)
            if place > end:
                break
            if entry.call in wanted and entry.type in _TAGS and place <= wanted[entry.call]:
                try:
                    event = entry.event()
                except DecodeError:
                    continue  # the group that reads this journal has buried it and said so
                if event is not None:
                    found[entry.call].append(event)
    return found
