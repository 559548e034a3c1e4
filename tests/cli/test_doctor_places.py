"""`orchestra doctor` opens the places for recordings and the archive, before a call is lost for want of a driver."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orchestra.cli.doctor import storage
from orchestra.cli.doctor.storage import places
from orchestra.settings import Settings
from tests.storage.failing_filesystem import UNREACHABLE, FailingFileSystem


async def found(folder: Path, **values: Any) -> list[tuple[str, bool | None, str]]:
    findings = await places(Settings(data_dir=folder, **values))
    return [(each.what, each.ok, each.detail) for each in findings]


async def test_without_places_of_ones_own_there_is_nothing_to_find(tmp_path: Path) -> None:
    assert await found(tmp_path) == []


async def test_what_can_be_opened_is_ok_and_nothing_is_made_there(tmp_path: Path) -> None:
    told = await found(tmp_path, recordings_url=str(tmp_path / "calls"), archive_url="memory://archive")
    assert [(what, ok) for what, ok, _ in told] == [("recordings", True), ("archive", True)]
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - one look


@pytest.mark.parametrize("url", ["s3://bucket/calls", "gs://bucket/calls"])
async def test_a_driver_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    for driver in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, driver, None)
    ((what, ok, detail),) = await found(tmp_path, recordings_url=url)
    assert (what, ok) == ("recordings", False)
    assert "s3fs" in detail or "gcsfs" in detail


@pytest.mark.parametrize("url", ["nothing://bucket", "s3:/bucket"])
async def test_an_unknown_kind_of_place_is_an_error(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ((_, ok, detail),) = await found(tmp_path, archive_url=url)
    assert ok is ("://" not in url), detail


async def test_a_place_that_is_away_is_told_in_its_words_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FailingFileSystem, "everything", UNREACHABLE)
    ((_, ok, detail),) = await found(tmp_path, archive_url="failing://bucket/archive")
    assert ok is False
    assert "cannot be opened" in detail
    assert "\n" not in detail

    def secret(url: str) -> str:
        message = f"cannot log in at {url}"
        raise OSError(message)

    monkeypatch.setattr(storage, "_problem", secret)
    ((_, ok, detail),) = await found(tmp_path, archive_url="sftp://me:hunter2@host/archive")
    assert (ok, "hunter2" in detail) == (False, False)


async def test_a_place_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_WITHIN_S", 0.05)
    monkeypatch.setattr(storage, "_problem", lambda _: time.sleep(0.3))
    ((_, ok, detail),) = await found(tmp_path, archive_url="memory://archive")
    assert ok is False
    assert "does not answer within 0.05 s" in detail


async def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "calls").write_text("")
    ((_, ok, detail),) = await found(tmp_path, recordings_url=str(tmp_path / "calls" / "here"))
    assert ok is False
    assert "is not a folder" in detail
