"""File systems of the tests, in memory, each with something missing or forbidden that others have."""

from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class _InMemory(MemoryFileSystem):
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]


class Plain(_InMemory):
    """As fsspec's SFTP: `ls` takes nothing but a path and `detail`, and there is no time of creation."""

    protocol = "plain"

    def ls(self, path: str, detail: bool = False) -> Any:
        return super().ls(path, detail=detail)

    def created(self, path: str) -> Any:
        raise NotImplementedError

    def mv(self, path1: str, path2: str) -> None:
        self.store[self._strip_protocol(path2)] = self.store.pop(self._strip_protocol(path1))


class Objects(_InMemory):
    """A bucket whose role lacks DeleteObject: what is put there stays."""

    protocol = "objects"

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:  # noqa: ARG002 - as fsspec's
        raise PermissionError(path)

    rm_file = _rm = rm


class Copying(Objects):
    """As that, and moving is copying and removing."""

    protocol = "copying"

    def mv(self, path1: str, path2: str, **more: Any) -> None:  # noqa: ARG002 - as fsspec's
        self.copy(path1, path2)
        self.rm(path1)


class Unmovable(_InMemory):
    """Nothing can be moved, and no folder made."""

    protocol = "unmovable"

    def mv(self, path1: str, path2: str, **more: Any) -> None:
        raise NotImplementedError

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        raise NotImplementedError


class Lost(_InMemory):
    """A connection that breaks in its first use and never comes back; the next one is good."""

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
    """A server that nobody reaches: already connecting fails, as with FTP."""

    protocol = "away"

    def __init__(self, **more: Any) -> None:  # noqa: ARG002 - as fsspec's
        message = "530 Login incorrect for ftp://me:secret@host/?key=secret"
        raise RuntimeError(message)


ODD = (Plain, Objects, Copying, Unmovable)
for _kind in (*ODD, Lost, Away):
    _kind.store, _kind.pseudo_dirs, _kind.cachable = {}, [""], _kind is Lost
    fsspec.register_implementation(_kind.protocol, _kind, clobber=True)
