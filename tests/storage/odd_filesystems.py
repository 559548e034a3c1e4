"""In-memory file systems for tests, each of which lacks or forbids an operation that others have."""

from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class _InMemory(MemoryFileSystem):
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]


class Plain(_InMemory):
    """Like fsspec's SFTP: `ls` takes only a path and `detail`, and there is no creation time."""

    protocol = "plain"

    def ls(self, path: str, detail: bool = False) -> Any:
        return super().ls(path, detail=detail)

    def created(self, path: str) -> Any:
        raise NotImplementedError

    def mv(self, path1: str, path2: str) -> None:
        self.store[self._strip_protocol(path2)] = self.store.pop(self._strip_protocol(path1))


class Objects(_InMemory):
    """A bucket whose role lacks DeleteObject: written objects remain."""

    protocol = "objects"

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:  # noqa: ARG002 - as fsspec's
        raise PermissionError(path)

    rm_file = _rm = rm


class Copying(Objects):
    """The same, and a move is a copy and a removal."""

    protocol = "copying"

    def mv(self, path1: str, path2: str, **more: Any) -> None:  # noqa: ARG002 - as fsspec's
        self.copy(path1, path2)
        self.rm(path1)


class Unmovable(_InMemory):
    """Nothing can be moved, and no folder created."""

    protocol = "unmovable"

    def mv(self, path1: str, path2: str, **more: Any) -> None:
        raise NotImplementedError

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        raise NotImplementedError


class Lost(_InMemory):
    """A connection that breaks at its first use and stays broken; the next one works."""

    protocol = "lost"
    made: ClassVar[int] = 0

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        type(self).made += 1
        self.number = type(self).made

    def pipe_file(self, path: str, value: bytes, **more: Any) -> None:
        if self.number == 1:
            message = "Socket is closed: sftp://me:secret@host"
            raise EOFError(message)
        super().pipe_file(path, value, **more)


class Away(_InMemory):
    """An unreachable server: the connection itself fails, as with FTP."""

    protocol = "away"

    def __init__(self, **more: Any) -> None:  # noqa: ARG002 - as fsspec's
        message = "530 Login incorrect for ftp://me:secret@host/?key=secret"
        raise RuntimeError(message)


ODD = (Plain, Objects, Copying, Unmovable)
for _kind in (*ODD, Lost, Away):
    _kind.store, _kind.pseudo_dirs, _kind.cachable = {}, [""], _kind is Lost
    fsspec.register_implementation(_kind.protocol, _kind, clobber=True)
