"""A file of JSON lines: the journal of a call, or what `orchestra tail --json` and `orchestra replay --json` print."""

import base64
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec

from orchestra.bus import Entry, keys, partition_of
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.bus.stream.stream_id import StreamId
from orchestra.errors import UsageError
from orchestra.replay.blocking_sources import in_thread
from orchestra.replay.registry import Form
from orchestra.replay.sources.port import Filter, OnWarning, Source, SourceType, SqlReading
from orchestra.settings import Settings
from orchestra_schemas import event_types

_STREAM_ID = re.compile(r"[0-9]{1,16}(-[0-9]{1,18})?")
#: the end of the year 9999
_LAST_MS = 253_402_300_799_000
#: a prompt of a long call has some hundred kilobytes, a second of audio some ten
_LONGEST_LINE = 16 << 20
_MOST_WARNINGS = 20
_MOST_TURNS = 100_000


class JsonLines:
    """The entries of one file."""

    def __init__(self, path: Path, on_warning: OnWarning) -> None:
        self._path = path
        self._on_warning = on_warning

    async def entries(self, wanted: Filter) -> AsyncGenerator[Entry]:
        """The wanted entries, in the order of the file."""
        async for entry in in_thread(file_entries(self._path, self._on_warning)):
            if wanted.matches(entry):
                yield entry

    def query_settings(self, _settings: Settings) -> Settings:
        """No settings have what a file has.

        Raises:
            UsageError: always.

        """
        msg = "SQL chooses calls of an archive and a journal, not of a file: choose by --call, --caller or --type"
        raise UsageError(msg)

    def read_by_sql(self, _settings: Settings) -> SqlReading | None:
        """SQL reads no file."""
        return None


class _EventLine(msgspec.Struct):
    """What every line has: of an event, or of an entry as `orchestra tail --json` prints it."""

    type: str = ""
    call: str = ""
    id: str = ""
    at: float = 0.0
    turn: Annotated[int, msgspec.Meta(ge=0, le=_MOST_TURNS)] = 0
    stream_id: str = ""


class _EntryLine(msgspec.Struct):
    stream_id: str
    partition: int
    stream: str = keys.JOURNAL
    event: msgspec.Raw = msgspec.Raw(b"")
    body: str = ""
    type: str = ""
    call: str = ""
    id: str = ""
    audio: str | None = None


_event_line = msgspec.json.Decoder(_EventLine).decode
_entry_line = msgspec.json.Decoder(_EntryLine).decode


def encode_line(entry: Entry) -> bytes:
    """The entry as one line of JSON; `file_entries` reads the same entry from it."""
    head: dict[str, object] = {
        "stream_id": entry.stream_id, "partition": entry.partition, "stream": entry.stream
    }  # fmt: skip
    if entry.audio is not None:
        head["audio"] = base64.b64encode(entry.audio).decode()
    try:
        _event_line(entry.body)
    except UNREADABLE:
        head |= {"type": entry.type, "call": entry.call, "id": entry.id}
        head["body"] = entry.body.decode("utf-8", "replace")
    else:
        head["event"] = msgspec.Raw(entry.body)
    return msgspec.json.encode(head)


class _LineReader:
    """Reads entries from lines, which anybody may have written.

    A line without a stream id gets one that follows from its time and the line before.
    """

    def __init__(self) -> None:
        self._ms = self._number = 0

    def entry(self, line: bytes) -> Entry:
        """The entry of a line.

        Raises:
            ValueError: the line is not an event.

        """
        head = _event_line(line)
        _refuse_duplicate_names(line)
        if head.stream_id:
            return self._entry(_entry_line(line))
        if not head.type:
            msg = "a line is an event, with its type and its call"
            raise ValueError(msg)
        known = event_types().get(head.type)
        return Entry(
            stream_id=self._next_stream_id(int(head.at * 1000) if 0 < head.at * 1000 < _LAST_MS else 0),
            partition=partition_of(keys.validate_call_id(head.call)),
            stream=keys.JOURNAL if known is None else known.stream,
            type=head.type,
            call=head.call,
            id=head.id,
            body=line.strip(),
        )

    def _entry(self, line: _EntryLine) -> Entry:
        body, event = bytes(line.event), _EventLine()
        if body:
            event = _event_line(body)
        call = keys.validate_call_id(event.call or line.call)
        wrong = (line.partition != partition_of(call), line.stream not in keys.STREAMS)
        if any(wrong) or not _STREAM_ID.fullmatch(line.stream_id) or StreamId.parse(line.stream_id).ms > _LAST_MS:
            given = f"id {line.stream_id[:40]!r} of stream {line.stream[:40]!r}, partition {line.partition}"
            msg = f"{given}, is not possible for call {call}"
            raise ValueError(msg)
        return Entry(
            stream_id=line.stream_id,
            partition=line.partition,
            stream=line.stream,
            type=event.type or line.type,
            call=call,
            id=event.id or line.id,
            body=body or line.body.encode(),
            audio=None if line.audio is None else base64.b64decode(line.audio, validate=True),
        )

    def _next_stream_id(self, ms: int) -> str:
        if ms > self._ms:
            self._ms, self._number = ms, 0
        else:
            self._number += 1
        return f"{self._ms}-{self._number}"


def file_entries(path: Path, on_warning: OnWarning) -> Iterator[Entry]:
    """The entries of a file of JSON lines, in its order: a journal, or what `orchestra tail --json` printed.

    A line that is not an event is left out with a warning that has its number; warnings are limited, and then counted.

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
            if wrong <= _MOST_WARNINGS:
                on_warning(f"{path}, line {number} is not an event and is left out: {error}")
        else:
            yield entry
    if wrong > _MOST_WARNINGS:
        on_warning(f"{path}: {wrong - _MOST_WARNINGS:,} more lines are no events and are left out")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers; a line that is too long is cut off just beyond the limit."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE + 1):
            number += 1
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(_LONGEST_LINE)
            yield number, line


def _refuse_duplicate_names(line: bytes) -> None:
    """Raise ValueError if an object has a name twice: two parsers would read different values."""
    # compact JSON without duplicates keeps its length; only a line of another length gets the slow parser
    if len(msgspec.json.encode(msgspec.json.decode(line))) != len(line.strip()):
        json.loads(line, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        doubled = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        msg = f"it says {doubled[:40]!r} twice"
        raise ValueError(msg)
    return found


@asynccontextmanager
async def _open(_settings: Settings, text: str, on_warning: OnWarning) -> AsyncIterator[Source]:
    yield JsonLines(Path(text), on_warning)


SOURCE = SourceType(
    form=Form(matches=lambda text: Path(text).is_file(), description="a file of JSON lines"), open=_open
)
