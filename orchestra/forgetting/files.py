"""The files of calls: recordings on this machine and in their store, and the folders of demo runs. All block."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from orchestra.errors import RejectedError
from orchestra.filesystem import open_filesystem
from orchestra.recordings.store import StoredRecording, find_recording, recording_at
from orchestra.replay.sources.auto import demo_journals
from orchestra.replay.sources.json_lines import file_entries
from orchestra.settings import Settings


class FoundFile(NamedTuple):
    """A file or folder of a call, where it is, and its size in bytes."""

    call: str
    place: str
    bytes: int


def remove_recordings(settings: Settings, call: str, urls: Iterable[str], *, dry_run: bool) -> list[FoundFile]:
    """Remove the recording of a call from this machine and from its store; what there was.

    Raises:
        OSError: a place cannot be reached, or the file not be removed.
        MissingExtraError: the driver of the store is not installed.

    """
    places = [str(settings.recordings), *([settings.recordings_url] if settings.recordings_url else [])]
    stored = {each.url: each for each in (recording_at(place, f"{call}.wav") for place in places)}
    for url in urls:
        with suppress(RejectedError):  # in no store of ours
            stored[url] = find_recording(settings, url)
    found = [FoundFile(call, url, size) for url, each in stored.items() if (size := _remove(each, dry_run)) is not None]
    for draft in settings.recordings.glob(f"{call}.wav.*"):  # a copy that was never completed
        found.append(FoundFile(call, str(draft), draft.stat().st_size))
        if not dry_run:
            draft.unlink(missing_ok=True)
    return found


def _remove(stored: StoredRecording, dry_run: bool) -> int | None:
    """Remove a recording; its size, None if it is not there."""
    try:
        size = stored.size()
    except FileNotFoundError:
        return None
    if not dry_run:
        if stored.path is not None:
            stored.path.unlink(missing_ok=True)
        else:
            with open_filesystem(stored.opened_by or stored.url) as (files, path):
                files.rm_file(path)
    return size


def remove_demo_runs(settings: Settings, calls: Iterable[str], *, dry_run: bool) -> list[FoundFile]:
    """Remove the folders of demo runs with these calls; what there was.

    Raises:
        OSError: a folder cannot be removed.

    """
    found = []
    for journal in demo_journals(settings.data_dir):
        first = next(file_entries(journal, lambda _: None), None)
        if first is None or first.call not in calls:
            continue
        folder: Path = journal.parent
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        found.append(FoundFile(first.call, str(folder), size))
        if not dry_run:
            shutil.rmtree(folder)
    return found
