"""Figures over a large archive: the first page of calls, words, latency by stage, the report, and the memory for it.

The calls are copies of 1,000 synthetic ones of 200 events, with ids and times of their own: 100,000 of them on 25 days
are 20 million events. Each question is asked by a process of its own, as by a command, and by one that stays, as the
console's. ``python -m tests.bench._console_archive '{"folder": …}'`` is the process that asks.
"""

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import uvloop

from orchestra.analysis.query import CallDatabase
from orchestra.analysis.report import report
from orchestra.archive.archive import Archive, ArchiveFile
from orchestra.archive.derived.derive import rebuild
from orchestra.archive.parquet import sort_by_stream_id, to_table
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.stream_id import StreamId
from orchestra.settings import Settings
from orchestra_schemas.speech import TURN_TIMES
from tests.bench._replay_events import EVENTS, interleaved

_DAYS = 25
_DAY_MS = 86_400_000
_BEGAN_MS = 1_763_830_000_000
_ORIGINALS = 1000
_SPACING_MS = 25
_SLOT_MS = _ORIGINALS * EVENTS * _SPACING_MS + 1000
_ASKED = 3
P95 = f"SELECT {', '.join(f'quantile_cont({stage}, 0.95) AS {stage}' for stage in TURN_TIMES)} FROM turns"


async def archive_figures(calls: int = 100_000) -> dict[str, float]:
    """The figures over this many calls."""
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        archive = Archive(f"{folder}/archive")
        begun = time.process_time()
        events = make_archive(archive, calls)
        made = time.process_time()
        rebuild(archive, progress=lambda _done, _of: None, settle_s=0)
        figures: dict[str, float] = {
            "archive_events": events,
            "archive_made_cpu_s": round(made - begun),
            "derived_events_per_cpu_s": round(events / (time.process_time() - made)),
            "events_bytes_each": round(_bytes(f"{folder}/archive", "20*/*/*.parquet") / events, 1),
            "derived_bytes_each": round(_bytes(f"{folder}/archive", "derived/*/*/*/*/*.parquet") / events, 1),
        }
        for question in QUESTIONS:
            figures |= await _asked(folder, question)
        return figures


def make_archive(archive: Archive, calls: int) -> int:
    """Write this many calls, by day and partition, merged; returns the number of events."""
    known = _originals(min(calls, _ORIGINALS))
    copies, count = -(-calls // _ORIGINALS), 0
    for day in range(min(_DAYS, copies)):
        for partition, rows in known.items():
            moved = pa.concat_tables(
                _moved(rows, copy, day * _DAY_MS + slot * _SLOT_MS)
                for slot, copy in enumerate(range(day, copies, _DAYS))
            )
            first, last = (StreamId(moved["stream_ms"][place].as_py()) for place in (0, len(moved) - 1))
            name = datetime.fromtimestamp(first.ms / 1000, UTC).strftime("%Y-%m-%d")
            file = ArchiveFile("bench", partition, first, last, name)
            archive.put(file, moved, after=StreamId(first.ms - 1), level=1)
            count += len(moved)
    return count


def _originals(calls: int) -> dict[int, pa.Table]:
    """The rows of the calls that are copied, by partition."""
    entries: dict[int, list[Entry]] = {}
    for number, sealed in enumerate(interleaved(calls)):
        partition = int(sealed.call[:2])
        stream_id, tag = f"{_BEGAN_MS + number * _SPACING_MS}-0", sealed.type.decode()
        entry = Entry(stream_id, partition, JOURNAL, tag, sealed.call, sealed.id, sealed.body)
        entries.setdefault(partition, []).append(entry)
    return {partition: sort_by_stream_id(to_table(own)) for partition, own in sorted(entries.items())}


def _moved(rows: pa.Table, copy: int, shift_ms: int) -> pa.Table:
    """The same calls under ids that end in the number of the copy, some time later."""

    def put(name: str, values: Any) -> None:
        nonlocal rows
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)

    end = f"{copy:04x}"
    for name in ("call", "id", "cause"):
        put(name, pc.replace_substring_regex(rows[name], r"^(.{35}).{4}", rf"\1{end}"))
    answers = pc.is_in(rows["type"], pa.array(["prompt.completed", "tool.completed"]))
    changed = pc.replace_substring_regex(rows["body"].filter(answers), r'("request":".{35}).{4}', rf"\1{end}")
    put("body", pc.replace_with_mask(rows["body"].combine_chunks(), answers.combine_chunks(), changed.combine_chunks()))
    put("stream_ms", pc.add(rows["stream_ms"], pa.scalar(shift_ms, pa.int64())))
    put("at", pc.add(rows["at"], shift_ms / 1000))
    return rows


def _bytes(folder: str, pattern: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).glob(pattern))


# -- the process that asks


def _page(records: CallDatabase) -> None:
    assert len(records.rows("SELECT * FROM calls ORDER BY time DESC, call DESC LIMIT 50")) > 0


def _p95(records: CallDatabase) -> None:
    (row,) = records.rows(P95)
    assert row["total_ms"] > row["first_token_ms"] > 0


def _report(records: CallDatabase) -> None:
    assert report(records)["totals"]["calls"] > 0


QUESTIONS: dict[str, Callable[[CallDatabase], object]] = {"page": _page, "p95": _p95, "report": _report}


async def _asked(folder: str, question: str) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench._console_archive",
        json.dumps({"folder": folder, "question": question}), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return {f"{question}_{name}": value for name, value in found.items()}


async def _ask(folder: str, question: str) -> None:
    begun = time.perf_counter()
    records = await CallDatabase.open(Settings(data_dir=Path(folder)))
    opened, times = time.perf_counter(), []
    for _ in range(_ASKED):
        asked = time.perf_counter()
        QUESTIONS[question](records)
        times.append(time.perf_counter() - asked)
    records.close()
    figures = {
        "open_ms": 1000 * (opened - begun),
        "first_ms": 1000 * (opened - begun + times[0]),
        "next_ms": 1000 * statistics.median(times[1:]),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps({name: round(value) for name, value in figures.items()}))


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    uvloop.run(_ask(options["folder"], options["question"]))
