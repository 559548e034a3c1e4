"""What an event tells of a recording: where it is, and neither how to get in nor a way to any other file."""

from pathlib import Path

import fsspec
import pytest

from orchestra.errors import RejectedError
from orchestra.recordings.store import find_recording, recording_at, store_recording
from orchestra.settings import Settings

PLACE = "memory://me:s3cr3t@bucket/calls"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path, recordings_url=PLACE)
    for folder in (made.recordings, tmp_path / "demo-runs" / "one"):
        folder.mkdir(parents=True)
        (folder / "07-a.wav").write_bytes(b"RIFF")
    return made


def test_an_event_has_the_location_of_a_recording_and_the_settings_have_the_credentials(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "07-b.wav").write_bytes(b"RIFF....")
    stored = store_recording(tmp_path / "07-b.wav", PLACE)
    assert stored.url == "memory://bucket/calls/07-b.wav"
    assert fsspec.filesystem("memory").exists("/me:s3cr3t@bucket/calls/07-b.wav")
    with find_recording(settings, stored.url).open() as file:
        assert file.read() == b"RIFF...."
    assert find_recording(settings, stored.url).size() == 8


def test_a_url_with_a_password_in_an_event_is_opened_with_the_settings_credentials(settings: Settings) -> None:
    for old in ("memory://me:s3cr3t@bucket/calls/07-b.wav", "memory://me:an-older-one@bucket/calls/07-b.wav"):
        assert find_recording(settings, old) == recording_at(PLACE, "07-b.wav")


def test_the_query_of_a_store_url_is_not_in_the_event() -> None:
    stored = recording_at("https://host/calls?sig=s3cr3t", "07-b.wav")
    assert (stored.url, stored.opened_by) == ("https://host/calls/07-b.wav", "https://host/calls/07-b.wav?sig=s3cr3t")


def test_recordings_of_this_machine_and_of_a_demo_are_opened(settings: Settings, tmp_path: Path) -> None:
    for path in (settings.recordings / "07-a.wav", tmp_path / "demo-runs" / "one" / "07-a.wav"):
        assert find_recording(settings, path.as_uri()).path == path


def test_recordings_in_a_configured_folder_are_opened(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", recordings_url=str(tmp_path / "finished"))
    url = recording_at(str(tmp_path / "finished"), "07-a.wav").url
    assert find_recording(settings, url).path == tmp_path / "finished" / "07-a.wav"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file:///DATA/recordings/../up.json",
        "file:///DATA/recordings/%2e%2e/up.json",
        "file:///DATA/recordings/link.wav",
        "file:///DATA/up.json",
        "file://host/DATA/up.json",
        "/etc/passwd",
        "http://127.0.0.1:9161/latest/meta-data/secret",
        "http://bucket/calls/07-a.wav",
        "memory://other/calls/07-a.wav",
        "memory://bucket/calls/../07-a.wav",
        "memory://bucket/calls/..",
        "memory://bucket/calls/",
        "memory://bucket/calls/deeper/07-a.wav",
        "memory://bucket@evil/calls/07-a.wav",
        "simplecache::memory://bucket/calls/07-a.wav",
        "file:///DATA/recordings/a\x00b.wav",
        "",
    ],
)
def test_an_event_cannot_open_anything_outside_the_configured_stores(
    url: str, settings: Settings, tmp_path: Path
) -> None:
    (settings.recordings / "link.wav").symlink_to("/etc/passwd")
    with pytest.raises(RejectedError, match="is in none of the configured stores"):
        find_recording(settings, url.replace("/DATA", str(tmp_path)))
