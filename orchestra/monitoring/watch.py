"""The process that looks at every monitor in its own time, and publishes what begins and ends."""

import asyncio
import contextlib
import os
import time
from collections.abc import Collection, Sequence

import msgspec
import structlog
from msgspec.structs import replace
from redis.exceptions import RedisError

from orchestra.bus import Bus, Publisher
from orchestra.bus.keys import PREFIX
from orchestra.bus.shared_lease import SharedLease
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import MonitorError, OrchestraError, UsageError
from orchestra.monitoring.alarm import AlarmState, clear_removed, look
from orchestra.monitoring.look import Figure, figures_of
from orchestra.monitoring.monitor import Monitor
from orchestra.settings import Settings
from orchestra_schemas import AlarmCleared, AlarmRaised

_LOG = structlog.get_logger("orchestra.monitoring")

_STATES = f"{PREFIX}:{{shared}}:monitors"
_LEASE = f"{PREFIX}:{{shared}}:monitor:"
_PUBLISHED_WITHIN_S = 10.0
#: how much longer than two looks a lease lasts
_LEASE_MORE_S = 5.0
_TIDY_S = 30.0


class Watch:
    """Looks at monitors. Of several processes with the same monitor one looks, and another goes on where it ends.

    Args:
        monitors: at which.
        settings: the archive, and the server that has the journal and keeps the monitors' states.
        bus: that server.
        source: the file that has the monitors: alarms of those that were taken out of it are cleared.

    """

    def __init__(self, monitors: Sequence[Monitor], settings: Settings, bus: Bus, *, source: str = "") -> None:
        self._monitors = monitors
        self._settings = settings
        self._bus = bus
        self._publisher: Publisher = bus.publisher("monitor")
        self._source = source
        self._token = os.urandom(8).hex()
        self._one_query = asyncio.Lock()  # each may use every core

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            UsageError: a query is wrong, which the first look finds.

        """
        _LOG.info("monitor.started", monitors=[each.name for each in self._monitors], server=self._bus.servers.name)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tidy(), name="removed monitors")
            for monitor in self._monitors:
                group.create_task(self._watch(monitor), name=f"monitor {monitor.name}")

    async def _watch(self, monitor: Monitor) -> None:
        first = True
        while True:
            began = time.monotonic()
            try:
                if await self._take(monitor.name, 2 * (monitor.every_s + monitor.within_s) + _LEASE_MORE_S):
                    await self.look(monitor)
                elif first and not monitor.run:
                    await self._figures(monitor)  # a wrong query is named, even if another process looks
                first = False
            except UsageError as error:
                if first:
                    raise
                _LOG.error("monitor.failed", monitor=monitor.name, problem=str(error))
            except (OrchestraError, RedisError, OSError, TimeoutError) as error:
                _LOG.error("monitor.failed", monitor=monitor.name, problem=str(error) or type(error).__name__)
            await asyncio.sleep(max(0.0, monitor.every_s - (time.monotonic() - began)))

    async def _tidy(self) -> None:
        while True:
            try:
                await self.clear_removed()
            except (RedisError, TimeoutError) as error:
                _LOG.error("monitor.failed", monitor="", problem=str(error) or type(error).__name__)
            await asyncio.sleep(_TIDY_S)

    async def look(self, monitor: Monitor) -> None:
        """Look once, and publish what begins or ends.

        Raises:
            UsageError: the query is wrong.
            MonitorError: it took too long.
            RedisError: the state cannot be read or written.
            TimeoutError: the event cannot be published.

        """
        figures = await self._figures(monitor)
        if monitor.by:
            figures += await self._gone(monitor, {figure.of for figure in figures})
        for figure in figures:
            await self._judge(monitor, figure)

    async def _gone(self, monitor: Monitor, there: Collection[str]) -> list[Figure]:
        """What has an alarm and no figure any more, such as a version that answers no calls: its alarm is to end."""
        names = [name.decode().partition(" ") for name in await self._bus.redis.hgetall(_STATES)]
        known = {of for name, _, of in names if name == monitor.name and of}
        return [Figure(monitor.threshold, f"{of}: there is no figure any more", of) for of in known - set(there)]

    async def _judge(self, monitor: Monitor, figure: Figure) -> None:
        name, value, about = f"{monitor.name} {figure.of}".rstrip(), figure.value, figure.about
        stored = await self._bus.redis.hget(_STATES, name)
        known = AlarmState() if stored is None else _state(stored)
        before = replace(known, source=self._source)
        state, event = look(monitor, before, value, SYSTEM_CLOCK.time(), new_alarm=self._bus.new_call, about=about)
        _LOG.debug("monitor.looked", monitor=monitor.name, value=value, against=state.against)
        if event is not None:
            # before the state: after a crash in between the alarm is told twice, and never not at all
            await self._publish(event)
            raised = isinstance(event, AlarmRaised)
            (_LOG.warning if raised else _LOG.info)(
                "alarm.raised" if raised else "alarm.cleared",
                monitor=monitor.name, value=value, threshold=monitor.threshold, side=monitor.side,
                alarm=event.call, about=about or monitor.about,
            )  # fmt: skip
        if figure.of and state == AlarmState(source=self._source):
            await self._bus.redis.hdel(_STATES, name)  # or versions would be remembered for ever
        elif state != known:
            await self._bus.redis.hset(_STATES, name, msgspec.json.encode(state))

    async def clear_removed(self) -> None:
        """Clear the alarms of monitors that were in the file, and are not any more: nobody looks at them.

        Raises:
            RedisError: the states cannot be read or written.
            TimeoutError: an event cannot be published.

        """
        names = {monitor.name for monitor in self._monitors}
        for key, stored in (await self._bus.redis.hgetall(_STATES)).items():
            (name, _, of), state = key.decode().partition(" "), _state(stored)
            if name in names or state.source != self._source or not await self._take(name, _TIDY_S):
                continue  # a process with the file as it was may still look at it
            if state.alarm:
                await self._publish(clear_removed(name, state, SYSTEM_CLOCK.time()))
                _LOG.info("alarm.cleared", monitor=name, of=of, alarm=state.alarm, about="its monitor was taken away")
            await self._bus.redis.hdel(_STATES, key)

    async def close(self) -> None:
        """Let another process look at once."""
        with contextlib.suppress(RedisError):  # the leases expire by themselves
            for monitor in self._monitors:
                await self._lease(monitor.name).release()

    async def _take(self, name: str, for_s: float) -> bool:
        """Whether this process looks at a monitor, for so long unless it says so again: no other one does."""
        return await self._lease(name).take(for_s)

    def _lease(self, name: str) -> SharedLease:
        return SharedLease(self._bus.redis, _LEASE + name, self._token)

    async def _figures(self, monitor: Monitor) -> list[Figure]:
        if monitor.run or monitor.figure:
            return await figures_of(monitor, self._settings, self._bus)
        async with self._one_query:
            return await figures_of(monitor, self._settings)

    async def _publish(self, event: AlarmRaised | AlarmCleared) -> None:
        self._publisher.publish(event)
        await self._publisher.flush(_PUBLISHED_WITHIN_S)
        if isinstance(event, AlarmCleared):  # not before: its number would be taken, and the server would skip it
            self._publisher.forget(event.call)


def _state(stored: bytes) -> AlarmState:
    return msgspec.json.decode(stored, type=AlarmState)


async def look_once(monitors: Sequence[Monitor], settings: Settings) -> list[tuple[Monitor, Figure]]:
    """The figures of each monitor, and why there is none; nothing is published."""
    found: list[tuple[Monitor, Figure]] = []
    for monitor in monitors:
        try:
            figures = await figures_of(monitor, settings)
        except MonitorError as error:
            figures = [Figure(None, str(error))]
        found += [(monitor, figure) for figure in figures or [Figure(None)]]
    return found
