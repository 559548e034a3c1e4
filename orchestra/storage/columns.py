"""The rows of the archive: a stream entry as columns of Parquet, and back to the very bytes that it was.

The header of an event stands in columns of its own, ``body`` is the JSON of all its other fields. An entry whose body
is not as we write it (another producer's spacing, order, encoding) is kept whole in ``raw`` beside that.
"""

import io
import math
from collections.abc import Iterator, Sequence

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestra.bus.entry import Entry
from orchestra.bus.keys import JOURNAL

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
#: rows that are sorted by call, whose events repeat one another's words; a reader puts so many in order at a time
ROW_GROUP = 65_536
_MOST_TURN = 2**31
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
    """The fields of `schemas.Event`, in the order in which they are written."""

    type: str
    call: str
    id: str = ""
    turn: int = 0
    at: float = 0.0
    source: str = ""
    cause: str = ""
    trace: str = ""
    version: str = ""


_decode = msgspec.json.Decoder(_Header).decode
_encode = msgspec.json.Encoder().encode
_Row = tuple[int, int, int, str, str, str, int, float, str, str, str, str, bytes, bytes | None, bytes | None]


def place_of(stream_id: str) -> tuple[int, int]:
    """A stream id as numbers that compare: ``1763830000000-3`` → (1763830000000, 3)."""
    milliseconds, _, sequence = stream_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def row_of(entry: Entry) -> _Row:
    """The entry's row."""
    milliseconds, _, sequence = entry.stream_id.partition("-")
    place = int(milliseconds), int(sequence), entry.partition, entry.type, entry.call, entry.id
    try:
        header = _decode(entry.body)
    except msgspec.MsgspecError:
        return (*place, 0, 0.0, "", "", "", "", _shown(entry.body), entry.body, entry.audio)
    begin = _encode(header)[:-1]
    rest, raw = entry.body[len(begin) :], None
    if not entry.body.startswith(begin) or (header.type, header.call, header.id) != place[3:] or rest[:1] not in b",}":
        rest, raw = entry.body, entry.body
    else:
        rest = b"{" + rest[1:] if rest != b"}" else b"{}"
    turn, at = header.turn, header.at
    if not (-_MOST_TURN < turn < _MOST_TURN and math.isfinite(at)):
        turn, at, rest, raw = 0, 0.0, entry.body, entry.body
    return (*place, turn, at, header.source, header.cause, header.trace, header.version, rest, raw, entry.audio)


def _shown(body: bytes) -> bytes:
    """What queries see of a body that is no event of ours: the JSON object that it is all the same, or an empty one."""
    try:
        return body if isinstance(msgspec.json.decode(body), dict) else b"{}"
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return b"{}"


def table_of(rows: Sequence[_Row]) -> pa.Table:
    """Rows as an Arrow table."""
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = []
    for field, column in zip(SCHEMA, columns, strict=True):
        if field.name == "body":
            arrays.append(_texts(column))
        else:
            arrays.append(pa.array(column, field.type))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _texts(bodies: Sequence[bytes]) -> pa.Array:
    try:
        return pa.array(bodies, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:  # one of them is no UTF-8: what can be shown of it is
        return pa.array([body.decode("utf-8", "replace") for body in bodies], pa.string())


def entries_of(table: pa.Table) -> Iterator[Entry]:
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


def in_order(table: pa.Table) -> pa.Table:
    """The rows in the order of their stream."""
    return table.sort_by([("stream_ms", "ascending"), ("stream_seq", "ascending")])


class Sheet:
    """A Parquet file that is being made, row group by row group."""

    def __init__(self, facts: dict[str, str], *, level: int) -> None:
        self._sink = io.BytesIO()
        schema = SCHEMA.with_metadata(facts)
        self._writer = pq.ParquetWriter(
            self._sink, schema, compression="zstd", compression_level=level, data_page_size=_PAGE_BYTES,
            use_dictionary=["partition", "type", "call", "source", "version"], column_encoding=_ENCODINGS,
            write_statistics=["stream_ms", "type", "call"],
        )  # fmt: skip

    def add(self, table: pa.Table) -> None:
        """Add rows that follow those before, as row groups."""
        for start in range(0, len(table), ROW_GROUP):
            group = table.slice(start, ROW_GROUP)
            likeness = [(name, "ascending") for name in ("call", "stream_ms", "stream_seq")]
            self._writer.write_table(group.sort_by(likeness), row_group_size=ROW_GROUP)

    def finish(self) -> bytes:
        """The file."""
        self._writer.close()
        return self._sink.getvalue()
