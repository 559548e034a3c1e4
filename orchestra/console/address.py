"""Where the console is, and how its owner signs in there. Imports nothing of the web application."""

from orchestra.settings import Settings
from orchestra.storage.secrets import kept_key

#: the name of the operator whose token is in the data directory
OWNER = "owner"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what the console listens on


def owner_token(settings: Settings) -> str:
    """The token of whoever owns the data directory, where no file of tokens is set."""
    return kept_key(settings.data_dir, "console-owner").hex()


def local_address(settings: Settings) -> str:
    """The address of the console on this machine."""
    host = _ANY.get(settings.console_host, settings.console_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.console_port}"


def sign_in_line(settings: Settings) -> str:
    """What an operator on this machine opens, and needs to sign in.

    The owner's address signs them in, by the token behind its ``#``, which browsers send nowhere. With a file of tokens
    or an address for others, it is the address alone.
    """
    if settings.console_tokens is None and not settings.console_url:
        return f"{local_address(settings)}/sign-in#{owner_token(settings)}"
    how = f"with the token of `orchestra console --token`, as {OWNER}"
    if settings.console_tokens is not None:
        how = f"with a token of {settings.console_tokens}"
    return f"{settings.console_url or local_address(settings)}  sign in {how}"
