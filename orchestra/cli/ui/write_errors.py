"""The message of a command that cannot write a file or folder."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from orchestra.errors import UsageError


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Wraps the writing of a file or folder: a failure becomes a message of one line.

    Raises:
        UsageError: it cannot be written; the message names the place and says why.

    """
    try:
        yield
    except OSError as error:
        msg = f"{error.filename or path} cannot be written: {error.strerror or error}"
        raise UsageError(msg) from error
