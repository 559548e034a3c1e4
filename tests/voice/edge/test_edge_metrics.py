"""What an edge counts."""

import httpx

from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge.metrics import TurnLatency
from orchestra_schemas import ReplySpoken, TurnMeasured
from tests.voice.edges import RunningEdge, running_edge


async def numbers(running: RunningEdge) -> dict[str, float]:
    async with httpx.AsyncClient() as http:
        page = (await http.get(running.url + "/metrics")).text
    pairs = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
    return {name.removeprefix("orchestra_edge_"): float(value) for name, value in pairs}


async def test_calls_are_counted_for_prometheus(bus: TestBus, settings: Settings) -> None:
    during: dict[str, float] = {}
    async with running_edge(bus, settings, max_calls=1) as running:

        async def talk(_: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            assert (await running.call(talk)).streams == 0
            during.update(await numbers(running))

        await running.call(talk)
    assert during["calls"] == during["calls_limit"] == during["calls_begun_total"] == 1
    assert during["calls_refused_total"] >= 1
    assert during["redis_connected"] == 1


def test_the_stages_of_each_turn_are_in_histograms() -> None:
    latency = TurnLatency()
    latency.observe(TurnMeasured(call="07-a", turn=1, tts_ms=120, total_ms=900))
    read = {
        (sample.name.removeprefix("orchestra_edge_turn_stage_seconds"), *sorted(sample.labels.values())): sample.value
        for metric in latency.metrics()
        for sample in metric.samples
    }
    assert read["_bucket", "0.1", "tts"] == 0
    assert read["_bucket", "0.15", "tts"] == 1
    assert read["_sum", "total"] == 0.9


def test_what_was_ready_when_turns_ended_and_wrong_predictions_are_counted() -> None:
    latency = TurnLatency()
    for ready, wasted in (("speech", 0), ("speech", 2), ("", 0)):
        latency.observe(TurnMeasured(call="07-a", turn=1, ready=ready, wasted_predictions=wasted))
    read = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in latency.metrics()
        for sample in metric.samples
    }
    assert read["orchestra_edge_turns_total", "speech"] == 2
    assert read["orchestra_edge_turns_total", "nothing"] == 1
    assert read["orchestra_edge_predictions_wasted_total",] == 2
