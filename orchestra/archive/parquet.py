"""The rows of the archive: stream entries as columns of Parquet, and back to exactly the same bytes.

The header of an event has columns of its own; ``body`` is the JSON of all other fields. If the body is not as we write
it (another producer's spacing, order, encoding), ``raw`` has all of its bytes, too.
"""

import io
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import isfinite
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.entry import UNREADABLE, Entry
from orchestra.bus.stream.stream_id import StreamId

SCHEMA = pa.schema(
    [
        ("stream_ms", pa.int64()),
        ("stream_seq", pa.int64()),
        ("partition", pa.int16()),
        ("type", pa.string()),
        ("call", pa.string()),
        ("id", pa.string()),
        ("turn", pa.int32()),
        ("at", pa.float64()),
        ("source", pa.string()),
        ("cause", pa.string()),
        ("trace", pa.string()),
        ("version", pa.string()),
        ("body", pa.string()),
        ("raw", pa.binary()),
        ("audio", pa.binary()),
    ]
)
#: rows that are sorted by call, because the events of a call compress well together; a reader sorts this many at a time
ROW_GROUP = 65_536
_MAY_LACK = frozenset({"at", "raw", "audio"})
_MOST_TURN = 2**31
#: the maximum of a column; both halves of a Redis stream id go up to 2^64, and a producer can choose them
INT64_MAX = 2**63 - 1
_COMMA = ord(",")
_BRACE = ord("{")
_PAGE_BYTES = 1 << 20
_ENCODINGS = {
    "stream_ms": "DELTA_BINARY_PACKED",
    "stream_seq": "DELTA_BINARY_PACKED",
    "turn": "DELTA_BINARY_PACKED",
    "at": "BYTE_STREAM_SPLIT",
    "id": "DELTA_BYTE_ARRAY",
    "cause": "DELTA_BYTE_ARRAY",
    "trace": "DELTA_BYTE_ARRAY",
}


class _Header(msgspec.Struct, omit_defaults=True, gc=False):
    """The fields of `orchestra_schemas.Event`, in the order in which they are written."""

    type: str
    call: str
    id: str = ""
    turn: int = 0
    at: float | None = None
    source: str = ""
    cause: str = ""
    trace: str = ""
    version: str = ""


_decode = msgspec.json.Decoder(_Header).decode
_encode = msgspec.json.Encoder().encode
_UNKNOWN = _Header("", "")


def to_table(entries: Sequence[Entry]) -> pa.Table:
    """Entries as rows of an Arrow table; half of a stream id that exceeds int64 becomes `INT64_MAX`."""
    headers, bodies, raws = _parsed(entries)
    count = len(headers)
    stream_ids = [StreamId.parse(entry.stream_id) for entry in entries]
    return pa.Table.from_arrays(
        [
            _halves([stream_id.ms for stream_id in stream_ids]),
            _halves([stream_id.sequence for stream_id in stream_ids]),
            _numbers(pa.int16(), array("h", [entry.partition for entry in entries])),
            _strings([entry.type for entry in entries]),
            _strings([entry.call for entry in entries]),
            _strings([entry.id for entry in entries]),
            _numbers(pa.int32(), array("i", [header.turn for header in headers])),
            _moments([header.at for header in headers]),
            _strings([header.source for header in headers]),
            _strings([header.cause for header in headers]),
            _strings([header.trace for header in headers]),
            _strings([header.version for header in headers]),
            _texts(bodies),
            _some(raws, count),
            _some({n: entry.audio for n, entry in enumerate(entries) if entry.audio is not None}, count),
        ],
        schema=SCHEMA,
    )


def _parsed(entries: Sequence[Entry]) -> tuple[list[_Header], pa.Array, dict[int, bytes]]:
    """The header of each entry, the rest of its body, and, by index, the bodies that cannot be rebuilt from these."""
    headers, bodies, begins = [], [], array("i")
    raws: dict[int, bytes] = {}
    for number, entry in enumerate(entries):
        body, begin = entry.body, 0
        try:
            header = _decode(body)
        except UNREADABLE:
            header, raws[number], body = _UNKNOWN, body, _shown(body)
        else:
            head = _encode(header)
            size = len(head) - 1
            same = header.id == entry.id and header.call == entry.call and header.type == entry.type
            if same and body.startswith(head[:size]) and body[size] == _COMMA:
                begin = size
            elif same and body == head:
                body = b"{}"
            else:
                raws[number] = body
            if not (-_MOST_TURN < header.turn < _MOST_TURN and isfinite(header.at or 0.0)):
                header, raws[number] = _UNKNOWN, entry.body
        headers.append(header)
        bodies.append(body)
        begins.append(begin)
    return headers, _rests(bodies, begins), raws


def _shown(body: bytes) -> bytes:
    """What queries see of a body that is not an event: the JSON object that it contains, or an empty one."""
    try:
        return body if isinstance(msgspec.json.decode(body), dict) else b"{}"
    except UNREADABLE:
        return b"{}"


# Arrays are made from buffers, because `pyarrow.array` imports pandas, which takes a second and 50 MB.


def _numbers(kind: Any, values: "array[Any]") -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _halves(values: Sequence[int]) -> pa.Array:
    """Halves of stream ids."""
    try:
        halves = array("q", values)
    except OverflowError:
        halves = array("q", [min(value, INT64_MAX) for value in values])
    return _numbers(pa.int64(), halves)


def _moments(values: Sequence[float | None]) -> pa.Array:
    if None in values:
        return pa.array(values, pa.float64())
    return _numbers(pa.float64(), array("d", values))


def _strings(values: Sequence[str]) -> pa.Array:
    together = "".join(values)
    if together.isascii():
        offsets = array("i", accumulate(map(len, values), initial=0))
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(together.encode())]
        return pa.Array.from_buffers(pa.string(), len(values), buffers)
    return _blobs(pa.string(), [value.encode("utf-8", "replace") for value in values])


def _blobs(kind: Any, values: Sequence[bytes]) -> pa.Array:
    offsets = array("i", accumulate(map(len, values), initial=0))
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))])


def _rests(bodies: Sequence[bytes], begins: Sequence[int]) -> pa.Array:
    """The rest of each body from its begin, as an object: the comma at the begin becomes a brace.

    Arrow slices them from one buffer; a Python object for each would take twice as long.
    """
    together = bytearray().join(bodies)
    offsets, end = array("i", [0]), 0
    for body, begin in zip(bodies, begins, strict=True):
        if begin:
            together[end + begin] = _BRACE
        offsets.append(end + begin)
        end += len(body)
        offsets.append(end)
    cut = pa.Array.from_buffers(pa.binary(), 2 * len(bodies), [None, pa.py_buffer(offsets), pa.py_buffer(together)])
    return cut.take(_numbers(pa.int32(), array("i", range(1, 2 * len(bodies), 2))))


def _texts(bodies: pa.Array) -> pa.Array:
    try:
        return bodies.cast(pa.string())
    except pa.ArrowInvalid:  # one of them is not UTF-8
        return _strings([body.decode("utf-8", "replace") for body in bodies.to_pylist()])


def _some(values: Mapping[int, bytes], count: int) -> pa.Array:
    """A column of bytes that few rows have."""
    if not values:
        return pa.nulls(count, pa.binary())
    return pa.array([values.get(number) for number in range(count)], pa.binary())


def one_of(column: Any, values: Iterable[str]) -> Any:
    """Which rows of a column have one of these values."""
    return pc.is_in(column, _strings(list(values)))


def missing_columns(schema: pa.Schema) -> list[str]:
    """The columns of an archive file that this schema lacks, or has with another type."""
    return [
        f"column {field.name} of type {field.type}"
        for field in SCHEMA
        if schema.get_field_index(field.name) < 0 or schema.field(field.name).type != field.type
    ]


def require_values(rows: pa.Table) -> pa.Table:
    """Return the rows if they have all values that every row must have.

    Raises:
        ValueError: a row lacks one.

    """
    lacking = [name for name in SCHEMA.names if name not in _MAY_LACK and rows[name].null_count]
    if lacking:
        msg = f"there are rows without {' and '.join(lacking)}"
        raise ValueError(msg)
    return rows


def to_entries(table: pa.Table) -> Iterator[Entry]:
    """The entries of a table's rows, as they were on the journal."""
    columns = [table.column(name).to_pylist() for name in SCHEMA.names]
    for ms, seq, partition, tag, call, event_id, turn, at, source, cause, trace, version, rest, raw, audio in zip(
        *columns, strict=True
    ):
        body = raw
        if body is None:
            begin = _encode(_Header(tag, call, event_id, turn, at, source, cause, trace, version))[:-1]
            body = begin + b"}" if rest == "{}" else begin + b"," + rest[1:].encode()
        yield Entry(f"{ms}-{seq}", partition, JOURNAL, tag, call, event_id, body, audio)


def sort_by_stream_id(table: pa.Table) -> pa.Table:
    """The rows in the order of their stream."""
    return table.sort_by([("stream_ms", "ascending"), ("stream_seq", "ascending")])


class ParquetFileWriter:
    """Makes a Parquet file, row group by row group."""

    def __init__(self, facts: dict[str, str], *, level: int) -> None:
        self._sink = io.BytesIO()
        schema = SCHEMA.with_metadata(facts)
        self._writer = pq.ParquetWriter(
            self._sink, schema, compression="zstd", compression_level=level, data_page_size=_PAGE_BYTES,
            use_dictionary=["partition", "type", "call", "source", "version"], column_encoding=_ENCODINGS,
            write_statistics=["stream_ms", "type", "call"],
        )  # fmt: skip

    def add(self, table: pa.Table) -> None:
        """Append rows, as row groups."""
        for start in range(0, len(table), ROW_GROUP):
            group = table.slice(start, ROW_GROUP)
            likeness = [(name, "ascending") for name in ("call", "stream_ms", "stream_seq")]
            self._writer.write_table(group.sort_by(likeness), row_group_size=ROW_GROUP)

    def finish(self) -> bytes:
        """The content of the file."""
        self._writer.close()
        return self._sink.getvalue()
