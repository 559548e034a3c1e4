"""What is derived of the archive's events, in whatever pieces, says what the events say."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
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
from orchestra.archive.archive import Archive, effective_parts
from orchestra.archive.compact import compact
from orchestra.archive.derived.derive import FEW_FILES, derive, rebuild
from orchestra.archive.derived.files import LAST, coverage, derived_archive, derived_files, paths_of
from orchestra.archive.derived.tables import TABLES
from orchestra.archive.writer import ArchiveWriter
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.cli import app
from orchestra.settings import Settings
from orchestra_schemas import Event, encode
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
        stream_id = f"{BEGAN_MS + number * STEP_MS // 10}-{number % 3}"
        yield Entry(stream_id, partition, JOURNAL, fields[b"type"].decode(), event.call, event.id, fields[b"body"])


def made_up(seed: int) -> list[Entry]:
    random = Random(seed)
    journals = [rewritten(made_up_call(random), number) for number in range(6)]
    journals.append(rewritten(read_journal(GOLDEN[seed % len(GOLDEN)]), 7))
    return list(interleaved(journals, random))


def pieces(entries: list[Entry], random: Random) -> Iterator[list[Entry]]:
    """The entries of each partition in runs of random length."""
    for partition in sorted({entry.partition for entry in entries}):
        own = [entry for entry in entries if entry.partition == partition]
        while own:
            count = random.choice((1, 7, 40, 200))
            yield own[:count]
            own = own[count:]


def everything(archive: Path) -> dict[str, list[str]]:
    """The rows of all views, in one order."""

    async def read() -> dict[str, list[str]]:
        def complain(text: str) -> None:
            raise AssertionError(text)

        with closing(await CallDatabase.open(Settings(data_dir=archive), on_warning=complain)) as records:
            return {view: sorted(map(repr, records.rows(f"SELECT * FROM {view}"))) for view in VIEWS}

    return asyncio.run(read())


def archive_of(folder: Path) -> Archive:
    return Archive.of(Settings(data_dir=folder))


STEPS: list[Callable[[Archive], Any]] = [
    derive,
    lambda archive: derive(archive, few=50),
    lambda archive: derive(archive, join=True),
    lambda archive: compact(archive, settle_s=0, most_rows=150),
    lambda archive: compact(archive, settle_s=0),
    lambda archive: rebuild(archive, progress=lambda _done, _of: None, settle_s=0),
]


@given(seed=st.integers(0, 10_000), steps=st.lists(st.integers(-1, len(STEPS) - 1), min_size=2, max_size=6))
@settings(max_examples=int(os.environ.get("ORCHESTRA_TEST_EXAMPLES", "4")), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
def test_every_view_says_of_derived_rows_what_it_says_of_events(
    seed: int, steps: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, random, entries = tmp_path_factory.mktemp("derived"), Random(seed), made_up(seed)
    plain = archive_of(folder / "plain")
    for partition in (0, 1):
        plain.write("j", [entry for entry in entries if entry.partition == partition])
    archive = archive_of(folder / "pieces")
    waiting = list(pieces(entries, random))
    for number, step in enumerate(steps, 1):
        count = len(waiting) if number == len(steps) else random.randint(0, len(waiting))
        for piece in waiting[:count]:
            archive.write("j", piece)
        waiting = waiting[count:]
        if step >= 0:
            STEPS[step](archive)
    assert everything(folder / "pieces") == everything(folder / "plain")


@pytest.fixture
def kept(tmp_path: Path) -> Archive:
    """An archive with derived tables of a part of its files: a call is in several."""
    archive, entries = archive_of(tmp_path), [entry for entry in made_up(3) if entry.partition == 1]
    for start in range(0, len(entries), 40):
        archive.write("j", entries[start : start + 40])
        if start < 100:
            assert derive(archive).failed == []
    return archive


def ranges(archive: Archive) -> tuple[int, int]:
    """The number of derived ranges that count, and of parts of files without."""
    covered = coverage(effective_parts(archive.files()), derived_files(archive))
    return len(covered.derived), len(covered.raw)


def test_files_are_joined_to_one_range_and_the_old_ones_go(kept: Archive) -> None:
    assert ranges(kept)[0] == 3
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


def test_a_process_that_died_between_two_tables_leaves_nothing_that_counts(kept: Archive, tmp_path: Path) -> None:
    before = everything(tmp_path)
    for file in derived_files(kept):
        kept.root.remove(paths_of(file)[LAST])
    assert ranges(kept)[0] == 0
    assert everything(tmp_path) == before
    assert derive(kept).made == len({file.day for file in kept.files()})
    assert everything(tmp_path) == before


@pytest.mark.parametrize("table", ["calls", "words"])
def test_a_damaged_derived_file_is_named_and_its_events_are_read_instead(
    kept: Archive, tmp_path: Path, table: str
) -> None:
    before, warnings = everything(tmp_path), list[str]()
    path = paths_of(derived_files(kept)[0])[table]
    kept.root.write(path, kept.root.read(path)[:-300] + b"\xff" * 300)

    async def read() -> dict[str, list[str]]:
        with closing(await CallDatabase.open(Settings(data_dir=tmp_path), on_warning=warnings.append)) as records:
            return {view: sorted(map(repr, records.rows(f"SELECT * FROM {view}"))) for view in VIEWS}

    assert asyncio.run(read()) == before
    assert len(warnings) == 1
    assert path in warnings[0]
    assert "orchestra archive rebuild" in warnings[0]
    rebuild(kept, progress=lambda _done, _of: None, settle_s=0)
    assert everything(tmp_path) == before


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
