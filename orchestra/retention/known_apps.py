"""Whose calls they were, for days that differ by app."""

import asyncio
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

from orchestra.bus import Bus
from orchestra.errors import MissingExtraError
from orchestra.settings import Settings
from orchestra.storage.call_records import stored_records
from orchestra_schemas import CallStarted, tag_of


class KnownApps:
    """The apps of calls, by the server's records and the archive; remembered from one sweep to the next."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._apps: dict[str, str] = {}

    async def of(self, calls: AbstractSet[str]) -> Mapping[str, str]:
        """The apps of these calls, "" where it is not known.

        Raises:
            redis.exceptions.RedisError: the server cannot be reached.
            OSError: the archive cannot be read.

        """
        self._apps = {call: app for call, app in self._apps.items() if call in calls}
        unknown = [call for call in calls if call not in self._apps]
        records = await stored_records(self._bus, unknown)
        self._apps |= {call: record.app for call, record in records.items() if record is not None}
        unknown = [call for call in unknown if call not in self._apps]
        self._apps |= dict.fromkeys(unknown, "") | await asyncio.to_thread(_archived_apps, self._bus.settings, unknown)
        return self._apps


def _archived_apps(settings: Settings, calls: Collection[str]) -> dict[str, str]:
    try:
        from orchestra.archive.archive import Archive  # noqa: PLC0415 - an extra
    except MissingExtraError:
        return {}
    found: dict[str, str] = {}
    entries = Archive.of(settings).entries(calls=frozenset(calls), types={tag_of(CallStarted)}) if calls else ()
    for entry in entries:
        event = entry.event()
        if isinstance(event, CallStarted):
            found[entry.call] = event.app
    return found
