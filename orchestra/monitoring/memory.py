"""Tells of a server whose memory fills up on every system: there need be neither a file of monitors nor its process."""

import structlog

from orchestra.bus import Bus
from orchestra.errors import UsageError
from orchestra.monitoring.monitor import MEMORY, Monitor, read_monitors
from orchestra.monitoring.watch import Watch

_LOG = structlog.get_logger("orchestra.monitoring")

#: alarms of monitors in files are not these
_SOURCE = "workers"


async def watch_memory(bus: Bus) -> None:
    """Look at the server's memory until cancelled: the alarm is a log line and an event, and reaches webhooks."""
    watch = Watch([_monitor(bus)], bus.settings, bus, source=_SOURCE)
    try:
        await watch.run()
    finally:
        await watch.close()


def _monitor(bus: Bus) -> Monitor:
    """The built-in monitor, or the one that the file of monitors has in its place."""
    try:
        known = read_monitors(bus.settings.monitors)
    except UsageError as error:  # the process of the monitors ends with it
        _LOG.warning("monitor.failed", monitor=MEMORY.name, problem=str(error))
        return MEMORY
    return next((each for each in known if each.name == MEMORY.name and each.figure), MEMORY)
