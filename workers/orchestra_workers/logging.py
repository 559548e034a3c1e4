"""Ships every event to OpenObserve."""

from orchestra.telemetry.logging_handlers import Logging

consumer = Logging().consumer
