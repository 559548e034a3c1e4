"""A file root at any URL: writes succeed whatever its file system lacks or forbids, and its own errors never leak."""

from pathlib import Path

import pytest

from orchestra.analysis.query import CallDatabase
from orchestra.archive.archive import BEGINNING, Archive
from orchestra.archive.compact import compact
from orchestra.errors import MissingExtraError
from orchestra.filesystem import FileRoot
from orchestra.settings import Settings
from tests.archive.test_archive import entry
from tests.storage.odd_filesystems import ODD, Lost, Objects

_JOURNAL = "3f9ac2d1"
_EVERY = [kind.protocol for kind in ODD]


@pytest.fixture(autouse=True)
def _empty() -> None:
    for kind in (*ODD, Lost):
        kind.store.clear()
        kind.pseudo_dirs[:] = [""]
        kind.clear_instance_cache()
    Lost.made = 0


def _write_files(archive: Archive, count: int) -> None:
    """This many consecutive files of one event each."""
    after = BEGINNING
    for number in range(count):
        (file,) = archive.write(_JOURNAL, [entry(number)], after=after)
        after = file.last


@pytest.mark.parametrize("kind", _EVERY)
def test_files_are_written_listed_and_read_on_every_odd_file_system(kind: str) -> None:
    place = FileRoot(f"{kind}://bucket/archive")
    assert place.names() == []
    for content in (b"one", b"other"):
        place.write("day/a.parquet", content)
    assert place.read("day/a.parquet") == b"other"
    assert place.size("day/a.parquet") == 5
    assert place.names() == ["day"]
    assert "a.parquet" in place.names("day")


@pytest.mark.parametrize("kind", _EVERY)
def test_repeated_writes_leave_at_most_one_draft_that_cannot_be_removed(kind: str) -> None:
    place = FileRoot(f"{kind}://bucket/archive")
    for _ in range(5):
        place.write("day/a.parquet", b"content")
    assert len(place.names("day")) <= 2


@pytest.mark.parametrize("kind", _EVERY)
async def test_an_archive_on_an_odd_file_system_is_written_merged_and_queried(kind: str, tmp_path: Path) -> None:
    settings = Settings(archive_url=f"{kind}://bucket/archive", data_dir=tmp_path)
    archive = Archive.of(settings)
    _write_files(archive, 4)
    done = compact(archive, settle_s=0)
    assert (done.merged, done.made) == (4, 1)
    assert done.covered + done.kept >= 4  # drafts included
    assert [each.stream_id for each in archive.entries()] == [entry(number).stream_id for number in range(4)]
    records = await CallDatabase.open(settings)
    try:
        assert records.rows("SELECT count(*) AS n FROM events") == [{"n": 4}]
    finally:
        records.close()


def test_files_that_cannot_be_removed_are_merged_only_once() -> None:
    archive = Archive("objects://bucket/archive")
    _write_files(archive, 3)
    assert compact(archive, settle_s=0).kept == 3
    before = dict(Objects.store)
    again = compact(archive, settle_s=0)
    assert (again.merged, again.made, again.kept) == (0, 0, 3)
    assert set(Objects.store) == set(before)


def test_a_broken_connection_is_reopened_for_the_next_attempt() -> None:
    place = FileRoot("lost://bucket/archive")
    with pytest.raises(OSError, match="EOFError: Socket is closed"):
        place.write("a", b"content")
    place.write("a", b"content")
    assert place.read("a") == b"content"


def test_an_unsupported_url_scheme_is_refused_up_front() -> None:
    with pytest.raises(MissingExtraError, match="gopher"):
        FileRoot("gopher://me:secret@somewhere/calls")
