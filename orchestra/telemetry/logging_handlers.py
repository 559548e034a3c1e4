"""Ships every event of journal and media stream to OpenObserve; it is acked when OpenObserve has counted it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from orchestra.bus import Bus, Consumer, Entry, Refusal
from orchestra.errors import RejectedError
from orchestra.telemetry.openobserve import OpenObserve
from orchestra.telemetry.redaction import Redaction, redaction_of
from orchestra.telemetry.rows import row_of
from orchestra.telemetry.shipper import Limits, Shipper

_LOG = structlog.get_logger("orchestra.telemetry")


class Logging:
    """The handlers of the group ``logging``."""

    _redaction: Redaction | None
    _shipper: Shipper

    def __init__(self) -> None:
        self.consumer = Consumer("logging", streams=("events", "media"))
        self.consumer.lifespan(self.opened)
        self.consumer.on_batch()(self.ship)

    @asynccontextmanager
    async def opened(self, bus: Bus) -> AsyncIterator[None]:
        """Keep OpenObserve's client open; at the end, what is held is shipped."""
        self._redaction = redaction_of(bus.settings)
        openobserve = OpenObserve(bus.settings)
        shipper = self._shipper = Shipper(openobserve, Limits(alarm_s=bus.settings.lag_alarm_s))
        try:
            yield
        finally:
            await shipper.close()
            await openobserve.close()
            _LOG.info("logging.stopped", shipped=shipper.shipped, late=openobserve.late, refused=shipper.refused)

    async def ship(self, entries: list[Entry]) -> list[Refusal]:
        """Ship a batch; returns the entries that OpenObserve refuses."""
        refused = await self._shipper.ship([row_of(entry, self._redaction) for entry in entries])
        return [Refusal(entries[index], RejectedError(f"OpenObserve: {words}")) for index, words in refused.items()]
