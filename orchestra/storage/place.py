"""A place for files: a folder of this machine, or any URL that fsspec knows (``s3://bucket/archive``)."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from orchestra.errors import MissingExtraError

#: ends the name of a file that is not whole yet
DRAFT = ".part"


class Place:
    """Files under one root, by their path below it. A file is there whole or not at all. Every method blocks.

    All of them raise OSError where the place cannot be reached or written.
    """

    def __init__(self, root: str) -> None:
        parts = urlsplit(root)
        self.folder: Path | None = None
        if parts.scheme == "file":
            self.folder = Path(unquote(parts.path))
        elif "://" not in root:
            self.folder = Path(root).absolute()
        self.root = root if self.folder is None else str(self.folder)
        self._files: Any = None
        self._base = ""
        if self.folder is None:
            self._files, self._base = behind_url(root)

    def names(self, path: str = "") -> list[str]:
        """What lies in a folder, by name; nothing where there is no such folder."""
        try:
            if self.folder is not None:
                return os.listdir(self.folder / path)  # noqa: PTH208 - names, not paths
            found = self._files.ls(self._at(path), detail=False, refresh=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [str(name).rstrip("/").rpartition("/")[2] for name in found]

    def read(self, path: str) -> bytes:
        """A whole file."""
        if self.folder is not None:
            return (self.folder / path).read_bytes()
        return cast("bytes", self._files.cat_file(self._at(path)))

    def write(self, path: str, content: bytes) -> None:
        """Write a file aside and rename it; on this machine it is on the disk before it has its name."""
        if self.folder is None:
            remote = self._at(path)
            with contextlib.suppress(FileExistsError):
                self._files.makedirs(remote.rpartition("/")[0], exist_ok=True)
            draft_at = f"{remote}.{_nobody_elses()}{DRAFT}"
            self._files.pipe_file(draft_at, content)
            self._files.mv(draft_at, remote)
            return
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{target.name}.{_nobody_elses()}{DRAFT}")
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _sync(target.parent)

    def size(self, path: str) -> int:
        """The length of a file in bytes."""
        if self.folder is not None:
            return (self.folder / path).stat().st_size
        return int(self._files.info(self._at(path))["size"])

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone already is no error."""
        with contextlib.suppress(FileNotFoundError):
            if self.folder is not None:
                (self.folder / path).unlink()
            else:
                self._files.rm_file(self._at(path))

    def dataset(self, paths: Sequence[str], schema: Any) -> Any:
        """Parquet files behind the URL as one dataset of Arrow."""
        import pyarrow.dataset  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        return pyarrow.dataset.dataset(
            [self._at(path) for path in paths], schema=schema, format="parquet", filesystem=self._files
        )

    def free_bytes(self) -> int | None:
        """How much still fits, where that can be told."""
        if self.folder is None:
            return None
        there = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        return shutil.disk_usage(there).free

    def _at(self, path: str) -> str:
        return f"{self._base}/{path}" if path else self._base


def _nobody_elses() -> str:
    """Part of a draft's name: two writers of one file, each whole, must not write into one draft."""
    return os.urandom(4).hex()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def behind_url(url: str) -> tuple[Any, str]:
    """What fsspec opens a URL with, and the path there.

    Raises:
        MissingExtraError: fsspec, or the driver of this kind of URL, is not installed.

    """
    try:
        import fsspec  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        msg = f'files at {url} need fsspec: pip install "orchestra-voice[storage]"'
        raise MissingExtraError(msg) from error
    try:
        files, path = fsspec.url_to_fs(url)
    except (ImportError, ValueError) as error:
        msg = f"files at {url}: {error}"
        raise MissingExtraError(msg) from error
    return files, str(path).rstrip("/")
