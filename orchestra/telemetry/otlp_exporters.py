"""OTLP exporters that log once, in words, what a receiver refuses, and count what is lost."""

import logging
from collections.abc import Sequence
from typing import Any, Literal

import requests
import structlog
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from orchestra.hide_secrets import without_secrets

_LOG = structlog.get_logger("orchestra.telemetry")
#: for a request and its retries, in seconds; a worker that stops waits this long if the receiver is away
_TIMEOUT_S = 2.0
#: not found, no such method, not implemented: the receiver does not support this signal
_NEVER = frozenset({404, 405, 410, 501})

Signal = Literal["traces", "metrics"]


class Receiver:
    """Logs how a receiver answers the requests of one signal.

    Attributes:
        lost: number of batches that it refused.

    """

    def __init__(self, signal: Signal, endpoint: str) -> None:
        self.signal: Signal = signal
        self.lost = 0
        self.session = requests.Session()
        self.session.hooks["response"].append(self._note)
        self._endpoint = endpoint
        self._status = 0
        self._told: int | None = None
        # the library would log the same with every batch, in its own format
        logging.getLogger("opentelemetry.exporter.otlp.proto.http").setLevel(logging.CRITICAL)

    def _note(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self._status = response.status_code

    def begin(self) -> None:
        """A batch is about to be sent. If no answer follows, the connection has failed."""
        self._status = 0

    def ended(self, *, taken: bool, size: int) -> None:
        """A batch was accepted or lost; logged if that is a change."""
        if taken:
            if self._told is not None:
                _LOG.info("telemetry.taken_again", signal=self.signal, batches_lost=self.lost)
            self._told = None
            return
        self.lost += 1
        if self._told == self._status:
            return
        self._told = self._status
        _LOG.warning("telemetry.lost", signal=self.signal, records=size, error=self._in_words())

    def _in_words(self) -> str:
        where = without_secrets(self._endpoint)
        if not self._status:
            return f"nobody answers at {where}; what is sent meanwhile is lost"
        if self._status in _NEVER:
            other = "metrics" if self.signal == "traces" else "traces"
            return (
                f"{where} takes no {self.signal} (status {self._status}); if it is for {other} only,"
                f" set ORCHESTRA_OTLP_SIGNALS={other}"
            )
        if self._status in (401, 403):
            return f"{where} refuses us (status {self._status}): see ORCHESTRA_OTLP_HEADERS"
        if self._status == requests.codes.request_entity_too_large:
            return f"{where} takes no batch of this size (status 413); raise its limit for bodies"
        return f"{where} answered with status {self._status}"


class SpanExporter(OTLPSpanExporter):
    """Sends spans.

    Args:
        endpoint: the full URL.
        headers: of every request.

    """

    def __init__(self, endpoint: str, headers: dict[str, str]) -> None:
        self.receiver = Receiver("traces", endpoint)
        super().__init__(
            endpoint, headers=headers, compression=Compression.Gzip, timeout=_TIMEOUT_S, session=self.receiver.session
        )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them, and log the result if it is a change."""
        self.receiver.begin()
        result = super().export(spans)
        self.receiver.ended(taken=result is SpanExportResult.SUCCESS, size=len(spans))
        return result


class MetricExporter(OTLPMetricExporter):
    """Sends metrics. Arguments as of `SpanExporter`."""

    def __init__(self, endpoint: str, headers: dict[str, str]) -> None:
        self.receiver = Receiver("metrics", endpoint)
        super().__init__(
            endpoint, headers=headers, compression=Compression.Gzip, timeout=_TIMEOUT_S, session=self.receiver.session
        )

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send them, and log the result if it is a change."""
        self.receiver.begin()
        result = super().export(metrics_data, timeout_millis, **kwargs)
        size = sum(len(scope.metrics) for each in metrics_data.resource_metrics for scope in each.scope_metrics)
        self.receiver.ended(taken=result is MetricExportResult.SUCCESS, size=size)
        return result
