"""Recordings are deleted once they are older than the settings say, wherever they are."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from structlog.testing import capture_logs

from orchestra.bus.keys import new_call
from orchestra.retention.policy import KeepDays
from orchestra.retention.recordings import delete_expired, sweep_recordings
from orchestra.settings import Settings

NOW = 1_760_000_000.0
DAY_S = 86_400


def call_of(age_days: float) -> str:
    return new_call(7, int((NOW - age_days * DAY_S) * 1000))


@pytest.fixture(params=["folder", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "recordings") if request.param == "folder" else f"memory://{tmp_path.name}/recordings"


@pytest.fixture
def put(place: str) -> Callable[[str], None]:
    def write(name: str) -> None:
        files, root = fsspec.url_to_fs(place)
        files.makedirs(root, exist_ok=True)
        files.pipe_file(f"{root}/{name}", b"RIFF")

    return write


def names(place: str) -> set[str]:
    files, root = fsspec.url_to_fs(place)
    return {name.rpartition("/")[2] for name in files.ls(root, detail=False)}


@pytest.mark.parametrize(
    ("age_days", "days", "expired"), [(29.9, 30, False), (30.1, 30, True), (1000, 0, False), (-1, 30, False)]
)
def test_a_call_expires_that_many_days_after_its_start_and_never_with_zero(
    age_days: float, days: float, expired: bool
) -> None:
    assert KeepDays(days).has_expired(call_of(age_days), NOW) is expired


@pytest.mark.parametrize("call", ["", "07-a", "07-00000000-0000-4000-8000-000000000000"])
def test_an_id_that_does_not_say_when_the_call_started_never_expires(call: str) -> None:
    assert not KeepDays(30).has_expired(call, NOW)


def test_only_expired_recordings_are_deleted(place: str, put: Callable[[str], None]) -> None:
    old, young = call_of(31), call_of(29)
    for name in (f"{old}.wav", f"{young}.wav", "notes.txt", "holiday.wav", f"{old}.txt"):
        put(name)
    assert delete_expired(place, KeepDays(30), NOW) == [old]
    assert names(place) == {f"{young}.wav", "notes.txt", "holiday.wav", f"{old}.txt"}


def test_a_recording_is_deleted_when_the_clock_has_moved_far_enough(place: str, put: Callable[[str], None]) -> None:
    call = call_of(0)
    put(f"{call}.wav")
    assert delete_expired(place, KeepDays(30), NOW + 29 * DAY_S) == []
    assert delete_expired(place, KeepDays(30), NOW + 31 * DAY_S) == [call]


def test_a_place_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert delete_expired(str(tmp_path / "nowhere"), KeepDays(30), NOW) == []


def test_a_recording_that_cannot_be_deleted_is_logged_and_does_not_stop_the_others(tmp_path: Path) -> None:
    stuck, old = sorted([call_of(32), call_of(31)])
    (tmp_path / f"{stuck}.wav").mkdir()
    (tmp_path / f"{old}.wav").write_bytes(b"RIFF")
    with capture_logs() as logs:
        assert delete_expired(str(tmp_path), KeepDays(30), NOW) == [old]
    assert [entry["call"] for entry in logs if entry["event"] == "retention.not_deleted"] == [stuck]


async def test_the_sweep_covers_the_folder_of_this_machine_and_the_store(tmp_path: Path) -> None:
    settings = Settings(
        recordings_dir=tmp_path / "here", recordings_url=(tmp_path / "there").as_uri(), recordings_days=30
    )
    paths = [tmp_path / folder / f"{call_of(31)}.wav" for folder in ("here", "there")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(b"RIFF")
    sweeping = asyncio.create_task(sweep_recordings(settings, clock=lambda: NOW))
    async with asyncio.timeout(30):
        while any(path.exists() for path in paths):  # noqa: ASYNC110 - a thread deletes them
            await asyncio.sleep(0.01)
    sweeping.cancel()


async def test_recordings_are_kept_for_ever_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    path = tmp_path / f"{call_of(10_000)}.wav"
    path.write_bytes(b"RIFF")
    await sweep_recordings(Settings(recordings_dir=tmp_path), clock=lambda: NOW)
    assert path.exists()
