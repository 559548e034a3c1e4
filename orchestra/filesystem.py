"""Files in a folder of this machine, or below any URL that fsspec knows (``s3://bucket/archive``)."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from orchestra.atomic_file import DRAFT, write_atomically
from orchestra.errors import MissingExtraError
from orchestra.hide_secrets import without_secrets


class FileRoot:
    """Files under one root, named by their path below it. A file is complete or absent. Every method blocks.

    All methods raise OSError if the root cannot be reached or written, whatever the driver raises. The first one
    connects; after a failure the next one connects again.

    Raises:
        MissingExtraError: fsspec, or the driver of this kind of URL, is not installed.

    """

    def __init__(self, root: str) -> None:
        self.folder = folder_of(root)
        self.location = root if self.folder is None else str(self.folder)
        # one name for all attempts: below a URL where nothing may be removed, only one draft is left over
        self._draft = f"{os.urandom(4).hex()}{DRAFT}"
        if self.folder is None:
            _driver(root)

    def __str__(self) -> str:
        return without_secrets(self.location)

    def names(self, path: str = "") -> list[str]:
        """The names in a folder; empty if the folder does not exist."""
        try:
            if self.folder is not None:
                return os.listdir(self.folder / path)  # noqa: PTH208 - names, not paths
            with open_filesystem(self.location) as (files, base):
                files.invalidate_cache(_at(base, path))
                found = files.ls(_at(base, path), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [str(name).rstrip("/").rpartition("/")[2] for name in found]

    def read(self, path: str) -> bytes:
        """The content of a file."""
        if self.folder is not None:
            return (self.folder / path).read_bytes()
        with open_filesystem(self.location) as (files, base):
            return cast("bytes", files.cat_file(_at(base, path)))

    def write(self, path: str, content: bytes) -> None:
        """Write a file; see `orchestra.atomic_file` for files of this machine."""
        if self.folder is None:
            with open_filesystem(self.location) as (files, base):
                self._write_remote(files, _at(base, path), content)
        else:
            write_atomically(self.folder / path, content)

    def _write_remote(self, files: Any, target: str, content: bytes) -> None:
        """Write a draft and rename it, if the file system can rename.

        An object store cannot rename, and need not: an object is complete or absent. Copying and deleting instead would
        require the right to delete.
        """
        import fsspec  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        with contextlib.suppress(Exception):  # some have no folders; if it matters, the write fails
            files.makedirs(target.rpartition("/")[0], exist_ok=True)
        if type(files).mv is fsspec.AbstractFileSystem.mv:
            files.pipe_file(target, content)
            return
        draft = f"{target}.{self._draft}"
        try:
            files.pipe_file(draft, content)
            files.mv(draft, target)
        except (NotImplementedError, AttributeError):  # it cannot rename, although it has the method
            files.pipe_file(target, content)
            _remove_if_it_goes(files, draft)
        except Exception:
            _remove_if_it_goes(files, draft)
            # the file exists if the draft was copied and only its removal was forbidden
            if not _is_there(files, target, len(content)):
                raise

    def size(self, path: str) -> int:
        """The length of a file in bytes."""
        if self.folder is not None:
            return (self.folder / path).stat().st_size
        with open_filesystem(self.location) as (files, base):
            return int(files.info(_at(base, path))["size"])

    def remove(self, path: str) -> None:
        """Remove a file if it exists."""
        with contextlib.suppress(FileNotFoundError):
            if self.folder is not None:
                (self.folder / path).unlink()
                return
            with open_filesystem(self.location) as (files, base):
                files.rm_file(_at(base, path))

    def remote(self, paths: Sequence[str]) -> tuple[Any, list[str]]:
        """The file system of the URL (fsspec's), and the full URLs of files below it."""
        with open_filesystem(self.location) as (files, base):
            return files, [files.unstrip_protocol(_at(base, path)) for path in paths]

    def free_bytes(self) -> int | None:
        """Free space in bytes; None if it is unknown."""
        if self.folder is None:
            return None
        existing = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        return shutil.disk_usage(existing).free


def folder_of(root: str) -> Path | None:
    """The local folder that a path or a ``file:`` URL names; None for any other URL."""
    parts = urlsplit(root)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if "://" in root else Path(root).absolute()


def _at(base: str, path: str) -> str:
    return f"{base}/{path}" if path else base


def _remove_if_it_goes(files: Any, path: str) -> None:
    with contextlib.suppress(Exception):
        files.rm_file(path)


def _is_there(files: Any, path: str, size: int) -> bool:
    with contextlib.suppress(Exception):
        files.invalidate_cache(path.rpartition("/")[0])
        return int(files.info(path)["size"]) == size
    return False


@contextlib.contextmanager
def open_filesystem(url: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL, and the path in it, for one use.

    Raises:
        MissingExtraError: fsspec, or the driver of this kind of URL, is not installed.
        OSError: whatever the driver raised. Its connections are dropped: the next use connects again.

    """
    _driver(url)
    import fsspec  # noqa: PLC0415 - an extra

    files: Any = None
    try:
        files, path = fsspec.url_to_fs(url)
        yield files, str(path).rstrip("/")
    except (FileNotFoundError, FileExistsError, NotADirectoryError, PermissionError):
        raise
    except Exception as error:
        if files is not None:
            type(files).clear_instance_cache()
        if isinstance(error, OSError):
            raise
        msg = f"{type(error).__name__}: {error}"
        raise OSError(msg) from error


def _driver(url: str) -> None:
    """Raise MissingExtraError if the driver of this kind of URL is not installed."""
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        msg = f'files at {url} need fsspec: pip install "orchestra-voice[storage]"'
        raise MissingExtraError(msg) from error
    try:
        fsspec.get_filesystem_class(url.partition("://")[0].partition("::")[0])
    except (ImportError, ValueError) as error:
        msg = f"files at {url}: {error}"
        raise MissingExtraError(msg) from error
