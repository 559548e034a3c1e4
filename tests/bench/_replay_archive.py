"""The archive: events per second and core of the worker, the size of its files, and a query over a million events.

``python -m tests.bench._replay_archive '{"url": …}'`` is the worker's process: it prints a line when it is ready, and a
line of JSON when every event is in a file.
"""

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import redis
import uvloop

from orchestra.analysis.query import CallDatabase
from orchestra.archive.archive import Archive, ArchiveFile
from orchestra.archive.compact import compact
from orchestra.archive.parquet import sort_by_stream_id
from orchestra.bus import Bus, EmbeddedServer, run_consumer
from orchestra.bus.stream.stream_id import StreamId
from orchestra.bus.worker.process import tune_gc
from orchestra.settings import Settings
from orchestra_schemas.speech import TURN_TIMES
from tests.bench._replay_events import EVENTS, interleaved, stream_key

QUERY_EVENTS = 1_000_000
QUERY = f"SELECT {', '.join(f'quantile_cont({stage}, 0.95) AS {stage}' for stage in TURN_TIMES)} FROM turns"
_TURNS = 7


async def archive_figures(calls: int = 1000) -> dict[str, float]:
    """``calls`` synthetic calls of 200 events, archived, merged, and multiplied to a million events for the query."""
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        data = Path(folder)
        async with EmbeddedServer(data) as server:
            _fill(server.url, calls)
            done = await _worker(server.url, data, calls * EVENTS)
        archive = Archive(str(data / "archive"))
        written = _bytes(archive)
        started = time.process_time()
        compact(archive, settle_s=0)
        merging_s = time.process_time() - started
        figures = {
            "archive_events_per_s_per_core": round(calls * EVENTS / done["cpu_s"]),
            "archive_peak_rss_mb": round(done["peak_rss_mb"]),
            "bytes_per_event": round(_bytes(archive) / (calls * EVENTS), 1),
            "bytes_per_event_unmerged": round(written / (calls * EVENTS), 1),
            "compact_events_per_s_per_core": round(calls * EVENTS / merging_s),
        }
        many = Archive(str(data / "many"))
        count = _multiply(archive, many, QUERY_EVENTS * calls // 1000)
        return figures | {"query_events": count} | await _query(many)


def _fill(url: str, calls: int) -> None:
    client = redis.Redis.from_url(url)
    pipe = client.pipeline(transaction=False)
    for number, sealed in enumerate(interleaved(calls)):
        fields = sealed.fields()
        pipe.xadd(stream_key(sealed), dict(zip(fields[::2], fields[1::2], strict=True)))
        if number % 1000 == 999:
            pipe.execute()
    pipe.execute()
    client.close()


async def _worker(url: str, data: Path, events: int) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench._replay_archive",
        json.dumps({"redis_url": url, "data_dir": str(data), "events": events}), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def _bytes(archive: Archive) -> int:
    return sum(archive.root.size(file.path) for file in archive.files())


def _multiply(archive: Archive, many: Archive, events: int) -> int:
    """Copy the merged files under other call ids until there are this many events."""
    files, count = archive.files(), 0
    for copy in range(16):
        for file in files:
            if count >= events:
                return count
            with archive.open(file) as opened:
                rows = sort_by_stream_id(opened.read())
            shift = copy * 10_000_000
            for name in ("call", "id", "cause"):
                changed = pc.replace_substring_regex(rows[name], r"^(\d\d-)019", rf"\1{copy:x}19")
                rows = rows.set_column(rows.schema.get_field_index(name), name, changed)
            shifted = pc.add(rows["stream_ms"], pa.scalar(shift, pa.int64()))
            rows = rows.set_column(rows.schema.get_field_index("stream_ms"), "stream_ms", shifted)
            first, last = (StreamId(each.ms + shift, each.sequence) for each in (file.first, file.last))
            many.put(ArchiveFile(file.journal, file.partition, first, last, file.day), rows, after=StreamId(0), level=9)
            count += len(rows)
    return count


async def _query(many: Archive) -> dict[str, float]:
    started = time.perf_counter()
    records = await CallDatabase.open(Settings(archive_url=many.root.location, data_dir=Path(many.root.location)))
    opened = time.perf_counter() - started
    walls, cpus = [], []
    for _ in range(_TURNS):
        wall, cpu = time.perf_counter(), time.process_time()
        (row,) = records.rows(QUERY)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        assert row["total_ms"] > row["first_token_ms"] > 0
    records.close()
    return {
        "query_1m_events_ms": round(1000 * statistics.median(walls)),
        "query_1m_events_cpu_ms": round(1000 * statistics.median(cpus)),
        "query_open_ms": round(1000 * opened),
    }


# -- the worker's process


async def _archive(options: dict[str, Any]) -> None:
    from orchestra_workers import archive  # noqa: PLC0415 - only needed in that process

    settings = Settings(redis_url=options["redis_url"], data_dir=Path(options["data_dir"]), archive_flush_s=3600)
    bus, stop, ready = await Bus.connect(settings), asyncio.Event(), asyncio.Event()
    tune_gc()
    handler = archive.consumer.entry_handler
    assert handler is not None
    started, begun = time.process_time(), time.perf_counter()
    running = asyncio.create_task(run_consumer(archive.consumer, bus, stop=stop, ready=ready))
    await ready.wait()
    # the stop writes the events that do not fill a file
    while archive.consumer.gauges["orchestra_archive_held"][1]() + handler.handled < options["events"]:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    stop.set()
    await running
    cpu_s, wall_s = time.process_time() - started, time.perf_counter() - begun
    await bus.close()
    assert handler.handled == options["events"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_s": cpu_s, "wall_s": wall_s, "peak_rss_mb": peak}))


if __name__ == "__main__":
    uvloop.run(_archive(json.loads(sys.argv[1])))
