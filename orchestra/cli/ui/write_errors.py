"""What a command says when a file or folder that it was told to write cannot be written."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from orchestra.errors import UsageError


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around the writing of a file or folder that the command line names: a failure becomes one clear line.

    Raises:
        UsageError: it cannot be written; the message names the place and says why.

    """
    try:
        yield
    except OSError as error:
        msg = f"{error.filename or path} cannot be written: {error.strerror or error}"
        raise UsageError(msg) from error
