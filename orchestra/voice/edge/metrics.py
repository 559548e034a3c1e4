"""What an edge counts, in Prometheus' text format.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable
from typing import NamedTuple

from orchestra.bus import Publisher
from orchestra.voice.edge.admission import CallAdmission

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Sample(NamedTuple):
    """One number: its name, its kind ("gauge", "counter"), what it means, its value."""

    name: str
    kind: str
    meaning: str
    value: float


def samples(calls: CallAdmission, publisher: Publisher) -> Iterable[Sample]:
    """The numbers of an edge at this moment."""
    yield Sample("orchestra_edge_calls", "gauge", "Calls that are running.", len(calls))
    yield Sample("orchestra_edge_calls_limit", "gauge", "Calls that this edge takes at most.", calls.limit)
    yield Sample("orchestra_edge_draining", "gauge", "1 when no new calls are taken.", calls.draining)
    yield Sample("orchestra_edge_calls_begun_total", "counter", "Calls whose stream came.", calls.begun)
    yield Sample("orchestra_edge_calls_refused_total", "counter", "Calls that were answered busy.", calls.refused)
    yield Sample("orchestra_edge_messages_left_out_total", "counter", "Messages skipped.", calls.skipped_messages)
    yield Sample("orchestra_edge_redis_connected", "gauge", "1 when Redis took the last events.", publisher.connected)
    yield Sample("orchestra_edge_events_buffered", "gauge", "Events that wait for Redis.", publisher.buffered)
    yield Sample("orchestra_edge_media_dropped_total", "counter", "Media events lost.", publisher.dropped)


def prometheus(numbers: Iterable[Sample]) -> str:
    """The numbers as a page of text."""
    lines = [
        f"# HELP {one.name} {one.meaning}\n# TYPE {one.name} {one.kind}\n{one.name} {float(one.value):g}\n"
        for one in numbers
    ]
    return "".join(lines)
