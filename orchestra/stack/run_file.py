"""The file by which another terminal finds the stack of a data directory."""

import os
from pathlib import Path

import msgspec

from orchestra.atomic_file import write_atomically
from orchestra.settings import Settings


class RunningStack(msgspec.Struct, frozen=True, kw_only=True):
    """A running stack on this machine, as described to other terminals.

    ``url`` is the edge's (``http://127.0.0.1:8480``), ``auth_token`` signs its webhooks,
    ``pid`` is the supervisor's, ``edges`` are the process ids of the edges at start, by name. ``sip`` is where its SIP
    gateway listens (``127.0.0.1:5060``), ``console`` the console's (``http://127.0.0.1:8470``); empty: it has none.
    """

    url: str
    auth_token: str
    redis_url: str
    pid: int
    edges: dict[str, int] = {}
    sip: str = ""
    console: str = ""


def run_file(settings: Settings) -> Path:
    """The file of this data directory; it exists while a stack runs."""
    return settings.data_dir / "up.json"


def find_running_stack(settings: Settings) -> RunningStack | None:
    """The stack of this data directory, or None if none is running."""
    try:
        found = msgspec.json.decode(run_file(settings).read_bytes(), type=RunningStack)
        os.kill(found.pid, 0)
    except (FileNotFoundError, ProcessLookupError, PermissionError, msgspec.DecodeError):
        return None  # PermissionError: the id now belongs to another user's process
    return found


def write_run_file(settings: Settings, started: RunningStack) -> None:
    """Write the run file, readable by this user only because it contains a token."""
    write_atomically(run_file(settings), msgspec.json.encode(started), mode=0o600)
