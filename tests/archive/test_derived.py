"""What is derived of the archive's events, in whatever pieces, says what the events say."""

import asyncio
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

from orchestra.analysis.query import CallDatabase
from orchestra.analysis.sql_views import VIEWS
from orchestra.archive.archive import BEGINNING, Archive, effective_parts
from orchestra.archive.compact import compact
from orchestra.archive.derived.derive import FEW_FILES, derive, rebuild, sweep_derived
from orchestra.archive.derived.files import LAST, coverage, derived_archive, derived_files, paths_of
from orchestra.archive.derived.tables import TABLES
from orchestra.archive.writer import ArchiveWriter
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.stream_id import StreamId
from orchestra.cli import app
from orchestra.errors import UsageError
from orchestra.settings import Settings
from orchestra_schemas import CallAccessed, CallAnalysed, Event, encode
from tests.history.journals import GOLDEN, made_up_call, read_journal

#: five minutes before midnight, so that some calls span two days
BEGAN_MS = 1_763_855_700_000
STEP_MS = 2_000


def rewritten(events: Sequence[Event], number: int) -> list[Event]:
    """A call under an id of its own, on one of two partitions."""
    call = f"{number % 2:02d}-0199a0b4-c0de-7000-8000-{number:012x}"
    old = events[0].call
    return [
        replace(event, call=call, id=event.id.replace(old, call), cause=event.cause.replace(old, call))
        for event in events
    ]


def interleaved(journals: list[list[Event]], random: Random) -> Iterator[Entry]:
    """The entries of calls that run at the same time, as a server would store them."""
    waiting, number = [list(reversed(journal)) for journal in journals], 0
    while waiting := [journal for journal in waiting if journal]:
        event = random.choice(waiting).pop()
        number += 1
        fields = encode(event)
        partition = int(event.call[:2])
        stream_id = f"{BEGAN_MS + number * STEP_MS}-{number % 3}"
        yield Entry(stream_id, partition, JOURNAL, fields[b"type"].decode(), event.call, event.id, fields[b"body"])


def made_up(seed: int) -> list[Entry]:
    random = Random(seed)
    journals = [rewritten(made_up_call(random), number) for number in range(6)]
    journals.append(rewritten(read_journal(GOLDEN[seed % len(GOLDEN)]), 7))
    return list(interleaved(journals, random))


def pieces(entries: list[Entry], random: Random) -> Iterator[list[Entry]]:
    """The entries in runs of random length."""
    while entries:
        count = random.choice((1, 7, 40, 200))
        yield entries[:count]
        entries = entries[count:]


Answers = dict[str, list[str]]


def rows_of(records: CallDatabase, views: Collection[str] = VIEWS) -> Answers:
    """The rows of these views, in one order."""
    return {view: sorted(map(repr, records.rows(f"SELECT * FROM {view}"))) for view in views}


def everything(kept_in: Path | str, warnings: list[str] | None = None, *, views: Collection[str] = VIEWS) -> Answers:
    """The rows of views of the archive in a data directory, or at a URL; it warns only where that is expected."""
    told: list[str] = []
    settings = Settings(data_dir=kept_in) if isinstance(kept_in, Path) else Settings(archive_url=kept_in)

    async def read() -> Answers:
        with closing(await CallDatabase.open(settings, journal=False, on_warning=told.append)) as records:
            return rows_of(records, views)

    found = asyncio.run(read())
    if warnings is None:
        assert told == []
    else:
        warnings += told
    return found


def archive_of(folder: Path) -> Archive:
    return Archive.of(Settings(data_dir=folder))


Step = Callable[[Archive], Any]


def written_in_pieces(folder: Path, entries: list[Entry], steps: Sequence[Step | None], random: Random) -> None:
    """An archive of these entries, of which some come before each step, and all before the last."""
    archive = archive_of(folder)
    waiting = list(pieces(entries, random))
    for number, step in enumerate(steps, 1):
        count = len(waiting) if number == len(steps) else random.randint(0, len(waiting))
        for piece in waiting[:count]:
            archive.write("j", piece)
        waiting = waiting[count:]
        if step is not None:
            step(archive)


STEPS: list[Step | None] = [
    None,
    derive,
    lambda archive: derive(archive, few=50),
    lambda archive: derive(archive, join=True),
    lambda archive: compact(archive, settle_s=0, most_rows=150),
    lambda archive: compact(archive, settle_s=0),
    lambda archive: rebuild(archive, progress=no_progress, settle_s=0),
]


@pytest.mark.integration
@given(seed=st.integers(0, 10_000), steps=st.lists(st.sampled_from(STEPS), min_size=2, max_size=6))
@settings(max_examples=int(os.environ.get("ORCHESTRA_TEST_EXAMPLES", "4")), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
def test_every_view_says_of_derived_rows_what_it_says_of_events(
    seed: int, steps: list[Step | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, random = tmp_path_factory.mktemp("derived"), Random(seed)
    entries = [entry for entry in made_up(seed) if entry.partition == 1]
    archive_of(folder / "plain").write("j", entries)
    written_in_pieces(folder / "pieces", entries, steps, random)
    assert everything(folder / "pieces") == everything(folder / "plain")


def of_partition(number: int) -> list[Entry]:
    return [entry for entry in made_up(3) if entry.partition == number]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory that `kept` is a copy of."""
    folder, entries, after = tmp_path_factory.mktemp("made"), of_partition(1), BEGINNING
    archive = archive_of(folder)
    for start in range(0, len(entries), 40):
        after = archive.write("j", entries[start : start + 40], after=after)[-1].last
        if start < 100:
            assert derive(archive).failed == []
    return folder


@pytest.fixture(scope="module")
def answers(made: Path) -> Answers:
    """The rows of all views of `kept`."""
    return everything(made)


@pytest.fixture
def kept(made: Path, tmp_path: Path) -> Archive:
    """An archive with derived tables of a part of its files: a call is in several."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return archive_of(tmp_path)


def no_progress(_done: int, _of: int) -> None:
    """Nobody looks."""


def without_derived(archive: Archive, to: Path) -> Path:
    """A data directory with the same files of events, and nothing derived of them."""
    for file in archive.files():
        archive_of(to).root.write(file.path, archive.root.read(file.path))
    return to


def ranges(archive: Archive) -> tuple[int, int]:
    """The number of derived ranges that count, and of parts of files without."""
    covered = coverage(effective_parts(archive.files()), derived_files(archive))
    return len(covered.derived), len(covered.raw)


def test_files_are_joined_to_one_range_and_the_old_ones_go(kept: Archive) -> None:
    assert ranges(kept)[0] == 4
    assert ranges(kept)[1] > 0
    done = compact(kept, settle_s=0)
    assert done.not_derived == []
    days = {file.day for file in kept.files()}
    assert ranges(kept) == (len(days), 0)
    assert len(derived_files(kept)) == len(days)
    assert {len(derived_archive(kept, table).files()) for table in TABLES} == {len(days)}


def test_a_file_that_is_deleted_takes_what_was_derived_of_it_out_of_every_answer(kept: Archive, tmp_path: Path) -> None:
    compact(kept, settle_s=0)
    for file in kept.files():
        kept.root.remove(file.path)
    assert set(map(len, everything(tmp_path).values())) == {0}
    compact(kept, settle_s=0)
    assert derived_files(kept) == []


def test_after_a_file_of_events_was_deleted_a_rebuild_leaves_nothing_of_it(
    kept: Archive, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    derive(kept, join=True)
    assert ranges(kept)[1] == 0
    kept.root.remove(sorted(kept.files())[1].path)
    done = rebuild(kept, progress=no_progress, settle_s=0)
    assert done.failed == []
    assert {frozenset(derived_archive(kept, table).files()) for table in TABLES} == {frozenset(done.made)}
    assert everything(tmp_path) == everything(without_derived(kept, tmp_path_factory.mktemp("plain")))


def test_tables_that_another_process_is_writing_are_no_halves_of_a_dead_one(
    kept: Archive, answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, written, *_ = (paths_of(file) for file in derived_files(kept))
    last = kept.root.read(written[LAST])
    for paths in (dead, written):
        kept.root.remove(paths[LAST])
    monkeypatch.setattr("time.sleep", lambda _: kept.root.write(written[LAST], last))
    sweep_derived(kept)
    assert {len(derived_archive(kept, table).files()) for table in TABLES} == {ranges(kept)[0]} == {3}
    assert everything(tmp_path) == answers


def test_an_old_range_that_a_rebuild_cannot_remove_is_told(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    derive(kept, join=True)
    kept.root.remove(sorted(kept.files())[2].path)
    monkeypatch.setattr(kept.root, "remove", refuse)
    with pytest.raises(PermissionError):
        rebuild(kept, progress=no_progress, settle_s=0)


def test_a_damaged_file_of_events_keeps_no_other_day_from_its_derived_tables(kept: Archive) -> None:
    first, *_, last = sorted(kept.files())
    assert first.day != last.day
    kept.root.write(first.path, b"no parquet")
    for done in (derive(kept, join=True), rebuild(kept, progress=no_progress, settle_s=0)):
        assert [first.path in reason and "damaged" in reason for reason in done.failed] == [True]
        assert {file.day for file in done.made} == {last.day}
    assert {file.day for file in derived_files(kept)} == {last.day}


def test_what_needs_no_joining_is_not_opened(kept: Archive, tmp_path: Path) -> None:
    compact(kept, settle_s=0)
    first = min(kept.files())
    kept.root.write(first.path, b"no parquet")
    assert compact(kept, settle_s=0).not_derived == []
    assert len(derived_files(kept)) == len(kept.files())


def test_an_archive_at_a_url_has_derived_tables_too(
    kept: Archive, answers: Answers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = f"memory://{tmp_path_factory.mktemp('derived').name}/archive"
    there = Archive(url)
    for file in kept.files():
        there.root.write(file.path, kept.root.read(file.path))
    assert derive(there).failed == []
    assert ranges(there)[0] > 0
    assert everything(url) == answers
    compact(there, settle_s=0)
    assert ranges(there) == (len(there.files()), 0)
    assert everything(url) == answers


def test_calls_that_two_journals_have_are_counted_once_whichever_of_them_has_derived_tables(tmp_path: Path) -> None:
    archive, entries = archive_of(tmp_path), of_partition(1)
    alone, views = entries[-1].call, ("events", "calls", "turns", "holes")
    archive.write("old", [entry for entry in entries[:80] if entry.call != alone])
    archive.write("new", entries[40:])
    expected = everything(tmp_path, views=views)
    ids = {(entry.call, entry.id) for entry in entries if entry.call != alone or entry in entries[40:]}
    assert len(expected["events"]) == len(ids)
    for number, journal in enumerate(("old", "new"), 1):
        assert derive(archive, journal=journal).failed == []
        assert ranges(archive)[0] >= number
        assert everything(tmp_path, views=views) == expected
    assert ranges(archive)[1] == 0


async def test_files_that_are_merged_while_a_database_is_open_change_no_answer(
    kept: Archive, answers: Answers, tmp_path: Path
) -> None:
    warnings: list[str] = []
    settings = Settings(data_dir=tmp_path)
    with (
        closing(await CallDatabase.open(settings, journal=False, on_warning=warnings.append)) as records,
        closing(await CallDatabase.open(settings, journal=False, on_warning=warnings.append)) as others,
    ):
        compact(kept, settle_s=0)
        assert rows_of(records) == answers
        others.keep(*TABLES)
        assert rows_of(others) == answers
        with pytest.raises(UsageError, match="refused"):
            others.rows("SELECT * FROM read_csv('/etc/passwd')")
    assert warnings == []


def test_a_process_that_died_between_two_tables_leaves_nothing_that_counts(
    kept: Archive, answers: Answers, tmp_path: Path
) -> None:
    for file in derived_files(kept):
        kept.root.remove(paths_of(file)[LAST])
    assert ranges(kept)[0] == 0
    assert everything(tmp_path) == answers
    assert len(derive(kept).made) == len({file.day for file in kept.files()})
    assert everything(tmp_path) == answers


@pytest.mark.parametrize("table", ["calls", "words"])
def test_a_damaged_derived_file_is_named_and_its_events_are_read_instead(
    kept: Archive, answers: Answers, tmp_path: Path, table: str
) -> None:
    warnings = list[str]()
    path = paths_of(derived_files(kept)[0])[table]
    kept.root.write(path, kept.root.read(path)[:-300] + b"\xff" * 300)
    assert everything(tmp_path, warnings) == answers
    assert len(warnings) == 1
    assert path in warnings[0]
    assert "orchestra archive rebuild" in warnings[0]
    rebuild(kept, progress=no_progress, settle_s=0)
    assert everything(tmp_path) == answers


async def test_the_worker_derives_as_it_goes(tmp_path: Path) -> None:
    async def journal() -> str:
        return "j"

    archive, entries = archive_of(tmp_path), [entry for entry in made_up(3) if entry.partition == 1][:120]
    writer = ArchiveWriter(archive, journal, flush_s=0.0, rows=1)
    for start in range(0, len(entries), 4):
        await writer.keep(entries[start : start + 4])
    await writer.close()
    assert list(archive.entries()) == entries
    assert ranges(archive)[0] > 0
    assert ranges(archive)[1] < FEW_FILES


def test_the_command_makes_every_table_again(kept: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("orchestra.archive.derived.derive.SETTLE_S", 0.0)
    kept.root.write("derived/0/calls/2025-11-22/p01-j/1-0_2-0.parquet", b"of another version")
    done = CliRunner().invoke(app, ["archive", "rebuild"])
    assert done.exit_code == 0
    days = len({file.day for file in kept.files()})
    assert f"the derived tables of {days} ranges of events were made" in done.stdout
    assert ranges(kept) == (days, 0)
    assert kept.root.names("derived/0/calls/2025-11-22/p01-j") == []


def split_calls(folder: Path) -> set[str]:
    """The calls whose derived rows are in several places."""
    opened = asyncio.run(CallDatabase.open(Settings(data_dir=folder), journal=False))
    with closing(opened) as records:
        return {row["call"] for row in records.rows("FROM split")}


def test_what_comes_after_a_call_leaves_its_rows_in_one_place(tmp_path: Path) -> None:
    """A judge's verdict or a person's look, days later and in another file."""
    archive, entries = archive_of(tmp_path), of_partition(1)
    after = archive.write("j", entries)[-1].last
    before = everything(tmp_path)
    calls = sorted({entry.call for entry in entries})
    late: list[Event] = [CallAnalysed(call=call, success=True) for call in calls]
    late += [CallAccessed(call=call, operator="ann", action="played recording") for call in calls]
    last_ms, stored = StreamId.parse(entries[-1].stream_id).ms, []
    for number, event in enumerate(late, 1):
        at_ms, own = last_ms + 200_000_000 + number, f"{event.call}:late:{number}"
        fields = encode(replace(event, id=own, at=at_ms / 1000))
        stored.append(Entry(f"{at_ms}-0", 1, JOURNAL, fields[b"type"].decode(), event.call, own, fields[b"body"]))
    derive(archive)
    over_midnight = split_calls(tmp_path)
    archive.write("j", stored[: len(calls)], after=after)
    derive(archive)
    archive.write("j", stored[len(calls) :], after=max(file.last for file in archive.files()))
    counted = {"calls", "turns", "tools", "speech", "predictions", "holes"} & set(before)
    assert {view: rows for view, rows in everything(tmp_path).items() if view in counted} == {
        view: rows for view, rows in before.items() if view in counted
    }
    assert over_midnight < set(calls)
    assert split_calls(tmp_path) == over_midnight
