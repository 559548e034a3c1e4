"""What a command says when a part of the platform that it needs is not installed."""

import contextlib
from collections.abc import Iterator

from orchestra.errors import MissingExtraError


@contextlib.contextmanager
def needs_extra(*extras: str) -> Iterator[None]:
    """Around the imports of a command: what cannot be imported becomes one clear line.

    Raises:
        MissingExtraError: a module is not there; the message names it and the extras that bring it.

    """
    try:
        yield
    except ModuleNotFoundError as error:
        msg = f'this needs {error.name}, which is not installed: pip install "orchestra-voice[{",".join(extras)}]"'
        raise MissingExtraError(msg) from error
