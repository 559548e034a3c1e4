"""The answer to a query as a file: CSV, JSON lines, Parquet."""

import csv
import io
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

import msgspec
import pyarrow.parquet as pq  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from orchestra.replay.query import Answer


def write_csv(answer: "Answer", file: IO[bytes]) -> int:
    """Comma-separated, with a header; returns the number of rows."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer, rows = csv.writer(text), 0
    writer.writerow(answer.schema.names)
    for batch in answer.batches():
        writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        rows += len(batch)
    text.detach()
    return rows


def write_json(answer: "Answer", file: IO[bytes]) -> int:
    """One JSON object a line; returns the number of rows."""
    rows = 0
    for batch in answer.batches():
        for row in batch.to_pylist():
            file.write(msgspec.json.encode({name: plain(value) for name, value in row.items()}) + b"\n")
        rows += len(batch)
    return rows


def write_parquet(answer: "Answer", file: IO[bytes]) -> int:
    """Parquet; returns the number of rows."""
    rows = 0
    with pq.ParquetWriter(file, answer.schema, compression="zstd") as writer:
        for batch in answer.batches():
            writer.write_batch(batch)
            rows += len(batch)
    return rows


def plain(value: Any) -> Any:
    """A value as JSON has it: sums that the database makes as decimals are numbers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
