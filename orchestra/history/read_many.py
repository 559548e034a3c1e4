"""Reads the journals of many calls in one pass over each partition."""

from collections import defaultdict
from collections.abc import Mapping

from orchestra.bus import Bus, keys
from orchestra.bus.stream.stream_id import StreamId
from orchestra.history.views.dialogue import TYPES
from orchestra_schemas import DecodeError, Event, tag_of

_TAGS = {tag_of(event_type) for event_type in TYPES}


async def journals(bus: Bus, until: Mapping[str, str]) -> dict[str, list[Event]]:
    """The events that dialogues depend on, of each of these calls, up to the stream id given for it.

    Events that cannot be decoded are left out.
    """
    by_partition: dict[int, dict[str, StreamId]] = defaultdict(dict)
    for call, last in until.items():
        by_partition[keys.partition_of(call)][call] = StreamId.parse(last)
    found: dict[str, list[Event]] = {call: [] for call in until}
    for partition, wanted in by_partition.items():
        since, end = min(keys.earliest_ms(call) for call in wanted), max(wanted.values())
        async for entry in bus.entries(partition, keys.JOURNAL, since=str(since)):
            position = StreamId.parse(entry.stream_id)
            if position > end:
                break
            if entry.call in wanted and entry.type in _TAGS and position <= wanted[entry.call]:
                try:
                    event = entry.event()
                except DecodeError:
                    continue  # the group that reads this journal has sent it to its dead letters
                if event is not None:
                    found[entry.call].append(event)
    return found
