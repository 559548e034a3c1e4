"""Files are either complete or absent."""

import stat
from pathlib import Path

import pytest

from orchestra.atomic_file import atomic_file, write_atomically


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_the_folders_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    write_atomically(path, b"{}")
    assert path.read_bytes() == b"{}"
    assert names(path.parent) == ["file.json"]


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"%d" % (1 // 0))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_reader_sees_the_old_content_until_the_new_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_the_first_writer_wins_when_replacing_is_off(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_atomically(path, b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_atomically(path, b"second", replace=False)
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["key"]


def test_a_secret_file_is_private_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with atomic_file(path, mode=0o600):
        (draft,) = tmp_path.iterdir()
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_writers_of_one_file_do_not_share_a_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_file(path) as one:
        one.write(b"one, longer")
        write_atomically(path, b"two")
    assert path.read_bytes() == b"one, longer"
