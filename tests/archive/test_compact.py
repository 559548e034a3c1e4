"""Merging the archive's files."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestra.archive.archive import Archive, ArchiveFile
from orchestra.archive.compact import compact, find_gaps
from orchestra.bus.stream.stream_id import StreamId
from tests.archive.test_archive import MS, entry


def written(archive: Archive, *runs: tuple[int, int]) -> list[ArchiveFile]:
    """Files of entries first to last, one after the other."""
    files, after = [], StreamId(0)
    for first, last in runs:
        files += archive.write("j", [entry(place) for place in range(first, last + 1)], after=after)
        after = files[-1].last
    return files


def test_neighbouring_files_become_one_and_are_removed(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    written(archive, (1, 3), (4, 4), (5, 9))
    before = list(archive.entries())
    done = compact(archive, settle_s=0)
    assert (done.merged, done.made, done.covered) == (3, 1, 3)
    (file,) = archive.files()
    assert (file.first, file.last) == ((MS + 1, 0), (MS + 9, 0))
    assert list(archive.entries()) == before
    assert compact(archive, settle_s=0).made == 0


def test_readers_find_everything_once_while_files_are_merged(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    written(archive, (1, 3), (4, 6), (7, 9))
    reading = archive.entries()
    begun = [next(reading), next(reading)]
    compact(archive, settle_s=0)
    assert [*begun, *reading] == [entry(place) for place in range(1, 10)]


def test_a_merge_that_is_killed_before_removing_files_changes_nothing(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    old = written(archive, (1, 3), (4, 6))
    contents = {file.path: archive.root.read(file.path) for file in old}
    before = list(archive.entries())
    compact(archive, settle_s=0)
    for path, content in contents.items():  # as they stood when it had renamed, and not removed yet
        archive.root.write(path, content)
    assert list(archive.entries()) == before
    assert compact(archive, settle_s=0).covered == 2
    assert list(archive.entries()) == before


def test_overlapping_files_are_merged_without_duplicates(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    written(archive, (1, 5))
    archive.write("j", [entry(place) for place in range(3, 9)], after=StreamId(MS + 2))
    compact(archive, settle_s=0)
    assert list(archive.entries()) == [entry(place) for place in range(1, 9)]
    assert len(archive.files()) == 1


def test_files_with_a_gap_between_them_are_not_merged_and_the_gap_is_reported(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    files = written(archive, (1, 3), (4, 6), (7, 9), (10, 12))
    archive.root.remove(files[1].path)
    compact(archive, settle_s=0)
    assert sorted((file.first[0] - MS, file.last[0] - MS) for file in archive.files()) == [(1, 3), (7, 12)]
    (hole,) = find_gaps(archive)
    assert "partition 3 of journal j: events are missing between 2025-11-22 16:46:40" in str(hole)
    assert len(list(archive.entries())) == 9


def test_a_merged_file_has_a_limited_size(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    written(archive, *((place, place) for place in range(1, 11)))
    compact(archive, most_rows=4, settle_s=0)
    assert sorted(file.last[0] - file.first[0] + 1 for file in archive.files()) == [2, 4, 4]


def test_drafts_of_dead_processes_are_removed_once_they_are_old(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    (file,) = written(archive, (1, 3))
    folder = (tmp_path / file.path).parent
    (folder / f"{MS}-0_{MS}-0.parquet.part").write_bytes(b"half")
    (folder / "9999999999999-0_9999999999999-0.parquet.part").write_bytes(b"being written")
    assert compact(archive, settle_s=0).drafts == 1
    assert len(list(folder.glob("*.part"))) == 1


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    (file,) = written(archive, (1, 3))
    (tmp_path / file.path).write_bytes(b"PAR1 and then nothing")
    with pytest.raises(OSError, match=f"{MS + 1}-0_{MS + 3}-0.parquet"):
        list(archive.entries())


def test_two_merges_at_the_same_time_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    written(archive, *((first, first + 2) for first in range(1, 61, 3)))
    before = list(archive.entries())

    def merge() -> None:
        with contextlib.suppress(FileNotFoundError):  # the other one has merged it already
            compact(Archive(str(tmp_path)), most_rows=30, settle_s=0)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: merge(), range(4)))
    assert list(archive.entries()) == before
    compact(archive, settle_s=0)
    assert list(archive.entries()) == before
    assert len(archive.files()) == 1
