"""Compacts the whole archive at night: in a process of its own, by one archive worker of a system.

::

    02:00           02:00 + up to 30 min                              06:00
    ├── each worker waits its own while ──┤ the first one takes the lease; one that dies is taken over ─┤ until tomorrow

A worker that was away the whole night leaves it to the next one: what is due at night does not run at noon.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Callable
from datetime import datetime, time, timedelta

import structlog
from redis.exceptions import RedisError

from orchestra.archive.archive import Archive
from orchestra.archive.compaction_record import last_compaction
from orchestra.bus import Bus
from orchestra.bus.keys import PREFIX
from orchestra.bus.shared_lease import SharedLease
from orchestra.child_process import die_with_parent
from orchestra.clock import SYSTEM_CLOCK, Clock

_LOG = structlog.get_logger("orchestra.archive")

_LEASE = f"{PREFIX}:{{shared}}:compaction"
_LEASE_S, _RENEW_EVERY_S = 60.0, 20.0
#: workers of several machines do not all look at the archive in the same minute
_JITTER_S = 30 * 60.0
_NIGHT = timedelta(hours=4)
_LOOK_EVERY_S = 60.0
_AGAIN_AFTER_S = 15 * 60.0
_NICE = 10
_MOST_WORDS = 300


def night_of(now: datetime, at: time) -> datetime | None:
    """When the night of this moment began, in local time like ``now``; None if it is not night."""
    began = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if now < began:
        began -= timedelta(days=1)
    return began if now < began + _NIGHT else None


class NightlyCompaction:
    """Looks every minute whether it is time.

    Args:
        bus: has the lease.
        archive: is compacted.
        at: when the night begins, in this machine's local time.
        clock: the time.
        jitter_s: how long after the beginning of the night this worker begins; random unless given.

    """

    def __init__(
        self, bus: Bus, archive: Archive, at: time, *, clock: Clock = SYSTEM_CLOCK, jitter_s: float | None = None
    ) -> None:
        self._archive, self._at, self._clock = archive, at, clock
        self._jitter = timedelta(seconds=random.uniform(0, _JITTER_S) if jitter_s is None else jitter_s)  # noqa: S311
        self._lease = SharedLease(bus.redis, _LEASE)
        self._not_before = 0.0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except (RedisError, OSError) as error:  # the worker itself tells who does not answer
                _LOG.debug("compaction.not_looked", error=str(error))
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> bool:
        """Compact if it is night, nobody has done it in this night, and nobody is at it; returns whether it did.

        Raises:
            RedisError: the lease cannot be taken.
            OSError: the archive cannot be reached.

        """
        now = self._clock.time()
        night = night_of(datetime.fromtimestamp(now), self._at)  # noqa: DTZ006 - the night is where the machine is
        if night is None or now < max(self._not_before, (night + self._jitter).timestamp()):
            return False
        if await self._is_done(night) or not await self._lease.take(_LEASE_S):
            return False
        try:
            # the one who had the lease before may have ended since
            return not await self._is_done(night) and await self._compact()
        finally:
            await self._lease.release()

    async def _is_done(self, night: datetime) -> bool:
        done = await asyncio.to_thread(last_compaction, self._archive)
        return done is not None and done.ended_at >= night.timestamp()

    async def _compact(self) -> bool:
        _LOG.info("compaction.begun", place=str(self._archive.root))
        renewing = asyncio.create_task(self._renew(), name="renew the lease of the compaction")
        try:
            code, words = await _run_command(str(self._archive.root))
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
        if code:
            self._not_before = self._clock.time() + _AGAIN_AFTER_S
            _LOG.warning("compaction.failed", exit_code=code, error=words, again_in_s=_AGAIN_AFTER_S)
            return False
        done = await asyncio.to_thread(last_compaction, self._archive)
        if done is not None:
            _LOG.info("compaction.ended", took_s=round(done.ended_at - done.began_at, 1), **done.result)
        return True

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_EVERY_S)
            try:
                await self._lease.take(_LEASE_S)
            except RedisError as error:  # two compactions side by side do no harm
                _LOG.debug("compaction.lease_not_renewed", error=str(error))


def _as_a_background_job() -> Callable[[], None]:
    ends_with_us = die_with_parent()

    def before_exec() -> None:
        ends_with_us()
        os.nice(_NICE)

    return before_exec


async def _run_command(archive: str) -> tuple[int, str]:
    """Run `orchestra archive compact`; returns its exit code and the last line that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", "archive", "compact",
        env=os.environ | {"ORCHESTRA_ARCHIVE_URL": archive},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        start_new_session=True, preexec_fn=_as_a_background_job(),
    )  # fmt: skip
    try:
        _, errors = await process.communicate()
    finally:
        if process.returncode is None:  # this worker ends: another one goes on, or the next night does
            process.send_signal(signal.SIGTERM)
            await process.wait()
    said = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if any(map(str.isalnum, line))]
    return process.returncode or 0, said[-1][:_MOST_WORDS] if said else ""
