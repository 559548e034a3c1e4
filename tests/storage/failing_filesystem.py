"""An in-memory file system for tests that fails on demand: ``failing://bucket/…``."""

import errno
import os
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class FailingFileSystem(MemoryFileSystem):
    protocol: ClassVar[str] = "failing"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    #: the error number of every write; 0 for none
    writes: ClassVar[int] = 0
    #: the error number of every access; 0 for none
    everything: ClassVar[int] = 0

    def pipe_file(self, path: str, value: bytes, **more: Any) -> None:
        self._fail(self.writes or self.everything)
        super().pipe_file(path, value, **more)

    def ls(self, path: str, detail: bool = True, **more: Any) -> Any:
        self._fail(self.everything)
        return super().ls(path, detail=detail, **more)

    @staticmethod
    def _fail(number: int) -> None:
        if number:
            raise OSError(number, os.strerror(number))

    @classmethod
    def reset(cls) -> None:
        cls.store, cls.pseudo_dirs, cls.writes, cls.everything = {}, [""], 0, 0


fsspec.register_implementation("failing", FailingFileSystem, clobber=True)

NO_SPACE, READ_ONLY, UNREACHABLE = errno.ENOSPC, errno.EROFS, errno.EHOSTUNREACH
