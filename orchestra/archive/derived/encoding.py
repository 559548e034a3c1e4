"""Derived rows as the bytes of a Parquet file."""

import io
from collections.abc import Iterable, Iterator

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

_ROW_GROUP = 100_000
_LEVEL = 3


def parquet_of(rows: pa.Table) -> bytes:
    """A file with the rows of a derived table."""
    encodings = dict(_encodings(rows.schema))
    sink = io.BytesIO()
    pq.write_table(
        rows, sink, compression="zstd", compression_level=_LEVEL, row_group_size=_ROW_GROUP,
        use_dictionary=[name for name, encoding in encodings.items() if not encoding],
        column_encoding={name: encoding for name, encoding in encodings.items() if encoding},
    )  # fmt: skip
    return sink.getvalue()


def _encodings(fields: Iterable[pa.Field], within: str = "") -> Iterator[tuple[str, str]]:
    """The encoding of each column, by its path; empty for a dictionary. They halve the files."""
    for column in fields:
        path = f"{within}{column.name}"
        if pa.types.is_struct(column.type):
            yield from _encodings(column.type, f"{path}.")
        elif column.name in {"id", "request", "missing", "stream_id"}:
            yield path, "DELTA_BYTE_ARRAY"
        elif column.name in {"text", "arguments", "result"}:
            yield path, "PLAIN"
        elif pa.types.is_floating(column.type):
            yield path, "BYTE_STREAM_SPLIT"
        elif pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type):
            yield path, "DELTA_BINARY_PACKED"
        else:
            yield path, ""
