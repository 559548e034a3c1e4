"""The store of finished recordings: a folder of this machine, or any URL that fsspec knows (``s3://bucket/calls``).

An event has the location of a recording, without the credentials: user, password and query of the URL are only in the
settings. So only recordings in the stores of the settings can be opened; an event of a foreign journal cannot make us
open another file or contact another host.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from orchestra.atomic_file import atomic_file
from orchestra.errors import RejectedError
from orchestra.filesystem import open_filesystem
from orchestra.hide_secrets import without_login
from orchestra.settings import Settings

_FILE = "file"
_COPY_BYTES = 1 << 20
_NAME = re.compile(r"\w[\w.\-]*")
#: in the data directory: a demo run has its recording beside its journal
_RUNS = "demo-runs"


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A recording at ``url``, which is public. ``opened_by`` is the URL with credentials, if there are any.

    Its methods block; run them in a thread.
    """

    url: str
    opened_by: str = ""

    @property
    def path(self) -> Path | None:
        """The file, if it is on this machine."""
        parts = urlsplit(self.url)
        return Path(unquote(parts.path)) if parts.scheme == _FILE else None

    def size(self) -> int:
        """Its length in bytes.

        Raises:
            FileNotFoundError: it is not there.
            OSError: its store cannot be reached.

        """
        if self.path is not None:
            return self.path.stat().st_size
        with open_filesystem(self.opened_by or self.url) as (files, path):
            return int(files.info(path)["size"])

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Open it for reading; the file is seekable.

        Raises:
            FileNotFoundError: it is not there.
            OSError: its store cannot be reached.

        """
        return self.path.open("rb") if self.path is not None else self._behind()

    @contextmanager
    def _behind(self) -> Iterator[BinaryIO]:
        with open_filesystem(self.opened_by or self.url) as (files, path), files.open(path, "rb") as file:
            yield file


def store_recording(recording: Path, folder_or_url: str) -> StoredRecording:
    """Copy a finished recording to a folder or an fsspec URL, atomically. It can be repeated.

    Blocks; run it in a thread. The file itself is not removed.

    Raises:
        OSError: the store cannot be written.
        MissingExtraError: fsspec, or the driver of this kind of URL, is not installed.

    """
    target = recording_at(folder_or_url, recording.name)
    if (path := target.path) is not None:
        with recording.open("rb") as source, atomic_file(path) as file:
            shutil.copyfileobj(source, file, _COPY_BYTES)
        return target
    with open_filesystem(target.opened_by or target.url) as (files, remote):
        files.put_file(os.fspath(recording), remote)
        files.invalidate_cache(remote.rpartition("/")[0])
    wanted, found = recording.stat().st_size, target.size()
    if found != wanted:
        msg = f"{target.url} has {found} of {wanted} bytes"
        raise OSError(msg)
    return target


def recording_at(folder_or_url: str, name: str) -> StoredRecording:
    """The recording of this name in a folder or at an fsspec URL, whether it is there already or not."""
    if "://" not in folder_or_url:
        return StoredRecording(f"{Path(folder_or_url).absolute().as_uri()}/{name}")
    root, mark, query = folder_or_url.partition("?")
    whole = f"{root.rstrip('/')}/{name}{mark}{query}"
    url = without_login(whole)
    return StoredRecording(url, "" if url == whole else whole)


def find_recording(settings: Settings, url: str) -> StoredRecording:
    """The recording at this URL of an event, in one of the stores of the settings.

    Raises:
        RejectedError: it is in none of them.

    """
    known = without_login(url)
    name = known.rpartition("/")[2]
    if settings.recordings_url and "://" in settings.recordings_url and _NAME.fullmatch(name):
        stored = recording_at(settings.recordings_url, name)
        if stored.url == known:
            return stored
    if (path := StoredRecording(known).path) is not None and "\0" not in str(path):
        folders = [settings.recordings, settings.data_dir / _RUNS]
        if settings.recordings_url and "://" not in settings.recordings_url:
            folders.append(Path(settings.recordings_url))
        if any(path.resolve().is_relative_to(folder.resolve()) for folder in folders):
            return StoredRecording(known)
    msg = (
        f"{known!r} is in none of the configured stores: if you trust its origin, set ORCHESTRA_RECORDINGS_URL to"
        " the folder or URL that has it"
    )
    raise RejectedError(msg)
