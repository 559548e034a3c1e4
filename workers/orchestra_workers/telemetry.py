"""Sends metrics and traces by OTLP."""

from orchestra.telemetry.otlp_handlers import Telemetry

consumer = Telemetry().consumer
