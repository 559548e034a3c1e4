"""Secrets that nobody has to choose: generated once, and kept in the data directory."""

import secrets
from contextlib import suppress
from pathlib import Path

from orchestra.atomic_file import write_atomically
from orchestra.settings import Settings

_BYTES = 32


def number_key(settings: Settings) -> bytes:
    """The key with which callers' numbers are hashed: ``ORCHESTRA_NUMBER_KEY``, or one of this data directory.

    Workers on several machines need the setting; otherwise each recognizes only its own callers.
    """
    return settings.number_key.get_secret_value().encode() or kept_key(settings.data_dir, "number")


def link_key(settings: Settings) -> bytes:
    """The key that signs links to recordings: ``ORCHESTRA_LINK_KEY``, or one of this data directory.

    Never use a token as the key: the holder of a link could guess it offline.
    """
    return settings.link_key.get_secret_value().encode() or kept_key(settings.data_dir, "link")


def vault_key(settings: Settings) -> bytes:
    """The key that encrypts what callers say in secret: ``ORCHESTRA_VAULT_KEY``, or one of this data directory."""
    return settings.vault_key.get_secret_value().encode() or kept_key(settings.data_dir, "vault")


def sip_token(settings: Settings) -> str:
    """What gateway and edges prove themselves with: ``ORCHESTRA_SIP_TOKEN``, or a secret of this data directory."""
    return settings.sip_token.get_secret_value() or kept_key(settings.data_dir, "sip").hex()


def kept_key(data_dir: Path, purpose: str) -> bytes:
    """32 random bytes, the same for every process with this data directory; only the owner can read the file.

    Raises:
        OSError: the file can neither be read nor created.

    """
    path = data_dir / "keys" / purpose
    with suppress(FileNotFoundError):
        return path.read_bytes()
    with suppress(FileExistsError):  # another process was faster: its key is read below
        write_atomically(path, secrets.token_bytes(_BYTES), mode=0o600, replace=False)
    return path.read_bytes()
