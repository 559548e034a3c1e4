"""The events and the audio of calls on the streams of the server, and the groups that have not handled them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from orchestra.bus import Bus, keys
from orchestra.bus.redis.connection import Argument
from orchestra.bus.redis.reply import pairs, text
from orchestra.bus.redis.scripts import OF_CALLS, REWRITE_STREAM
from orchestra.bus.stream.stream_id import StreamId

_PAGE = 1000
#: writing a stream of so many entries, or bytes, again takes a few tenths of a second, less than any lease
_LONGEST_REWRITTEN = 30_000
_LARGEST_REWRITTEN = 32 << 20
_CHUNK = 500


@dataclass(slots=True)
class StreamEntries:
    """The entries of some calls in one stream, in its order: their ids, and each one's call."""

    key: str
    partition: int
    ids: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    bytes: int = 0


async def entries_of(bus: Bus, key: str, partition: int, calls: Collection[str], since: str = "-") -> StreamEntries:
    """The entries of these calls in a stream; the server looks for them, and sends only their ids.

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached, or refuses.

    """
    found = StreamEntries(key, partition)
    wanted: list[Argument] = list(calls)
    while True:
        last, *rows = await bus.connection(partition).call("EVALSHA", OF_CALLS.sha, 1, key, since, _PAGE, *wanted)
        found.ids += map(text, rows[::3])
        found.calls += map(text, rows[1::3])
        found.bytes += sum(map(int, rows[2::3]))
        if not last:
            return found
        since = f"({text(last)}"


async def stream_entries(bus: Bus, calls: Collection[str]) -> dict[str, list[StreamEntries]]:
    """The entries of these calls on the journal and the media streams, by the kind of stream.

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached, or refuses.

    """
    found: dict[str, list[StreamEntries]] = {stream: [] for stream in keys.STREAMS}
    for partition, some in by_partition(calls).items():
        since = str(min(map(keys.earliest_ms, some)))
        for stream in keys.STREAMS:
            entries = await entries_of(bus, keys.key(partition, stream), partition, some, since)
            if entries.ids:
                found[stream].append(entries)
    return found


async def unhandled(bus: Bus, found: Collection[StreamEntries]) -> Counter[str]:
    """How many of these entries each group has not read, or not finished.

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached.

    """
    left: Counter[str] = Counter()
    for entries in found:
        ids, connection = set(entries.ids), bus.connection(entries.partition)
        for info in await connection.call("XINFO", "GROUPS", entries.key):
            group = pairs(info)
            name, last = text(group["name"]), StreamId.parse(group["last-delivered-id"])
            left[name] += sum(StreamId.parse(each) > last for each in entries.ids)
            if group["pending"]:
                left[name] += await _pending(bus, entries, name, ids)
    return +left


async def _pending(bus: Bus, entries: StreamEntries, group: str, ids: Collection[str]) -> int:
    count, after = 0, entries.ids[0]
    while True:
        page = await bus.connection(entries.partition).call(
            "XPENDING", entries.key, group, after, entries.ids[-1], _PAGE
        )
        count += sum(text(row[0]) in ids for row in page)
        if len(page) < _PAGE:
            return count
        after = f"({text(page[-1][0])}"


async def delete_entries(bus: Bus, entries: StreamEntries) -> bool:
    """Delete entries, also where a group has them pending.

    Returns whether their bytes are gone, too: those of a long stream stay where no command returns them, until their
    neighbours are trimmed.

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached, or refuses.

    """
    connection = bus.connection(entries.partition)
    groups = [text(pairs(info)["name"]) for info in await connection.call("XINFO", "GROUPS", entries.key)]
    for start in range(0, len(entries.ids), _CHUNK):
        some = entries.ids[start : start + _CHUNK]
        acknowledged: list[tuple[Argument, ...]] = [("XACK", entries.key, group, *some) for group in groups]
        await connection.calls([*acknowledged, ("XDEL", entries.key, *some)])
    names = (entries.key, keys.key(entries.partition, "rewritten"))
    (written,) = await connection.try_calls(
        [("EVALSHA", REWRITE_STREAM.sha, 2, *names, _LONGEST_REWRITTEN, _LARGEST_REWRITTEN)]
    )
    return bool(written == 1)


def by_partition(calls: Collection[str]) -> dict[int, Sequence[str]]:
    """These calls by their partitions."""
    found: dict[int, list[str]] = defaultdict(list)
    for call in calls:
        found[keys.partition_of(call)].append(call)
    return dict(found)
