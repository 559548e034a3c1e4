"""A receiver that does not take everything: said once, in words, and counted."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace.export import SpanExportResult
from structlog.testing import capture_logs

from orchestra.history.views.spans import Span
from orchestra.settings import Settings
from orchestra.telemetry.otlp import Metrics, Traces, _readable
from orchestra.telemetry.otlp_exporters import MetricExporter, SpanExporter

SPAN = Span(name="turn", trace_id="1" * 32, span_id="2" * 16, parent_id="", start=1.0, end=2.0, attributes={}, error="")


class Receiver(ThreadingHTTPServer):
    """Answers with these statuses, by path; 200 to all others."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.statuses: dict[str, int] = {}
        self.asked: list[str] = []


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        self.send_response(self.server.statuses.get(self.path, 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (405, "takes no traces (status 405); if it is for metrics only, set ORCHESTRA_OTLP_SIGNALS=metrics"),
        (404, "takes no traces (status 404)"),
        (501, "takes no traces (status 501)"),
        (413, "raise its limit for bodies"),
        (401, "see ORCHESTRA_OTLP_HEADERS"),
        (400, "answered with status 400"),
    ],
)
def test_refused_batches_are_logged_once_and_counted(receiver: Receiver, status: int, words: str) -> None:
    receiver.statuses["/v1/traces"] = status
    exporter = SpanExporter(f"{receiver.url}/v1/traces", {})
    with capture_logs() as logs:
        results = [exporter.export([_readable(SPAN)] * 3) for _ in range(4)]
        receiver.statuses.clear()
        results.append(exporter.export([_readable(SPAN)]))
    assert results == [SpanExportResult.FAILURE] * 4 + [SpanExportResult.SUCCESS]
    said, again = logs
    assert (said["event"], said["signal"], said["records"]) == ("telemetry.lost", "traces", 3)
    assert words in said["error"]
    assert (again["event"], again["batches_lost"]) == ("telemetry.taken_again", 4)


def test_an_unreachable_receiver_is_logged_without_the_secrets_of_its_address() -> None:
    exporter = SpanExporter("http://someone:hidden@127.0.0.1:9/v1/traces", {})
    with capture_logs() as logs:
        exporter.export([_readable(SPAN)])
    (said,) = logs
    assert "nobody answers at" in said["error"]
    assert "hidden" not in said["error"]


def test_refused_metrics_are_logged_once(receiver: Receiver) -> None:
    receiver.statuses["/v1/metrics"] = 405
    reader = PeriodicExportingMetricReader(MetricExporter(f"{receiver.url}/v1/metrics", {}), 3_600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("test").create_counter("calls").add(1)
    with capture_logs() as logs:
        for _ in range(3):
            provider.force_flush()
        provider.shutdown()
    assert [line["event"] for line in logs] == ["telemetry.lost"]
    assert "ORCHESTRA_OTLP_SIGNALS=traces" in logs[0]["error"]


@pytest.mark.parametrize(
    ("signals", "asked"),
    [("both", {"/v1/traces", "/v1/metrics"}), ("traces", {"/v1/traces"}), ("metrics", {"/v1/metrics"})],
)
def test_a_receiver_gets_the_signals_that_the_setting_names(
    receiver: Receiver, settings: Settings, signals: str, asked: set[str]
) -> None:
    wanted = settings.model_copy(update={"otlp_url": receiver.url, "otlp_signals": signals})
    traces, metrics = Traces(wanted), Metrics(wanted)
    traces.send([SPAN])
    metrics.groups(())
    metrics._calls.add(1)
    traces.close()
    metrics.close()
    assert set(receiver.asked) == asked
