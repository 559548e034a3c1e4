"""The result of a query as CSV, JSON lines or Parquet."""

import csv
import io
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

import msgspec
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestra.printable import escaped, printable

if TYPE_CHECKING:
    from orchestra.analysis.query import QueryResult


def write_csv(answer: "QueryResult", file: IO[bytes], *, for_terminal: bool = False) -> int:
    """Write CSV with a header; returns the number of rows.

    With ``for_terminal``, control characters are replaced.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer, rows = csv.writer(text), 0
    writer.writerow(answer.schema.names)
    for batch in answer.batches():
        found = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        writer.writerows([map(_harmless, row) for row in found] if for_terminal else found)
        rows += len(batch)
    text.detach()
    return rows


def write_json(answer: "QueryResult", file: IO[bytes]) -> int:
    """Write one JSON object per line, without control characters; returns the number of rows."""
    rows = 0
    for batch in answer.batches():
        for row in batch.to_pylist():
            line = msgspec.json.encode({name: plain(value) for name, value in row.items()}).decode()
            file.write(escaped(line).encode() + b"\n")
        rows += len(batch)
    return rows


def write_parquet(answer: "QueryResult", file: IO[bytes]) -> int:
    """Write Parquet; returns the number of rows."""
    rows = 0
    with pq.ParquetWriter(file, answer.schema, compression="zstd") as writer:
        for batch in answer.batches():
            writer.write_batch(batch)
            rows += len(batch)
    return rows


def _harmless(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | Decimal) else printable(str(value))


def plain(value: Any) -> Any:
    """The value for JSON: decimals, which the database uses for sums, become numbers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
