"""Atomic file writes: after a crash of the process or machine, a file is complete or absent."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

#: suffix of a file that is not complete yet
DRAFT = ".part"
#: errors of file systems that cannot sync a folder, and of folders that may be written but not listed
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES}


@contextmanager
def atomic_file(path: Path, *, mode: int = 0o666, replace: bool = True) -> Iterator[BinaryIO]:
    """Write a draft in the same folder; when the block ends, sync it to the disk and rename it to ``path``.

    Missing folders are created. If the block raises, nothing changes.

    Args:
        path: the file's name.
        mode: its permissions, before the process's umask is applied.
        replace: whether an existing file is replaced. If not, the first writer wins, even across processes.

    Raises:
        FileExistsError: the file exists, and is not to be replaced.
        OSError: it cannot be written.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # a unique name, because two writers of the same file must not share a draft
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}{DRAFT}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)  # without it, the name could be lost although the content is on the disk


def write_atomically(path: Path, content: bytes, *, mode: int = 0o666, replace: bool = True) -> None:
    """Write a complete file; see `atomic_file`."""
    with atomic_file(path, mode=mode, replace=replace) as file:
        file.write(content)


def _sync(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
