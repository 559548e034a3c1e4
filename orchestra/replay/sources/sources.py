"""The places where recorded calls are kept, read as stream entries: a server's journal, files of JSON lines."""

import asyncio
import base64
import heapq
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import RedisError

from orchestra.bus import Bus, Entry, keys, partition_of
from orchestra.bus.backoff import Backoff
from orchestra.bus.redis.topology import find_servers
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.errors import ServerError
from orchestra.settings import Settings
from orchestra_schemas import event_types

#: a call's first event may stand a little before the moment in its id: the machines' clocks differ
_RUNS = "demo-runs"
_JOURNAL_FILE = "journal.jsonl"
_PLACE = re.compile(r"[0-9]{1,16}(-[0-9]{1,18})?")
#: the end of the year 9999
_LAST_MS = 253_402_300_799_000
#: a prompt of a long call has some hundred kilobytes, a second of audio some ten
_LONGEST_LINE = 16 << 20
_COMPLAINTS = 20
_MOST_TURNS = 100_000

#: how a source says at its place that something is missing or damaged there; the rest goes on
OnWarning = Callable[[str], None]
#: ms, number within it, partition, stream: what entries are ordered by over all streams
Position = tuple[int, int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are wanted. ``calls`` are whole ids, times are ms of the stream id (``until_ms`` excluded)."""

    calls: frozenset[str] | None = None
    since_ms: int = 0
    until_ms: int | None = None
    types: frozenset[str] | None = None
    streams: tuple[str, ...] = (keys.JOURNAL,)

    def matches(self, entry: Entry) -> bool:
        """Whether this entry is wanted."""
        return (
            (self.calls is None or entry.call in self.calls)
            and (self.types is None or entry.type in self.types)
            and entry.stream in self.streams
            and self.since_ms <= _ms(entry.stream_id)
            and not self.is_past(entry)
        )

    def is_past(self, entry: Entry) -> bool:
        """Whether this entry, and all behind it in its stream, is too late."""
        return self.until_ms is not None and _ms(entry.stream_id) >= self.until_ms


def _ms(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])


def position_of(entry: Entry) -> Position:
    """Where the entry stands among those of all streams."""
    ms, _, number = entry.stream_id.partition("-")
    return int(ms), int(number or 0), entry.partition, entry.stream


async def merge(sources: Sequence[AsyncIterator[Entry]]) -> AsyncIterator[Entry]:
    """Sources that are in order, as one that is; what several of them have, once."""
    heap: list[tuple[Position, int, Entry]] = []
    for number, source in enumerate(sources):
        async for entry in source:
            heap.append((position_of(entry), number, entry))
            break
    heapq.heapify(heap)
    last: tuple[Position, str] | None = None
    while heap:
        place, number, entry = heap[0]
        if (place, entry.id) != last:
            last = place, entry.id
            yield entry
        following = await anext(sources[number], None)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (position_of(following), number, following))


# -- the journal of a server


async def connect(settings: Settings, url: str) -> Bus:
    """Connect to the server at a URL, whatever its number of partitions.

    Raises:
        ServerError: it cannot be used.

    """
    client = find_servers(url).client()
    try:
        stored = await client.get(keys.PARTITIONS_KEY)
    except RedisError:
        stored = None  # connecting says what is wrong with it
    finally:
        await client.aclose()
    partitions = {"partitions": int(stored)} if stored else {}
    return await Bus.connect(settings.model_copy(update={"redis_url": url, **partitions}))


async def journal_entries(bus: Bus, wanted: Filter) -> AsyncIterator[Entry]:
    """The entries of a server's streams, merged over the partitions."""
    partitions: Sequence[int] = range(bus.partitions)
    since_ms = wanted.since_ms
    if wanted.calls is not None:
        partitions = sorted({partition_of(call) for call in wanted.calls} & set(partitions))
        since_ms = max(since_ms, min((keys.earliest_ms(call) for call in wanted.calls), default=0))
    streams = [
        _stream(bus, partition, stream, since_ms, wanted) for partition in partitions for stream in wanted.streams
    ]
    async for entry in merge(streams):
        yield entry


async def read_through_outages(
    bus: Bus, partition: int, stream: str, *, since: str = "-", patience_s: float = 30.0
) -> AsyncIterator[Entry]:
    """The entries of a stream up to its present end; a server that is away is waited for, and reading goes on.

    Raises:
        ServerError: it was away for too long.

    """
    backoff, loop = Backoff(), asyncio.get_running_loop()
    away_since: float | None = None
    while True:
        try:
            async for entry in bus.entries(partition, stream, since=since):
                since, away_since = f"({entry.stream_id}", None
                backoff.tries = 0
                yield entry
        except LostConnectionError as error:
            away_since = away_since or loop.time()
            if loop.time() - away_since > patience_s:
                msg = f"the server {bus.servers.name} is away: {error}"
                raise ServerError(msg) from error
            await backoff.wait()
        else:
            return


async def _stream(bus: Bus, partition: int, stream: str, since_ms: int, wanted: Filter) -> AsyncIterator[Entry]:
    async for entry in read_through_outages(bus, partition, stream, since=str(max(0, since_ms))):
        if wanted.is_past(entry):
            return
        if wanted.matches(entry):
            yield entry


# -- JSON lines


class _Head(msgspec.Struct):
    """What every line has: of an event, or of an entry as `orchestra tail --json` prints it."""

    type: str = ""
    call: str = ""
    id: str = ""
    at: float = 0.0
    turn: Annotated[int, msgspec.Meta(ge=0, le=_MOST_TURNS)] = 0
    stream_id: str = ""


class _Tail(msgspec.Struct):
    stream_id: str
    partition: int
    stream: str = keys.JOURNAL
    event: msgspec.Raw = msgspec.Raw(b"")
    body: str = ""
    type: str = ""
    call: str = ""
    id: str = ""
    audio: str | None = None


_head = msgspec.json.Decoder(_Head).decode
_tail = msgspec.json.Decoder(_Tail).decode


def encode_line(entry: Entry) -> bytes:
    """The entry as one line of JSON, from which `file_entries` makes the same entry again."""
    head: dict[str, object] = {
        "stream_id": entry.stream_id, "partition": entry.partition, "stream": entry.stream
    }  # fmt: skip
    if entry.audio is not None:
        head["audio"] = base64.b64encode(entry.audio).decode()
    try:
        _head(entry.body)
    except UNREADABLE:
        head |= {"type": entry.type, "call": entry.call, "id": entry.id}
        head["body"] = entry.body.decode("utf-8", "replace")
    else:
        head["event"] = msgspec.Raw(entry.body)
    return msgspec.json.encode(head)


class _LineReader:
    """Makes entries of lines, which anybody may have written.

    Where a line does not say its place, that follows from its time and the line before.
    """

    def __init__(self) -> None:
        self._ms = self._number = 0

    def entry(self, line: bytes) -> Entry:
        """The entry of a line.

        Raises:
            ValueError: it is none.

        """
        head = _head(line)
        _refuse_doubles(line)
        if head.stream_id:
            return self._placed(_tail(line))
        if not head.type:
            msg = "a line is an event, with its type and its call"
            raise ValueError(msg)
        known = event_types().get(head.type)
        return Entry(
            stream_id=self._next_place(int(head.at * 1000) if 0 < head.at * 1000 < _LAST_MS else 0),
            partition=partition_of(keys.checked(head.call)),
            stream=keys.JOURNAL if known is None else known.stream,
            type=head.type,
            call=head.call,
            id=head.id,
            body=line.strip(),
        )

    def _placed(self, tail: _Tail) -> Entry:
        body, event = bytes(tail.event), _Head()
        if body:
            event = _head(body)
        call = keys.checked(event.call or tail.call)
        wrong = (tail.partition != partition_of(call), tail.stream not in keys.STREAMS)
        if any(wrong) or not _PLACE.fullmatch(tail.stream_id) or _ms(tail.stream_id) > _LAST_MS:
            place = f"{tail.stream_id[:40]!r} of stream {tail.stream[:40]!r}, partition {tail.partition}"
            msg = f"{place}, is no place of call {call}"
            raise ValueError(msg)
        return Entry(
            stream_id=tail.stream_id,
            partition=tail.partition,
            stream=tail.stream,
            type=event.type or tail.type,
            call=call,
            id=event.id or tail.id,
            body=body or tail.body.encode(),
            audio=None if tail.audio is None else base64.b64decode(tail.audio, validate=True),
        )

    def _next_place(self, ms: int) -> str:
        if ms > self._ms:
            self._ms, self._number = ms, 0
        else:
            self._number += 1
        return f"{self._ms}-{self._number}"


def file_entries(path: Path, on_warning: OnWarning) -> Iterator[Entry]:
    """The entries of a file of JSON lines, in its order: a kept journal, or what `orchestra tail --json` printed.

    A line that is no event is complained of with its number, and passed over; of many such lines the first ones are.

    Raises:
        OSError: the file cannot be read.

    """
    reader, wrong = _LineReader(), 0
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            if len(line) > _LONGEST_LINE:
                msg = f"it is longer than {_LONGEST_LINE >> 20} MiB"
                raise ValueError(msg)
            entry = reader.entry(line)
        except UNREADABLE as error:
            wrong += 1
            if wrong <= _COMPLAINTS:
                on_warning(f"{path}, line {number} is no event and is left out: {error}")
        else:
            yield entry
    if wrong > _COMPLAINTS:
        on_warning(f"{path}: {wrong - _COMPLAINTS:,} more lines are no events and are left out")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers; of one that is too long only the beginning, which is too long, too."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE + 1):
            number += 1
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(_LONGEST_LINE)
            yield number, line


def _refuse_doubles(line: bytes) -> None:
    """Raise ValueError where an object of the line has a name twice: two readers of it would read two things."""
    # as we write it, it has none; what is written otherwise is looked at again, more slowly
    if len(msgspec.json.encode(msgspec.json.decode(line))) != len(line.strip()):
        json.loads(line, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        doubled = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        msg = f"it says {doubled[:40]!r} twice"
        raise ValueError(msg)
    return found


def demo_journals(data_dir: Path) -> list[Path]:
    """The journals of the demo runs in a data directory, the latest first."""
    return sorted((data_dir / _RUNS).glob(f"*/{_JOURNAL_FILE}"), reverse=True)
