"""What the files of this machine quote of calls for long enough is removed from them."""

import asyncio

import structlog

from orchestra.bus import Bus
from orchestra.evaluation.quoted_calls import quoted_calls, remove_quotes
from orchestra.retention.holds import Holds
from orchestra.retention.known_apps import KnownApps
from orchestra.retention.policy import KeepDays

_LOG = structlog.get_logger("orchestra.evaluation")


class QuoteSweeps:
    """Finds expired calls in the evaluation set, evaluations and comparisons, and removes what they quote of them.

    Several workers may do so at a time.
    """

    def __init__(self, bus: Bus) -> None:
        self.keep = KeepDays.of(bus.settings, "exports_days")
        self._bus = bus
        self._apps = KnownApps(bus)
        self._problems: list[str] = []

    async def run(self, now: float, dry_run: bool) -> int:
        """Remove what has expired, but not what is held; how many calls there were.

        What cannot be read or written is logged once, and tried again next time.

        Raises:
            redis.exceptions.RedisError: the server cannot be reached: nobody knows what is held.
            OSError: the archive cannot be read, which knows whose calls they were.

        """
        folder, held = self._bus.settings.data_dir, await Holds(self._bus).held_calls()
        quoted = await asyncio.to_thread(quoted_calls, folder)
        problems = quoted.problems
        may_go = {call for call in quoted.calls if call not in held and self.keep.may_have_expired(call, now)}
        unsaid = {call for call in may_go if not quoted.calls[call]} if self.keep.depends_on_app else set()
        apps = quoted.calls | (dict(await self._apps.of(unsaid)) if unsaid else {})
        expired = {call for call in may_go if self.keep.has_expired(call, now, apps[call])}
        if expired and not dry_run:
            problems = (await asyncio.to_thread(remove_quotes, folder, expired)).problems
        for problem in problems:
            if problem not in self._problems:
                _LOG.warning("retention.not_deleted", place=str(folder), error=problem)
        self._problems = problems
        return len(expired)
