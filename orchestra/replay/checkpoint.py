"""How far a replay has come, so that it goes on from there after it was stopped."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from orchestra.atomic_file import write_atomically
from orchestra.bus import Entry
from orchestra.errors import UsageError
from orchestra.mask import without_secrets
from orchestra.replay.position import Position, position_of

_TOKEN = re.compile(r"(\d+)-(\d+)@(\d+):([a-z]+)")
_TOLD = re.compile(r"(?P<call>.+)@(?P<seconds>\d+(\.\d+)?)")


def format_position(entry: Entry) -> str:
    """The place of an entry as text: ``1763830000000-3@07:events``."""
    ms, number, partition, stream = position_of(entry)
    return f"{ms}-{number}@{partition:02d}:{stream}"


def parse_position(token: str) -> Position:
    """The place that `format_position` wrote down.

    Raises:
        UsageError: it is none.

    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        msg = (
            f"{token!r} is no place in a replay: give what was printed when it stopped, like 1763830000000-3@07:events"
        )
        raise UsageError(msg)
    ms, number, partition, stream = match.groups()
    return int(ms), int(number), int(partition), stream


def parse_call_position(token: str) -> tuple[str, float]:
    """The call and its second in the token of a conversation, ``<call>@12.3``.

    Raises:
        UsageError: it is none.

    """
    match = _TOLD.fullmatch(token)
    if match is None:
        msg = f"{token!r} is no place in a conversation: give what was printed when it stopped, like 07-…@12.3"
        raise UsageError(msg)
    return match["call"], float(match["seconds"])


class Checkpoint:
    """The place where the replay of the same things to the same target was stopped, kept in the data directory.

    Args:
        data_dir: of this installation.
        what: all that makes it the same replay, JSON-ready.

    """

    def __init__(self, data_dir: Path, what: dict[str, Any]) -> None:
        name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
        self.folder = data_dir / "replay" / name
        self._file = self.folder / "position.json"
        self._what = what

    def read(self) -> str:
        """The token where it stopped; empty where it has not begun, or was finished.

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
        """Keep the place, whole or not at all."""
        what = {name: without_secrets(value) if isinstance(value, str) else value for name, value in self._what.items()}
        write_atomically(self._file, json.dumps({"token": token, "replay": what}, indent=1).encode())

    def forget(self) -> None:
        """It is finished: the next one begins at the beginning."""
        self._file.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
