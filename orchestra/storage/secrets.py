"""Secrets of this installation that nobody has to choose: made once, kept in the data directory."""

import secrets
from contextlib import suppress
from pathlib import Path

from orchestra.atomic_file import write_atomically
from orchestra.settings import Settings

_BYTES = 32


def number_key(settings: Settings) -> bytes:
    """The key under which callers' numbers are hashed: ``ORCHESTRA_NUMBER_KEY``, else one of this data directory.

    Workers on several machines need the setting, or each would know its own callers only.
    """
    return settings.number_key.get_secret_value().encode() or kept_key(settings.data_dir, "number")


def link_key(settings: Settings) -> bytes:
    """The key that signs links to recordings: ``ORCHESTRA_LINK_KEY``, else one of this data directory.

    Never a token: whoever gets a link could try, at home, which word it was signed with.
    """
    return settings.link_key.get_secret_value().encode() or kept_key(settings.data_dir, "link")


def kept_key(data_dir: Path, purpose: str) -> bytes:
    """32 random bytes, the same for every process of this data directory; the file is for its owner only.

    Raises:
        OSError: the file can be neither read nor made.

    """
    path = data_dir / "keys" / purpose
    with suppress(FileNotFoundError):
        return path.read_bytes()
    with suppress(FileExistsError):  # another process was first: its key is the one that is read below
        write_atomically(path, secrets.token_bytes(_BYTES), mode=0o600, replace=False)
    return path.read_bytes()
