"""While smart-turn looks at a pause, the call goes on."""

import asyncio

import pytest
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import (
    LLMContextFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TurnMetricsData
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601

from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.inference_queue import InferenceQueue
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer, Verdict
from orchestra.voice.engines.turn_detection.smart_turn_stop import SmartTurnStop
from orchestra.voice.load_meter import LoadMeter
from tests.voice.engines.conftest import quiet
from tests.voice.engines.line import Line
from tests.voice.engines.test_engines_conformance import caller_said


class SlowLook(SmartTurnAnalyzer):
    """Says "complete" when the test lets it, and counts the looks that were dropped."""

    def __init__(self) -> None:
        super().__init__(None, InferenceQueue(LoadMeter()), SmartTurnParams())
        self.looking = asyncio.Event()
        self.verdict = asyncio.Event()
        self.dropped = asyncio.Event()

    async def analyze_end_of_turn(self) -> Verdict:
        self.looking.set()
        try:
            await self.verdict.wait()
        except asyncio.CancelledError:
            self.dropped.set()
            raise
        judged = TurnMetricsData(processor="test", is_complete=True, probability=0.99, e2e_processing_time_ms=0.0)
        return EndOfTurnState.INCOMPLETE, judged


@pytest.fixture
async def analyzer() -> SlowLook:
    return SlowLook()


def line_with(analyzer: SlowLook) -> Line:
    strategies = UserTurnStrategies(stop=[SmartTurnStop(analyzer, Endpointer())])
    parameters = LLMUserAggregatorParams(user_turn_strategies=strategies, empty_user_turn=None)
    user, _ = LLMContextAggregatorPair(LLMContext(), user_params=parameters)
    return Line(user)


async def speak(line: Line, text: str) -> None:
    await line.push(VADUserStartedSpeakingFrame())
    await line.hear(quiet(0.2))
    await line.push(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await line.push(TranscriptionFrame(text, "", time_now_iso8601(), finalized=True))


async def test_the_verdict_ends_a_turn_whose_words_came_before_it(analyzer: SlowLook) -> None:
    async with line_with(analyzer) as line:
        await speak(line, "Good-bye.")
        await analyzer.looking.wait()
        await line.hear(quiet(0.1))
        assert not line.all(LLMContextFrame)
        analyzer.verdict.set()
        await line.hear(quiet(0.3))
        turns = await line.until_any(LLMContextFrame)
    assert caller_said(turns[0]) == "Good-bye."


async def test_a_caller_who_speaks_again_is_heard_before_the_verdict_and_makes_it_needless(analyzer: SlowLook) -> None:
    async with line_with(analyzer) as line:
        await speak(line, "Good-bye.")
        await analyzer.looking.wait()
        await line.push(VADUserStartedSpeakingFrame())
        await asyncio.wait_for(analyzer.dropped.wait(), 30)
        assert not line.all(LLMContextFrame)


async def test_a_silence_that_is_long_enough_needs_no_verdict(analyzer: SlowLook) -> None:
    async with line_with(analyzer) as line:
        await speak(line, "Good-bye.")
        await analyzer.looking.wait()
        await line.hear(quiet(3.0))
        turns = await line.until_any(LLMContextFrame)
        await asyncio.wait_for(analyzer.dropped.wait(), 30)
    assert caller_said(turns[0]) == "Good-bye."


async def test_a_call_that_is_over_is_looked_at_no_more(analyzer: SlowLook) -> None:
    async with line_with(analyzer) as line:
        await speak(line, "Good-bye.")
        await analyzer.looking.wait()
    assert analyzer.dropped.is_set()
