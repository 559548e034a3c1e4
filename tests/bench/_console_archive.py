"""Figures over a large archive: the first page of calls, words, latency by stage, the report, and the memory for it.

The calls are copies of 1,000 synthetic ones of 200 events, with ids and times of their own: 100,000 of them on 25 days
are 20 million events. Beyond 100,000 calls only the derived tables are made, which are copies of derived rows, and a
file of events has its first and its last one: no question reads events that have derived tables. Each question is asked
by a process of its own: ``first`` with the opening of the archive, as by a command, and ``next`` as by a process that
stays. ``python -m tests.bench._console_archive '{"folder": …}'`` is the process that asks.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import uvloop

from orchestra.analysis.call_filter import CallFilter
from orchestra.analysis.figures import figures as figures_by
from orchestra.analysis.find_calls import find_calls
from orchestra.analysis.find_words import utterances_with
from orchestra.analysis.query import CallDatabase
from orchestra.analysis.report import latency, report
from orchestra.analysis.words import WantedWords, best_matches
from orchestra.archive.archive import Archive, ArchiveFile
from orchestra.archive.derived.derive import derive
from orchestra.archive.derived.encoding import parquet_of
from orchestra.archive.derived.files import paths_of
from orchestra.archive.derived.tables import TABLES
from orchestra.archive.parquet import sort_by_stream_id, to_table
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.stream_id import StreamId
from orchestra.settings import Settings
from tests.bench._most_memory import most_mb
from tests.bench._replay_events import EVENTS, Calls, interleaved

_DAYS = 25
_DAY_MS = 86_400_000
_BEGAN_MS = 1_763_769_600_000  # midnight
_ORIGINALS = 1000
_SPACING_MS = 25
_SLOT_MS = _ORIGINALS * EVENTS * _SPACING_MS + 1000
_ASKED = 3
_MOST_WITH_EVENTS = 100_000
#: of the rows in a file of a derived table
_ORDERS = {
    name: [(column, "ascending") for column in table.order.replace('"', "").split(", ")]
    for name, table in TABLES.items()
}


async def measure(calls: int = _MOST_WITH_EVENTS) -> dict[str, float]:
    """The figures over this many calls."""
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        archive = Archive(f"{folder}/archive")
        figures: dict[str, float] = {"calls": calls, "events": calls * EVENTS}
        if calls <= _MOST_WITH_EVENTS:
            make_archive(archive, calls)
            begun = time.process_time()
            assert derive(archive).failed == []
            figures["derived_events_per_cpu_s"] = round(calls * EVENTS / (time.process_time() - begun))
            figures["bytes_per_event"] = round(_bytes(f"{folder}/archive", "20*/*/*.parquet") / (calls * EVENTS), 1)
        else:
            make_derived(archive, calls)
        derived = _bytes(f"{folder}/archive", "derived/*/*/*/*/*.parquet")
        figures["derived_bytes_per_event"] = round(derived / (calls * EVENTS), 1)
        for question in QUESTIONS:
            figures |= await _asked(folder, question)
        return figures


def make_archive(archive: Archive, calls: int) -> None:
    """Write the events of this many calls, by day and partition, merged."""
    known = _originals(min(calls, _ORIGINALS))
    for day, shifts in _shifts(calls):
        for partition, rows in known.items():
            moved = pa.concat_tables(_moved(rows, copy, shift) for copy, shift in shifts)
            _put(archive, partition, day, moved)


def make_derived(archive: Archive, calls: int) -> None:
    """Write the derived tables of this many calls, and the first and the last event of each day and partition."""
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        originals = Archive(folder)
        known = _originals(_ORIGINALS)
        for partition, rows in known.items():
            _put(originals, partition, _BEGAN_MS, rows)
        tables = {}
        for file in derive(originals).made:
            paths = paths_of(file)
            for table in TABLES:
                tables[file.partition, table] = pq.read_table(f"{folder}/{paths[table]}", partitioning=None)
    for day, shifts in _shifts(calls):
        for partition, rows in known.items():
            ends = [_moved(rows.slice(at, 1), *shifts[place]) for at, place in ((0, 0), (len(rows) - 1, -1))]
            paths = paths_of(_put(archive, partition, day, pa.concat_tables(ends)))
            for name in TABLES:
                moved = pa.concat_tables(_derived_moved(tables[partition, name], *each) for each in shifts)
                archive.root.write(paths[name], parquet_of(moved.sort_by(_ORDERS[name])))
    assert derive(archive).failed == []  # the sums of what was put there


def _shifts(calls: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each day, by its first ms, with the numbers of its copies and how many ms later these are than the original."""
    copies = -(-calls // _ORIGINALS)
    for day in range(min(_DAYS, copies)):
        own = range(day, copies, _DAYS)
        slot_ms = min(_SLOT_MS, (_DAY_MS - _SLOT_MS) // len(own))
        yield _BEGAN_MS + day * _DAY_MS, [(copy, day * _DAY_MS + slot * slot_ms) for slot, copy in enumerate(own)]


def _put(archive: Archive, partition: int, day_ms: int, rows: pa.Table) -> ArchiveFile:
    first, last = (StreamId(rows["stream_ms"][place].as_py()) for place in (0, len(rows) - 1))
    file = ArchiveFile("bench", partition, first, last, datetime.fromtimestamp(day_ms / 1000, UTC).strftime("%Y-%m-%d"))
    archive.put(file, rows, after=StreamId(first.ms - 1), level=1)
    return file


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


def _derived_moved(rows: pa.Table, copy: int, shift_ms: int) -> pa.Table:
    """The same for rows of a derived table. Places within structs stay: they count for calls in several files only."""
    for number, field in enumerate(rows.schema):
        old = rows[field.name]
        if field.name in {"call", "id", "request", "missing"}:
            parts = [pc.utf8_slice_codeunits(old, 0, 35), f"{copy:04x}", pc.utf8_slice_codeunits(old, 39), ""]
            new = pc.binary_join_element_wise(*parts)
        elif field.name in {"time", "predicted"}:
            new = pc.add(old, pa.scalar(shift_ms * 1000, pa.duration("us")))
        elif field.name in {"place", "asked_place", "answered_place"}:
            new = pc.add(old, shift_ms << 20)
        elif field.name == "at":
            new = pc.add(old, shift_ms / 1000)
        else:
            continue
        rows = rows.set_column(number, field.name, new.cast(field.type))
    return rows


def _bytes(folder: str, pattern: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).glob(pattern))


# -- the process that asks


def _page(records: CallDatabase) -> None:
    assert find_calls(records, CallFilter()).rows


def _page_by_words(records: CallDatabase) -> None:
    assert find_calls(records, CallFilter(words=_SELDOM)).rows


def _p95(records: CallDatabase) -> None:
    p95 = {row["stage"]: row["p95"] for row in latency(records)}
    assert p95["total"] > p95["first_token"] > 0


def _figures(records: CallDatabase) -> None:
    assert figures_by(records, "day").groups


def _report(records: CallDatabase) -> None:
    assert report(records)["totals"]["calls"] > 0


def _seldom(records: CallDatabase) -> None:
    _find(records, _SELDOM)


def _often(records: CallDatabase) -> None:
    _find(records, _OFTEN)


def _find(records: CallDatabase, words: str) -> None:
    wanted = WantedWords(words)
    found, of = utterances_with(records, wanted)
    assert len(best_matches([(each.text, each.at) for each in found], wanted, 50, of=of)) == 50


_WORDS = Calls().words
#: a word that about one utterance of 300 has, and one that every other has
_SELDOM, _OFTEN = _WORDS[900], _WORDS[2]
QUESTIONS: dict[str, Callable[[CallDatabase], object]] = {
    "first_page": _page,
    "page_by_words": _page_by_words,
    "find_seldom_word": _seldom,
    "find_frequent_word": _often,
    "p95_by_stage": _p95,
    "figures_by_day": _figures,
    "report": _report,
}


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
        "peak_rss_mb": most_mb(),
    }
    print(json.dumps({name: round(value) for name, value in figures.items()}))


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    uvloop.run(_ask(options["folder"], options["question"]))
