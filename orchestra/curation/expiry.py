"""Tasks in Label Studio that have been kept for long enough are deleted, with annotations and uploaded audio."""

import asyncio

from orchestra.bus import Bus
from orchestra.curation.label_studio import Labelled, LabelStudio
from orchestra.retention.holds import Holds
from orchestra.retention.known_apps import KnownApps
from orchestra.retention.policy import KeepDays

#: calls that are removed at a time
_CHUNK = 500
_AGAIN_S = 24 * 3600.0


class TaskSweeps:
    """Finds and deletes expired tasks of the labelling project. Several workers may do so at a time."""

    def __init__(self, bus: Bus) -> None:
        self.keep = KeepDays.of(bus.settings, "exports_days")
        self._bus = bus
        self._apps = KnownApps(bus)
        #: when to look again, epoch seconds: not every hour at all tasks of apps that keep them for longer
        self._again = 0.0

    async def run(self, now: float, dry_run: bool) -> int:
        """Delete what has expired, but not what is held; how many calls there were.

        Raises:
            redis.exceptions.RedisError: the server cannot be reached: nobody knows what is held.
            OSError: the archive cannot be read, which knows whose calls they were.
            OrchestraError: Label Studio cannot be reached, or refuses.

        """
        if now < self._again:
            return 0
        held = await Holds(self._bus).held_calls()
        found = await asyncio.to_thread(self._started_before, self.keep.oldest_ms(now))
        old = [each for each in found if each.call not in held]
        unsaid = {each.call for each in old if not each.app} if self.keep.depends_on_app else set()
        apps = await self._apps.of(unsaid) if unsaid else {}
        over = [each for each in old if self.keep.has_expired(each.call, now, each.app or apps.get(each.call, ""))]
        if not dry_run:
            for start in range(0, len(over), _CHUNK):
                await asyncio.to_thread(self._remove, over[start : start + _CHUNK])
            self._again = now + _AGAIN_S if self.keep.depends_on_app else 0.0
        return len({each.call for each in over})

    def _started_before(self, moment_ms: float) -> list[Labelled]:
        with LabelStudio(self._bus.settings) as studio:
            return studio.started_before(moment_ms)

    def _remove(self, over: list[Labelled]) -> None:
        with LabelStudio(self._bus.settings) as studio:
            studio.remove(sorted({each.call for each in over}), {(each.project, each.task) for each in over})
