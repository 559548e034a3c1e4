"""The message of a command that needs a part of the platform which is not installed."""

import contextlib
from collections.abc import Iterator

from orchestra.errors import MissingExtraError


@contextlib.contextmanager
def needs_extra(*extras: str) -> Iterator[None]:
    """Wraps the imports of a command: a missing package becomes a message of one line.

    Raises:
        MissingExtraError: a module is not there; the message names it and the extras that bring it.

    """
    try:
        yield
    except ModuleNotFoundError as error:
        msg = f'this needs {error.name}, which is not installed: pip install "orchestra-voice[{",".join(extras)}]"'
        raise MissingExtraError(msg) from error
