"""The position at which a replay was stopped, so that it can be resumed."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from orchestra.atomic_file import write_atomically
from orchestra.bus import Entry
from orchestra.errors import UsageError
from orchestra.hide_secrets import without_secrets
from orchestra.replay.position import Position, position_of

_TOKEN = re.compile(r"(\d+)-(\d+)@(\d+):([a-z]+)")
_CALL_POSITION = re.compile(r"(?P<call>.+)@(?P<seconds>\d+(\.\d+)?)")


def format_position(entry: Entry) -> str:
    """The position of an entry as text: ``1763830000000-3@07:events``."""
    ms, number, partition, stream = position_of(entry)
    return f"{ms}-{number}@{partition:02d}:{stream}"


def parse_position(token: str) -> Position:
    """The position in a text from `format_position`.

    Raises:
        UsageError: it has none.

    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        msg = f"{token!r} is not a position in a replay: give the one that it printed, like 1763830000000-3@07:events"
        raise UsageError(msg)
    ms, number, partition, stream = match.groups()
    return int(ms), int(number), int(partition), stream


def parse_call_position(token: str) -> tuple[str, float]:
    """The call and the second in the position of a conversation, ``<call>@12.3``.

    Raises:
        UsageError: it has none.

    """
    match = _CALL_POSITION.fullmatch(token)
    if match is None:
        msg = f"{token!r} is not a position in a conversation: give the one that it printed, like 07-…@12.3"
        raise UsageError(msg)
    return match["call"], float(match["seconds"])


class Checkpoint:
    """The position at which a replay was stopped, kept in the data directory.

    Args:
        data_dir: of this installation.
        what: the options that make it the same replay, JSON-ready.

    """

    def __init__(self, data_dir: Path, what: dict[str, Any]) -> None:
        name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
        self.folder = data_dir / "replay" / name
        self._file = self.folder / "position.json"
        self._what = what

    def read(self) -> str:
        """The position where it stopped; empty if it has not begun, or is finished.

        Raises:
            UsageError: the file is damaged.

        """
        try:
            kept = json.loads(self._file.read_text("utf-8"))
            return str(kept["token"])
        except FileNotFoundError:
            return ""
        except (ValueError, TypeError, KeyError) as error:
            msg = f"{self._file} is damaged ({error}): remove it, and replay from the beginning or with --from"
            raise UsageError(msg) from error

    def write(self, token: str) -> None:
        """Keep the position, atomically."""
        what = {name: without_secrets(value) if isinstance(value, str) else value for name, value in self._what.items()}
        write_atomically(self._file, json.dumps({"token": token, "replay": what}, indent=1).encode())

    def forget(self) -> None:
        """Remove everything that is kept: the replay is finished, and the next one starts from the beginning."""
        shutil.rmtree(self.folder, ignore_errors=True)
