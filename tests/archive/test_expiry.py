"""Calls leave the archive when their time is over, held ones and those of apps that keep them for longer do not."""

from pathlib import Path

import pytest

from orchestra.archive.archive import Archive
from orchestra.archive.compact import find_gaps
from orchestra.archive.derived.derive import derive
from orchestra.archive.derived.files import derived_files
from orchestra.archive.expiry import ArchiveSweeps
from orchestra.bus import Entry
from orchestra.bus.keys import new_call
from orchestra.bus.stream.stream_id import StreamId
from orchestra.retention.policy import KeepDays
from orchestra_schemas import AlarmRaised, CallEnded, CallStarted, Event, encode

NOW_MS = 1_763_855_700_000
DAY_MS = 86_400_000


def entry(event: Event, days: float) -> Entry:
    fields = encode(event)
    return Entry(
        f"{NOW_MS - int(days * DAY_MS)}-0", 3, "events", fields[b"type"].decode(), event.call, event.id, fields[b"body"]
    )


def call_of(days: float) -> str:
    return new_call(3, NOW_MS - int(days * DAY_MS))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(str(tmp_path))


def write(archive: Archive, *files: list[Entry]) -> None:
    after = StreamId(0)
    for rows in files:
        after = archive.write("j", rows, after=after)[-1].last


def calls_in(archive: Archive) -> set[str]:
    return {each.call for each in archive.entries()}


@pytest.mark.integration
def test_expired_calls_go_and_the_empty_files_at_the_beginning_with_them(archive: Archive) -> None:
    old, clinic, held, young = call_of(40), call_of(39.9), call_of(39.8), call_of(10)
    alarm = AlarmRaised(call=f"03-{'0' * 8}-0000-4000-8000-000000000000", monitor="m")
    write(
        archive,
        [entry(CallStarted(call=old, app="shop"), 40)],
        [entry(CallStarted(call=clinic, app="clinic"), 39.9), entry(CallEnded(call=old, reason="silence"), 39.85)],
        [entry(CallStarted(call=held, app="shop"), 39.8), entry(alarm, 39.7)],
        [entry(CallEnded(call=clinic, reason="silence"), 39.6)],
        [entry(CallStarted(call=young, app="shop"), 10)],
    )
    derive(archive)
    sweeps, now = ArchiveSweeps(archive, KeepDays(30, {"clinic": 100})), NOW_MS / 1000
    assert sweeps.run([3], {held}, now, dry_run=True) == 2
    assert sweeps.run([2], {held}, now) == 0
    assert len(calls_in(archive)) == 5
    assert sweeps.run([3], {held}, now) == 2
    assert calls_in(archive) == {clinic, held, young}
    assert (len(archive.files()), find_gaps(archive)) == (4, [])
    assert sweeps.run([3], set(), now + 3600) == 0  # looked at again a day later
    assert sweeps.run([3], set(), now + 25 * 3600) == 1
    assert sweeps.run([3], set(), now + 100 * 24 * 3600) == 2
    assert calls_in(archive) == set()
    assert archive.last("j", 3) == StreamId(NOW_MS - 10 * DAY_MS)  # the worker goes on after it
    assert find_gaps(archive) == []


def test_what_is_derived_of_expired_calls_goes_even_if_the_sweep_before_was_killed(archive: Archive) -> None:
    old, young = call_of(40), call_of(39.999)
    write(archive, [entry(CallStarted(call=old), 40), entry(CallStarted(call=young), 39.999)])
    derive(archive)
    for file in archive.files():  # as if it was killed then
        archive.rewrite(file, lambda calls: [call for call in calls if call == old])
    ArchiveSweeps(archive, KeepDays(39.9995)).run([3], set(), NOW_MS / 1000)
    assert archive.root.folder is not None
    (covered,) = derived_files(archive)
    (calls,) = archive.root.folder.glob(f"derived/*/calls/{covered.path}")
    assert old.encode() not in calls.read_bytes()
