"""Every event of journal and media goes to OpenObserve, and is acked when OpenObserve has counted it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from orchestra import Consumer
from orchestra.bus import Bus, Entry, Refusal
from orchestra.errors import RejectedError
from orchestra.settings import Settings
from orchestra.telemetry.chosen import chosen_redaction
from orchestra.telemetry.openobserve import OpenObserve
from orchestra.telemetry.redaction import Redaction
from orchestra.telemetry.rows import row_of
from orchestra.telemetry.shipper import Limits, Shipper

_log = structlog.get_logger()

consumer = Consumer("logging", streams=("events", "media"))


class _Shipping:
    """What this process holds."""

    def __init__(self, settings: Settings) -> None:
        self.redaction: Redaction | None = chosen_redaction(settings)
        self.openobserve = OpenObserve(settings)
        self.shipper = Shipper(self.openobserve, Limits(alarm_s=settings.lag_alarm_s))


_shipping: _Shipping


@consumer.lifespan
@asynccontextmanager
async def _connection(bus: Bus) -> AsyncIterator[None]:
    global _shipping  # noqa: PLW0603 - one consumer a process
    _shipping = _Shipping(bus.settings)
    try:
        yield
    finally:
        await _shipping.shipper.close()
        await _shipping.openobserve.close()
        _log.info(
            "logging.stopped",
            shipped=_shipping.shipper.shipped,
            late=_shipping.openobserve.late,
            refused=_shipping.shipper.refused,
        )


@consumer.on_batch()
async def ship(entries: list[Entry]) -> list[Refusal]:
    """Ship what was read together; returns, some requests later, what OpenObserve does not take."""
    refused = await _shipping.shipper.ship([row_of(entry, _shipping.redaction) for entry in entries])
    return [Refusal(entries[place], RejectedError(f"OpenObserve: {words}")) for place, words in refused.items()]
