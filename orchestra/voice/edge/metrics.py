"""What an edge counts, for Prometheus."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from orchestra.bus import Publisher
from orchestra.bus.worker.presence import Report
from orchestra.histogram import LATENCY_S, Histogram
from orchestra.prometheus_page import counter, gauge, histogram
from orchestra.voice.edge.admission import CallAdmission
from orchestra.voice.edge.answering import Answering
from orchestra_schemas import TurnMeasured
from orchestra_schemas.speech import TURN_TIMES


class TurnLatency:
    """The stages of the turns of an edge's calls, as histograms in seconds, and what was ready when they ended."""

    def __init__(self) -> None:
        self._ready = dict.fromkeys(("nothing", "prompt", "sentence", "speech"), 0)
        self._wasted = 0
        self._stages = {field: Histogram(LATENCY_S) for field in TURN_TIMES}

    def observe(self, measured: TurnMeasured) -> None:
        """Count a turn."""
        self._ready[measured.ready or "nothing"] += 1
        self._wasted += measured.wasted_predictions
        for field, stage in self._stages.items():
            stage.observe(getattr(measured, field) / 1000)

    def metrics(self) -> Iterator[Metric]:
        """All stages, and their total; what was ready, and the predictions that were wrong."""
        yield histogram(
            "orchestra_edge_turn_stage_seconds",
            "Time of each stage of a turn, from the end of the caller's speech to the first sound of the reply.",
            *(({"stage": field.removesuffix("_ms")}, stage) for field, stage in self._stages.items()),
        )
        yield counter(
            "orchestra_edge_turns_total",
            "Turns that were answered, by what there was of the reply when the turn ended.",
            *(({"ready": ready}, count) for ready, count in self._ready.items()),
        )
        yield counter(
            "orchestra_edge_predictions_wasted_total",
            "Predicted ends of turns that the caller's words disproved.",
            ({}, self._wasted),
        )


def report(calls: CallAdmission, publisher: Publisher, answering: Answering) -> Report:
    """What an edge tells the other processes of itself."""
    problems = ["it takes no new calls"] if calls.draining else []
    problems += [] if publisher.connected else [f"Redis does not take its events: {publisher.buffered} wait"]
    return Report(
        version=publisher.version,
        problems=tuple(problems),
        apps=tuple((app.name, app.version) for app in answering.apps),
        lines=answering.versions,
        load={
            "calls": len(calls),
            "calls_limit": calls.limit,
            "begun": calls.begun,
            "refused": calls.refused,
            "events_buffered": publisher.buffered,
            "media_dropped": publisher.dropped,
        },
    )


def metrics(
    calls: CallAdmission, publisher: Publisher, turns: TurnLatency, looks: Mapping[str, int]
) -> Iterator[Metric]:
    """The metrics of an edge at this moment."""
    yield gauge("orchestra_edge_calls", "Calls that are running.", ({}, len(calls)))
    yield gauge("orchestra_edge_calls_limit", "Most calls that this edge takes at a time.", ({}, calls.limit))
    yield gauge("orchestra_edge_draining", "1 when no new calls are taken.", ({}, calls.draining))
    yield counter("orchestra_edge_calls_begun_total", "Calls whose media stream was opened.", ({}, calls.begun))
    yield counter("orchestra_edge_calls_refused_total", "Calls that were answered busy.", ({}, calls.refused))
    yield counter(
        "orchestra_edge_calls_unknown_line_total",
        "Calls that have dialled what nobody answers.",
        ({}, calls.unknown_lines),
    )
    yield counter(
        "orchestra_edge_messages_left_out_total",
        "Carriers' messages that were skipped.",
        ({}, calls.skipped_messages),
    )
    yield gauge("orchestra_edge_redis_connected", "1 when Redis took the last events.", ({}, publisher.connected))
    yield gauge("orchestra_edge_events_buffered", "Events that wait for Redis.", ({}, publisher.buffered))
    yield counter("orchestra_edge_media_dropped_total", "Media events lost.", ({}, publisher.dropped))
    yield from turns.metrics()
    yield counter(
        "orchestra_edge_looks_total",
        "Smart-turn's looks at pauses: sure and early ones, early ones shed by a busy edge, and needless ones.",
        *(({"kind": kind}, count) for kind, count in looks.items()),
    )
