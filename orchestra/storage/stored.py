"""Recordings at their final place: a folder of this machine, or any URL that fsspec knows (``s3://bucket/calls``)."""

import os
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

from orchestra.storage.place import behind_url

_FILE = "file"


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording by its URL. Its methods block: run them in a thread."""

    url: str

    @property
    def path(self) -> Path | None:
        """The file, where it is one of this machine."""
        parts = urlsplit(self.url)
        return Path(unquote(parts.path)) if parts.scheme == _FILE else None

    def size(self) -> int:
        """Its length in bytes.

        Raises:
            FileNotFoundError: it is not there.
            OSError: its place cannot be reached.

        """
        if self.path is not None:
            return self.path.stat().st_size
        files, path = behind_url(self.url)
        return int(files.info(path)["size"])

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Open it for reading; the file can seek.

        Raises:
            FileNotFoundError: it is not there.
            OSError: its place cannot be reached.

        """
        if self.path is not None:
            return self.path.open("rb")
        files, path = behind_url(self.url)
        return cast("AbstractContextManager[BinaryIO]", files.open(path, "rb"))


def store(recording: Path, place: str) -> Stored:
    """Copy a finished recording to ``place`` (a folder or an fsspec URL), whole or not at all. Safe to repeat.

    Blocks: run it in a thread. The file itself stays where it is.

    Raises:
        OSError: the place cannot be written.
        MissingExtraError: fsspec, or the driver of this kind of URL, is not installed.

    """
    target = stored_at(place, recording.name)
    if (path := target.path) is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.part")
        try:
            shutil.copyfile(recording, draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return target
    files, remote = behind_url(target.url)
    files.put_file(os.fspath(recording), remote)
    files.invalidate_cache(remote.rpartition("/")[0])
    wanted, found = recording.stat().st_size, target.size()
    if found != wanted:
        msg = f"{target.url} has {found} of {wanted} bytes"
        raise OSError(msg)
    return target


def stored_at(place: str, name: str) -> Stored:
    """Where a recording of this name is, or will be, under ``place``."""
    root = place if "://" in place else Path(place).absolute().as_uri()
    return Stored(f"{root.rstrip('/')}/{name}")
