"""A place for files: a folder of this machine, or any URL that fsspec knows (``s3://bucket/archive``)."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from orchestra.atomic_file import DRAFT, write_atomically
from orchestra.errors import MissingExtraError
from orchestra.mask import without_secrets


class FileRoot:
    """Files under one root, by their path below it. A file is there whole or not at all. Every method blocks.

    All of them raise OSError where the place cannot be reached or written, whatever its driver raises. Nothing is
    connected to before the first of them; a connection that broke is made again by the next.

    Raises:
        MissingExtraError: fsspec, or the driver of this kind of URL, is not installed.

    """

    def __init__(self, root: str) -> None:
        self.folder = folder_of(root)
        self.location = root if self.folder is None else str(self.folder)
        # behind a URL where nothing may be removed, one draft is left behind and not one for every attempt
        self._draft = f"{os.urandom(4).hex()}{DRAFT}"
        if self.folder is None:
            _driver(root)

    def __str__(self) -> str:
        return without_secrets(self.location)

    def names(self, path: str = "") -> list[str]:
        """What lies in a folder, by name; nothing where there is no such folder."""
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
        """A whole file."""
        if self.folder is not None:
            return (self.folder / path).read_bytes()
        with open_filesystem(self.location) as (files, base):
            return cast("bytes", files.cat_file(_at(base, path)))

    def write(self, path: str, content: bytes) -> None:
        """Write a file aside and rename it; on this machine it is on the disk before it has its name."""
        if self.folder is None:
            with open_filesystem(self.location) as (files, base):
                self._write_behind(files, _at(base, path), content)
        else:
            write_atomically(self.folder / path, content)

    def _write_behind(self, files: Any, target: str, content: bytes) -> None:
        """Write aside and rename where there is such a thing.

        A store of objects has none, and needs none: an object is there whole or not at all. To copy and delete in its
        stead would ask for the right to delete.
        """
        import fsspec  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        with contextlib.suppress(Exception):  # some have no folders to make; the write tells whether it matters
            files.makedirs(target.rpartition("/")[0], exist_ok=True)
        if type(files).mv is fsspec.AbstractFileSystem.mv:
            files.pipe_file(target, content)
            return
        draft = f"{target}.{self._draft}"
        try:
            files.pipe_file(draft, content)
            files.mv(draft, target)
        except (NotImplementedError, AttributeError):  # it cannot rename after all
            files.pipe_file(target, content)
            _remove_if_it_goes(files, draft)
        except Exception:
            _remove_if_it_goes(files, draft)
            # where the draft was copied and must not be removed, it is
            if not _is_there(files, target, len(content)):
                raise

    def size(self, path: str) -> int:
        """The length of a file in bytes."""
        if self.folder is not None:
            return (self.folder / path).stat().st_size
        with open_filesystem(self.location) as (files, base):
            return int(files.info(_at(base, path))["size"])

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone already is no error."""
        with contextlib.suppress(FileNotFoundError):
            if self.folder is not None:
                (self.folder / path).unlink()
                return
            with open_filesystem(self.location) as (files, base):
                files.rm_file(_at(base, path))

    def dataset(self, paths: Sequence[str], schema: Any) -> Any:
        """Parquet files behind the URL as one dataset of Arrow."""
        import pyarrow.dataset  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        with open_filesystem(self.location) as (files, base):
            return pyarrow.dataset.dataset(
                [_at(base, path) for path in paths], schema=schema, format="parquet", filesystem=files
            )

    def free_bytes(self) -> int | None:
        """How much still fits, where that can be told."""
        if self.folder is None:
            return None
        there = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        return shutil.disk_usage(there).free


def folder_of(root: str) -> Path | None:
    """The folder of this machine that a path or a ``file:`` URL names; None for any other URL."""
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
    """The file system behind a URL, and the path there, for one use of it.

    Raises:
        MissingExtraError: fsspec, or the driver of this kind of URL, is not installed.
        OSError: whatever the driver raised. What it had connected is forgotten: the next use connects again.

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
    """Raise MissingExtraError where what opens this kind of URL is not installed."""
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
