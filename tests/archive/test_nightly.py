"""At night one worker of a system compacts the whole archive, once; what was broken off is done by another."""

import asyncio
import json
import sys
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
import structlog

from orchestra.archive.archive import Archive
from orchestra.archive.nightly import NightlyCompaction, night_of
from orchestra.bus import Entry
from orchestra.cli import main
from orchestra.testing import TestBus

AT = time(2, 0)


class Clock:
    def __init__(self, hour: int, minute: int) -> None:
        self.now = datetime(2026, 11, 22, hour, minute)  # noqa: DTZ001 - local time

    def time(self) -> float:
        return self.now.timestamp()

    def monotonic(self) -> float:
        return self.now.timestamp()


@pytest.mark.parametrize(
    ("now", "at", "began"),
    [
        ("2026-11-22 02:00", time(2, 0), "2026-11-22 02:00"),
        ("2026-11-22 05:59", time(2, 0), "2026-11-22 02:00"),
        ("2026-11-22 06:00", time(2, 0), None),
        ("2026-11-22 01:59", time(2, 0), None),
        ("2026-11-22 01:30", time(23, 30), "2026-11-21 23:30"),
        ("2026-11-22 12:00", time(2, 0), None),
    ],
)
def test_a_night_lasts_four_hours(now: str, at: time, began: str | None) -> None:
    expected = None if began is None else datetime.fromisoformat(began)
    assert night_of(datetime.fromisoformat(now), at) == expected


def fill(archive: Archive) -> None:
    for number in range(1, 7):
        body = json.dumps({"type": "note", "call": "03-x", "id": f"e{number}"}).encode()
        archive.write("j", [Entry(f"{1_763_830_000_000 + number}-0", 3, "events", "note", "03-x", f"e{number}", body)])


def worker(bus: TestBus, archive: Archive, clock: Clock, at: time = AT, *, jitter_s: float = 0.0) -> NightlyCompaction:
    return NightlyCompaction(bus.bus, archive, at, clock=clock, jitter_s=jitter_s)


def tonight() -> tuple[Clock, time]:
    """Now, and when the night began for it: the record of a compaction has the real time."""
    clock = Clock(0, 0)
    clock.now = datetime.now()  # noqa: DTZ005 - local time
    return clock, (clock.now - timedelta(minutes=10)).time().replace(second=0, microsecond=0)


async def test_nobody_compacts_by_day_or_before_its_own_minute_or_while_another_does(
    bus: TestBus, tmp_path: Path
) -> None:
    archive = Archive(str(tmp_path / "archive"))
    assert not await worker(bus, archive, Clock(12, 0)).look()
    assert not await worker(bus, archive, Clock(2, 10), jitter_s=900).look()
    await bus.bus.redis.set("orchestra:{shared}:compaction", "another", px=60_000)
    assert not await worker(bus, archive, Clock(2, 10)).look()


@pytest.mark.integration
async def test_one_worker_compacts_once_a_night_and_status_says_so(
    bus: TestBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, (clock, at) = Archive(str(tmp_path / "archive")), tonight()
    await asyncio.to_thread(fill, archive)
    with structlog.testing.capture_logs() as logs:
        done = await asyncio.gather(*(worker(bus, archive, clock, at).look() for _ in range(3)))
    assert sum(done) == 1
    ended = next(log for log in logs if log["event"] == "compaction.ended")
    assert (ended["merged"], ended["made"]) == (6, 1)
    assert len(archive.files()) == 1
    assert not await bus.bus.redis.exists("orchestra:{shared}:compaction")
    assert not await worker(bus, archive, clock, at).look()
    monkeypatch.setenv("ORCHESTRA_ARCHIVE_URL", str(tmp_path / "archive"))
    monkeypatch.setattr(sys, "argv", ["orchestra", "archive", "status"])
    with pytest.raises(SystemExit) as left:
        await asyncio.to_thread(main)
    assert left.value.code == 0
    assert "6 files became 1; each night from 02:00 on" in " ".join(capsys.readouterr().out.split())


@pytest.mark.integration
async def test_what_a_dying_worker_has_broken_off_is_done_by_another(
    bus: TestBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, (clock, at) = Archive(str(tmp_path / "archive")), tonight()
    await asyncio.to_thread(fill, archive)
    first = asyncio.create_task(worker(bus, archive, clock, at).look())
    async with asyncio.timeout(20):
        while not await bus.bus.redis.exists("orchestra:{shared}:compaction"):  # noqa: ASYNC110 - it is about to
            await asyncio.sleep(0.005)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await worker(bus, archive, clock, at).look()
    assert len(archive.files()) == 1
    blocked = tmp_path / "file"
    blocked.touch()
    broken = worker(bus, Archive(str(blocked / "archive")), clock, at)
    with structlog.testing.capture_logs() as logs:
        assert not await broken.look()
        assert not await broken.look()  # not again at once
    assert [log["event"] for log in logs].count("compaction.failed") == 1
