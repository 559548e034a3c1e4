"""Recordings that have been kept for long enough are deleted, from the folder of this machine and from the store."""

import asyncio
from collections.abc import Callable, Iterator

import structlog

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import MissingExtraError
from orchestra.filesystem import FileRoot
from orchestra.retention.policy import KeepDays
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra.retention")
_SUFFIX = ".wav"
_EVERY_S = 3600.0


async def sweep_recordings(settings: Settings, *, clock: Callable[[], float] = SYSTEM_CLOCK.time) -> None:
    """Delete expired recordings now and every hour, until cancelled. Several workers may do so at a time."""
    policy = KeepDays(settings.recordings_days)
    while policy.days:
        for place in _places(settings):
            await asyncio.to_thread(delete_expired, place, policy, clock())
        await asyncio.sleep(_EVERY_S)


def _places(settings: Settings) -> Iterator[str]:
    yield str(settings.recordings)
    if settings.recordings_url:
        yield settings.recordings_url


def delete_expired(place: str, policy: KeepDays, now: float) -> list[str]:
    """Delete the expired recordings in a folder or below an fsspec URL; returns their calls. Blocks.

    Only files that are named after a call are looked at. What cannot be deleted is logged, and tried again next time.
    """
    deleted = []
    try:
        root = FileRoot(place)
        calls = [name.removesuffix(_SUFFIX) for name in root.names() if name.endswith(_SUFFIX)]
    except (OSError, MissingExtraError) as error:
        _LOG.warning("retention.not_listed", error=str(error))
        return []
    for call in sorted(calls):
        if not policy.has_expired(call, now):
            continue
        try:
            root.remove(call + _SUFFIX)
        except OSError as error:
            _LOG.warning("retention.not_deleted", call=call, place=str(root), error=str(error))
            continue
        _LOG.info("retention.recording_deleted", call=call, place=str(root))
        deleted.append(call)
    return deleted
