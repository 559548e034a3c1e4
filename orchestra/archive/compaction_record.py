"""When the whole archive was compacted last, and what came of it: a file beside the days of the archive."""

from typing import Any

import msgspec

from orchestra.archive.archive import Archive
from orchestra.archive.compact import CompactionResult

_FILE = "compacted.json"


class CompactionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A compaction of the whole archive that has ended; times are epoch seconds, ``result`` is as in the command."""

    began_at: float
    ended_at: float
    result: dict[str, Any] = {}


def last_compaction(archive: Archive) -> CompactionRecord | None:
    """The last one that has ended; None if there was none, or its record cannot be read.

    Raises:
        OSError: the archive cannot be reached.

    """
    if _FILE not in archive.root.names():
        return None
    try:
        return msgspec.json.decode(archive.root.read(_FILE), type=CompactionRecord)
    except msgspec.MsgspecError:
        return None


def record_compaction(archive: Archive, result: CompactionResult, *, began_at: float, ended_at: float) -> None:
    """Write the record.

    Raises:
        OSError: the archive cannot be written.

    """
    record = CompactionRecord(began_at=began_at, ended_at=ended_at, result=msgspec.to_builtins(result))
    archive.root.write(_FILE, msgspec.json.encode(record))
