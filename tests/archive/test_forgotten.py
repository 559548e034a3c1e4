"""A call that is forgotten is in no file of the archive, whatever else is done to it at the same time."""

import asyncio
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import duckdb
import pytest

from orchestra.analysis.query import CallDatabase
from orchestra.archive.archive import Archive, ArchiveFile
from orchestra.archive.compact import compact, find_gaps
from orchestra.archive.derived.derive import derive
from orchestra.archive.derived.files import derived_files
from orchestra.archive.forgotten import remove_calls
from orchestra.archive.latest_calls import latest_calls
from orchestra.bus import Entry
from orchestra.bus.keys import new_call
from orchestra.bus.stream.stream_id import StreamId
from orchestra.settings import Settings
from orchestra_schemas import CallEnded, CallStarted, Event, UserTurnEnded, encode

BEGAN_MS = 1_763_855_700_000


def journal(call: str, words: str) -> list[Event]:
    return [
        CallStarted(call=call, id=f"{call}:1", at=BEGAN_MS / 1000, from_number="+15550001", to_number="+15550100"),
        UserTurnEnded(call=call, id=f"{call}:2", at=BEGAN_MS / 1000 + 1, turn=1, text=words),
        CallEnded(call=call, id=f"{call}:3", at=BEGAN_MS / 1000 + 2, turn=1, reason="caller_hung_up", duration_s=2.0),
    ]


def entries(events: list[Event], begins_ms: int = BEGAN_MS) -> Iterator[Entry]:
    for number, event in enumerate(events):
        fields = encode(event)
        tag, body = fields[b"type"].decode(), fields[b"body"]
        yield Entry(f"{begins_ms + number * 1000}-0", int(event.call[:2]), "events", tag, event.call, event.id, body)


CALLS = [new_call(3, BEGAN_MS - 1, bytes([number] * 10)) for number in range(6)]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Six calls whose events come in turn, in six files of which the first three have derived tables."""
    archive = Archive(str(tmp_path))
    journals = [journal(call, f"marmalade {call[-4:]}") for call in CALLS]
    rows = list(entries([event for step in zip(*journals, strict=True) for event in step]))
    after = StreamId(0)
    for start in range(0, len(rows), 3):
        after = archive.write("j", rows[start : start + 3], after=after)[-1].last
        if start == 6:
            derive(archive)
    return archive


def contents(archive: Archive) -> str:
    """Everything that the files of an archive say, whichever they are, and their names."""
    assert archive.root.folder is not None
    said = []
    for path in sorted(archive.root.folder.rglob("*")):
        said.append(str(path))
        if path.suffix == ".parquet":
            said.append(str(duckdb.execute(f"FROM read_parquet('{path}')").fetchall()))
        elif path.is_file():
            said.append(path.read_bytes().decode("latin-1"))
    return "\n".join(said)


def figures(archive: Archive) -> list[tuple[object, ...]]:
    with closing(asyncio.run(CallDatabase.open(Settings(archive_url=archive.root.location), journal=False))) as records:
        records.totals(["calls", "turns"], None, None)
        rows = records.rows("SELECT kind, sum(number) AS n FROM totals GROUP BY kind ORDER BY kind")
        calls = records.rows("SELECT call FROM calls ORDER BY call")
    return [tuple(row.values()) for row in [*rows, *calls]]


def test_nothing_of_a_forgotten_call_is_left_and_everything_of_the_others_is(archive: Archive) -> None:
    gone, kept = CALLS[:2], CALLS[2:]
    before, files = list(archive.entries()), archive.files()
    there = remove_calls(archive, gone, dry_run=True)
    assert (there.events, there.files, there.derived, there.failed) == (6, 3, 1, [])
    assert gone[0] in contents(archive)
    done = remove_calls(archive, gone)
    assert (done.events, done.files, done.derived) == (6, 3, 1)
    assert not [call for call in gone if call in contents(archive) or f"marmalade {call[-4:]}" in contents(archive)]
    assert list(archive.entries()) == [entry for entry in before if entry.call in kept]
    assert (archive.files(), find_gaps(archive)) == (files, [])
    assert figures(archive) == [("calls", 4), ("turns", 4), *((call,) for call in sorted(kept))]
    assert {each[0].call for each in latest_calls(archive, 9)} == set(kept)
    assert remove_calls(archive, gone).events == 0


@pytest.mark.integration
def test_what_is_archived_derived_or_merged_afterwards_has_nothing_of_it(archive: Archive) -> None:
    gone = CALLS[0]
    remove_calls(archive, [gone])
    late = list(entries([UserTurnEnded(call=gone, id=f"{gone}:9", turn=2, text="too late")], BEGAN_MS + 60_000))
    archive.write("j", late, after=archive.last("j", 3))
    assert archive.last("j", 3) == StreamId(BEGAN_MS + 60_000)
    compact(archive, settle_s=0)
    assert gone not in contents(archive)
    assert "too late" not in contents(archive)
    assert len(archive.files()) == len(derived_files(archive)) == 1
    assert figures(archive)[0] == ("calls", 5)


@pytest.mark.integration
def test_all_events_of_a_file_may_go(archive: Archive) -> None:
    remove_calls(archive, CALLS)
    assert list(archive.entries()) == []
    assert find_gaps(archive) == []
    compact(archive, settle_s=0)
    assert (figures(archive), latest_calls(archive, 9), list(archive.entries())) == ([], [], [])


class KilledError(Exception):
    """The process ends here."""


@pytest.mark.faults
def test_a_run_that_is_killed_at_any_write_leaves_a_readable_archive_and_the_next_one_ends_it(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, kept = CALLS[1], [call for call in CALLS if call != CALLS[1]]
    write, left, runs = archive.root.write, 0, 0

    def killed(path: str, content: bytes) -> None:
        nonlocal left
        if not left:
            raise KilledError
        left -= 1
        write(path, content)

    monkeypatch.setattr(archive.root, "write", killed)
    while True:
        left = runs = runs + 1  # one write later each time
        with suppress(KilledError):
            remove_calls(archive, [gone])
            break
        assert {entry.call for entry in archive.entries()} >= set(kept)
        assert ("calls", 6) in figures(archive) or ("calls", 5) in figures(archive)
        assert runs < 20
    assert runs > 3
    assert gone not in contents(archive)
    assert figures(archive)[:2] == [("calls", 5), ("turns", 5)]


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(2))
def test_calls_are_forgotten_while_others_write_merge_and_forget(archive: Archive, seed: int) -> None:
    assert archive.root.folder is not None
    place, chance = str(archive.root.folder), random.Random(seed)
    more = [new_call(3, BEGAN_MS + 100_000, bytes([seed, number] * 5)) for number in range(8)]
    gone = [*CALLS[:3], *more[:3]]

    def write() -> None:
        own, after = Archive(place), archive.last("j", 3)
        for number, call in enumerate(more):
            after = own.write(
                "j", list(entries(journal(call, "more"), BEGAN_MS + 100_000 + number * 5000)), after=after
            )[-1].last

    def merge() -> None:
        for _ in range(3):
            with suppress(FileNotFoundError):  # another one has merged it already
                compact(Archive(place), settle_s=0)

    def forget(calls: list[str]) -> None:
        assert remove_calls(Archive(place), calls).failed == []

    jobs = [write, merge, merge, *((lambda call=call: forget([call])) for call in gone)]
    chance.shuffle(jobs)
    with ThreadPoolExecutor(len(jobs)) as threads:
        for done in [threads.submit(job) for job in jobs]:
            done.result()
    assert not [call for call in gone if call in contents(archive)]
    compact(archive, settle_s=0)
    kept = sorted({*CALLS, *more} - set(gone))
    assert sorted({entry.call for entry in archive.entries()}) == kept
    assert len(list(archive.entries())) == 3 * len(kept)
    assert figures(archive)[0] == ("calls", len(kept))


def test_a_draft_of_a_dead_process_goes_and_one_that_is_being_written_stays(archive: Archive) -> None:
    assert archive.root.folder is not None
    file = archive.root.folder / min(archive.files()).path
    dead, alive = (file.with_name(f"{file.name}.{word}.part") for word in ("dead", "alive"))
    dead.write_bytes(b"half")
    alive.write_bytes(b"half")
    os.utime(dead, (1.0, 1.0))
    remove_calls(archive, CALLS[:1])
    assert (dead.exists(), alive.exists()) == (False, True)


def test_a_damaged_file_is_named_and_keeps_no_other_from_being_cleared(archive: Archive) -> None:
    file: ArchiveFile = min(archive.files())
    archive.root.write(file.path, b"PAR1 and then nothing")
    done = remove_calls(archive, CALLS[:1])
    assert done.files == 2
    assert [file.path in sentence for sentence in done.failed] == [True]
