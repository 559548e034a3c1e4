"""Recordings that have been kept for long enough are deleted, from the folder of this machine and from the store."""

import asyncio
from collections.abc import Collection, Iterator

import structlog

from orchestra.bus import Bus
from orchestra.errors import MissingExtraError
from orchestra.filesystem import FileRoot
from orchestra.retention.holds import Holds
from orchestra.retention.known_apps import KnownApps
from orchestra.retention.policy import KeepDays
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra.retention")
_SUFFIX = ".wav"


class RecordingSweeps:
    """Finds and deletes expired recordings. Several workers may do so at a time."""

    def __init__(self, bus: Bus) -> None:
        self.keep = KeepDays.of(bus.settings, "recordings_days")
        self._bus = bus
        #: of calls that are kept for longer than those of others
        self._apps = KnownApps(bus)

    async def run(self, now: float, dry_run: bool) -> int:
        """Delete what has expired, but not what is held; how many recordings there were.

        Raises:
            redis.exceptions.RedisError: the server cannot be reached: nobody knows what is held.
            OSError: the archive cannot be read, which knows whose calls they were.

        """
        held, count = await Holds(self._bus).held_calls(), 0
        for place in _places(self._bus.settings):
            calls = await asyncio.to_thread(_calls_in, place)
            old = {call for call in calls if call not in held and self.keep.may_have_expired(call, now)}
            apps = await self._apps.of(old) if self.keep.depends_on_app else {}
            expired = [call for call in sorted(old) if self.keep.has_expired(call, now, apps.get(call, ""))]
            count += len(expired)
            if not dry_run:
                await asyncio.to_thread(delete_recordings, place, expired)
        return count


def _places(settings: Settings) -> Iterator[str]:
    yield str(settings.recordings)
    if settings.recordings_url:
        yield settings.recordings_url


def _calls_in(place: str) -> list[str]:
    """The calls that have a recording in a folder or below an fsspec URL. Blocks."""
    try:
        return [name.removesuffix(_SUFFIX) for name in FileRoot(place).names() if name.endswith(_SUFFIX)]
    except (OSError, MissingExtraError) as error:
        _LOG.warning("retention.not_listed", error=str(error))
        return []


def delete_recordings(place: str, calls: Collection[str]) -> list[str]:
    """Delete the recordings of these calls in a folder or below an fsspec URL; returns whose were deleted. Blocks.

    What cannot be deleted is logged, and tried again next time.
    """
    deleted, root = [], FileRoot(place)
    for call in calls:
        try:
            root.remove(call + _SUFFIX)
        except OSError as error:
            _LOG.warning("retention.not_deleted", call=call, place=str(root), error=str(error))
            continue
        _LOG.info("retention.recording_deleted", call=call, place=str(root))
        deleted.append(call)
    return deleted
