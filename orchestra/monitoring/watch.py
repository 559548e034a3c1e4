"""The process that looks at every monitor in its own time, and publishes what begins and ends."""

import asyncio
import time
from collections.abc import Sequence

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus, Publisher
from orchestra.bus.keys import PREFIX
from orchestra.errors import MonitorError, OrchestraError, UsageError
from orchestra.monitoring.alarm import AlarmState, look
from orchestra.monitoring.look import figure_of
from orchestra.monitoring.monitor import Monitor
from orchestra.settings import Settings
from orchestra_schemas import AlarmRaised

_LOG = structlog.get_logger("orchestra.monitoring")

_STATES = f"{PREFIX}:{{shared}}:monitors"
_PUBLISHED_WITHIN_S = 10.0


class Watch:
    """Looks at monitors. One process does for a system.

    Args:
        monitors: at which.
        settings: the archive, and the server that has the journal and keeps the monitors' states.
        bus: that server.

    """

    def __init__(self, monitors: Sequence[Monitor], settings: Settings, bus: Bus) -> None:
        self._monitors = monitors
        self._settings = settings
        self._bus = bus
        self._publisher: Publisher = bus.publisher("monitor")
        self._one_query = asyncio.Lock()  # each may use every core

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            UsageError: a query is wrong, which the first look finds.

        """
        async with asyncio.TaskGroup() as group:
            for monitor in self._monitors:
                group.create_task(self._watch(monitor), name=f"monitor {monitor.name}")

    async def _watch(self, monitor: Monitor) -> None:
        first = True
        while True:
            began = time.monotonic()
            try:
                await self.look(monitor)
                first = False
            except UsageError as error:
                if first:
                    raise
                _LOG.error("monitor.failed", monitor=monitor.name, problem=str(error))
            except (OrchestraError, RedisError, OSError, TimeoutError) as error:
                _LOG.error("monitor.failed", monitor=monitor.name, problem=str(error) or type(error).__name__)
            await asyncio.sleep(max(0.0, monitor.every_s - (time.monotonic() - began)))

    async def look(self, monitor: Monitor) -> None:
        """Look once, and publish what begins or ends.

        Raises:
            UsageError: the query is wrong.
            MonitorError: it took too long.
            RedisError: the state cannot be read or written.
            TimeoutError: the event cannot be published.

        """
        if monitor.run:
            value, about = await figure_of(monitor, self._settings)
        else:
            async with self._one_query:
                value, about = await figure_of(monitor, self._settings)
        stored = await self._bus.redis.hget(_STATES, monitor.name)
        before = AlarmState() if stored is None else msgspec.json.decode(stored, type=AlarmState)
        state, event = look(monitor, before, value, time.time(), new_alarm=self._bus.new_call, about=about)
        _LOG.debug("monitor.looked", monitor=monitor.name, value=value, against=state.against)
        if event is not None:
            # before the state: after a crash in between the alarm is told twice, and never not at all
            self._publisher.publish(event)
            await self._publisher.flush(_PUBLISHED_WITHIN_S)
            raised = isinstance(event, AlarmRaised)
            (_LOG.warning if raised else _LOG.info)(
                "alarm.raised" if raised else "alarm.cleared",
                monitor=monitor.name, value=value, threshold=monitor.threshold, side=monitor.side,
                alarm=event.call, about=about or monitor.about,
            )  # fmt: skip
            self._publisher.forget(event.call)
        if state != before:
            await self._bus.redis.hset(_STATES, monitor.name, msgspec.json.encode(state))


async def look_once(monitors: Sequence[Monitor], settings: Settings) -> list[tuple[Monitor, float | None, str]]:
    """The figure of each monitor, and why there is none; nothing is published."""
    found: list[tuple[Monitor, float | None, str]] = []
    for monitor in monitors:
        try:
            value, about = await figure_of(monitor, settings)
        except MonitorError as error:
            value, about = None, str(error)
        found.append((monitor, value, about))
    return found
