"""Smart-turn looks early at a pause, and not again if it was sure."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.metrics.metrics import TurnMetricsData

from orchestra.voice.engines.turn_detection import inference_queue
from orchestra.voice.engines.turn_detection.inference_queue import InferenceQueue
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer
from orchestra.voice.load_meter import LoadMeter

FRAME = np.full(320, 1000, np.int16).tobytes()


class Session:
    """Takes the place of the model: gives the next of these probabilities."""

    def __init__(self, *probabilities: float) -> None:
        self._probabilities = list(probabilities)

    @property
    def looks_left(self) -> int:
        return len(self._probabilities)

    def run(self, _outputs: None, _inputs: dict[str, Any]) -> list[Any]:
        return [np.array([[self._probabilities.pop(0)]], np.float32)]


Analyzer = Callable[..., tuple[SmartTurnAnalyzer, Session]]


class IdleMeter(LoadMeter):
    """Of a machine that has time for everything."""

    @property
    def busy(self) -> bool:
        return False


@pytest.fixture
def analyzer() -> Iterator[Analyzer]:
    queue = InferenceQueue(IdleMeter())

    def make(*probabilities: float) -> tuple[SmartTurnAnalyzer, Session]:
        session = Session(*probabilities)
        made = SmartTurnAnalyzer(session, queue, SmartTurnParams())
        made.set_sample_rate(16_000)
        made.append_audio(FRAME, is_speech=True)
        return made, session

    yield make
    queue.close()


async def verdict(made: SmartTurnAnalyzer) -> float:
    """The probability that the strategy is given."""
    _, judged = await made.analyze_end_of_turn()
    return judged.probability if isinstance(judged, TurnMetricsData) else 0.0


async def test_an_early_look_that_says_the_turn_is_over_is_not_repeated(analyzer: Analyzer) -> None:
    made, session = analyzer(0.9, 0.1)
    assert await made.look_early() == pytest.approx(0.9)
    assert await verdict(made) == pytest.approx(0.9)
    assert session.looks_left == 1


async def test_an_early_look_that_says_the_caller_goes_on_is_not_repeated_either(analyzer: Analyzer) -> None:
    made, session = analyzer(0.1, 0.8)
    assert await made.look_early() == pytest.approx(0.1)
    assert await verdict(made) == pytest.approx(0.1)
    assert session.looks_left == 1


async def test_the_early_look_at_one_pause_says_nothing_of_the_next(analyzer: Analyzer) -> None:
    made, session = analyzer(0.9, 0.1)
    await made.look_early()
    made.forget_early_look()
    assert await verdict(made) == pytest.approx(0.1)
    assert session.looks_left == 0


async def test_whoever_waits_for_a_look_that_was_dropped_goes_on(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, session = analyzer(0.9)
    monkeypatch.setattr(inference_queue, "usable_cores", lambda: 0)
    look = asyncio.create_task(made.look_early())
    await asyncio.sleep(0)
    made.forget_early_look()
    assert await look == 0.0
    assert session.looks_left == 1


async def test_without_sound_there_is_nothing_to_look_at(analyzer: Analyzer) -> None:
    made, session = analyzer(0.9)
    made.clear()
    assert await verdict(made) == 0.0
    assert session.looks_left == 1
