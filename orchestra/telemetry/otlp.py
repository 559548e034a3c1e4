"""Metrics and traces for any OTLP/HTTP receiver, derived from the journal. Best effort: what it refuses is lost."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from orchestra.bus import GroupStatus
from orchestra.errors import SettingError
from orchestra.histogram import LATENCY_S
from orchestra.history.views.spans import Span
from orchestra.settings import Settings
from orchestra.telemetry.openobserve import credentials
from orchestra.telemetry.otlp_exporters import MetricExporter, Signal, SpanExporter
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    Event,
    PromptCompleted,
    ReplyInterrupted,
    ToolCompleted,
    TurnCancelled,
    TurnMeasured,
)
from orchestra_schemas.speech import TURN_TIMES

_RESOURCE = Resource({"service.name": "orchestra"})
_SCOPE = InstrumentationScope("orchestra.telemetry")
_EVERY_MS = 10_000
_LATENCY_MS = tuple(round(bound * 1000) for bound in LATENCY_S)


def otlp_headers(settings: Settings) -> dict[str, str]:
    """The headers of every request: the setting's ``key=value,key=value``, as OTEL_EXPORTER_OTLP_HEADERS writes them.

    If the receiver is the OpenObserve of the settings, its credentials are added unless the setting has others.

    Raises:
        SettingError: the setting has another form, or OpenObserve's user has no password.

    """
    pairs = [pair for pair in settings.otlp_headers.get_secret_value().split(",") if pair.strip()]
    if any("=" not in pair for pair in pairs):
        msg = "setting ORCHESTRA_OTLP_HEADERS: write key=value,key=value"
        raise SettingError(msg)
    given = {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in pairs)}
    ours = (settings.openobserve_url or "").rstrip("/")
    if ours and settings.openobserve_user and f"{settings.otlp_url}/".startswith(f"{ours}/"):
        return {"Authorization": credentials(settings)} | given
    return given


def otlp_endpoint(settings: Settings, what: Signal) -> str:
    """The endpoint for traces or metrics; the URL in the settings may end with a slash."""
    return f"{(settings.otlp_url or '').rstrip('/')}/v1/{what}"


class Traces:
    """Sends spans in batches, from a thread of its own; drops them if the receiver is away for long."""

    def __init__(self, settings: Settings) -> None:
        self._wanted = settings.otlp_signals != "metrics"
        exporter = SpanExporter(otlp_endpoint(settings, "traces"), otlp_headers(settings))
        self._processor = BatchSpanProcessor(exporter, schedule_delay_millis=1000)

    def send(self, spans: Iterable[Span]) -> None:
        """Queue spans, if traces are wanted."""
        for span in spans if self._wanted else ():
            self._processor.on_end(_readable(span))

    def close(self) -> None:
        """Send what is left, within some seconds."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def _readable(span: Span) -> ReadableSpan:
    def context(span_id: str) -> SpanContext:
        return SpanContext(int(span.trace_id, 16), int(span_id, 16), False, TraceFlags(TraceFlags.SAMPLED))

    return ReadableSpan(
        span.name,
        context=context(span.span_id),
        parent=context(span.parent_id) if span.parent_id else None,
        resource=_RESOURCE,
        attributes=span.attributes,
        kind=SpanKind.CLIENT if span.name.startswith("chat") else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.OK),
        start_time=round(span.start * 1e9),
        end_time=round(span.end * 1e9),
        instrumentation_scope=_SCOPE,
    )


def totals(groups: Iterable[GroupStatus], name: Literal["lag", "pending", "dead"]) -> dict[str, int]:
    """One figure of each group, summed over its partitions; groups for which the server does not know it are left out.

    An unknown lag must not count as 0, or a backlog would be invisible.
    """
    sums: dict[str, int | None] = {}
    for status in groups:
        so_far, value = sums.get(status.group, 0), getattr(status, name)
        sums[status.group] = None if so_far is None or value is None else so_far + value
    return {group: value for group, value in sums.items() if value is not None}


class Metrics:
    """Metrics of the journal's events, and of how far the consumer groups are behind."""

    def __init__(self, settings: Settings) -> None:
        latency = View(
            instrument_name="orchestra.turn.latency", aggregation=ExplicitBucketHistogramAggregation(_LATENCY_MS)
        )
        readers = []
        if settings.otlp_signals != "traces":
            exporter = MetricExporter(otlp_endpoint(settings, "metrics"), otlp_headers(settings))
            readers.append(PeriodicExportingMetricReader(exporter, export_interval_millis=_EVERY_MS))
        self._provider = MeterProvider(readers, _RESOURCE, views=[latency])
        meter = self._provider.get_meter("orchestra.telemetry")
        self._groups: Sequence[GroupStatus] = ()
        self._calls = meter.create_counter("orchestra.calls", "{call}", "calls that started")
        self._duration = meter.create_histogram("orchestra.call.duration", "s", "length of calls that ended")
        self._latency = meter.create_histogram(
            "orchestra.turn.latency", "ms", "where the time of a turn went, by stage"
        )
        self._interruptions = meter.create_counter("orchestra.interruptions", "{reply}", "replies spoken over")
        self._cancelled = meter.create_counter("orchestra.turns.cancelled", "{turn}", "turns that were stopped")
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}", "tokens of a prompt")
        self._prompts = meter.create_histogram("gen_ai.client.operation.duration", "s", "duration of a prompt")
        self._tools = meter.create_histogram("orchestra.tool.duration", "ms", "duration of a tool call")
        self._errors = meter.create_counter("orchestra.tool.errors", "{call}", "tool calls that failed")
        figures: tuple[tuple[Literal["lag", "pending", "dead"], str], ...] = (
            ("lag", "not read yet"), ("pending", "taken, not finished"), ("dead", "given up"),
        )  # fmt: skip
        for name, what in figures:
            meter.create_observable_gauge(f"orchestra.group.{name}", [self._gauge(name)], "{event}", f"events {what}")

    def _gauge(self, name: Literal["lag", "pending", "dead"]) -> Callable[[CallbackOptions], list[Observation]]:
        def observe(_: CallbackOptions) -> list[Observation]:
            return [Observation(value, {"group": group}) for group, value in totals(self._groups, name).items()]

        return observe

    def groups(self, groups: Sequence[GroupStatus]) -> None:
        """Set the current state of the consumer groups."""
        self._groups = groups

    def take(self, event: Event) -> None:  # noqa: C901 - one case an event
        """Count one event of the journal."""
        match event:
            case TurnMeasured():
                for stage in TURN_TIMES:
                    if value := getattr(event, stage):
                        self._latency.record(value, {"stage": stage.removesuffix("_ms")})
            case PromptCompleted():
                model = {"gen_ai.operation.name": "chat", "gen_ai.request.model": event.model}
                self._prompts.record(event.duration_ms / 1000, model | ({"error.type": "model"} if event.error else {}))
                self._tokens.record(event.prompt_tokens, model | {"gen_ai.token.type": "input"})
                self._tokens.record(event.completion_tokens, model | {"gen_ai.token.type": "output"})
            case ToolCompleted():
                self._tools.record(event.duration_ms, {"gen_ai.tool.name": event.name})
                if event.failed:
                    self._errors.add(1, {"gen_ai.tool.name": event.name})
            case ReplyInterrupted():
                self._interruptions.add(1)
            case TurnCancelled():
                self._cancelled.add(1, {"reason": event.reason})
            case CallStarted():
                self._calls.add(1, {"direction": event.direction, "app": event.app})
            case CallEnded():
                self._duration.record(event.duration_s, {"reason": event.reason})

    def close(self) -> None:
        """Send what was counted, and stop."""
        self._provider.shutdown()
