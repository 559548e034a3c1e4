"""The caller's turn ends when all stretches of speech in it are transcribed, and not before."""

import asyncio
from dataclasses import dataclass, field

import pytest
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import LLMContextFrame, VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
from pipecat.metrics.metrics import MetricsData
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from orchestra.voice.engines.local.endpointing import SegmentAwareTurnStop
from orchestra.voice.engines.local.stt import LocalSTT
from orchestra.voice.engines.turn_detection.endpointing import is_sentence
from orchestra.voice.engines.turn_detection.frames import SegmentTranscribedFrame
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer, TurnDetectionModels
from tests.voice.engines.conftest import quiet
from tests.voice.engines.line import Line
from tests.voice.engines.test_engines_conformance import caller_said


class Complete(SmartTurnAnalyzer):
    """Takes every pause for the end of the turn."""

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        return EndOfTurnState.COMPLETE, None


class Incomplete(SmartTurnAnalyzer):
    """Takes no pause for the end of the turn."""

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        return EndOfTurnState.INCOMPLETE, None


@dataclass
class Gated:
    """Transcribes when the test says so."""

    texts: list[str]
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def transcribe(self, pcm16: bytes, rate: int) -> str:  # noqa: ARG002
        await self.gate.acquire()
        return self.texts.pop(0)


def listening_half(listening: TurnDetectionModels, engine: Gated, analyzer: type[SmartTurnAnalyzer] = Complete) -> Line:
    end_of_turn = analyzer(listening._turn_session, listening._threads, SmartTurnParams())
    strategies = UserTurnStrategies(stop=[SegmentAwareTurnStop(end_of_turn)])
    parameters = LLMUserAggregatorParams(user_turn_strategies=strategies, empty_user_turn=None)
    user, _ = LLMContextAggregatorPair(LLMContext(), user_params=parameters)
    return Line(LocalSTT(engine), user)


async def speak(line: Line) -> None:
    stopped = len(line.all(VADUserStoppedSpeakingFrame))
    await line.push(VADUserStartedSpeakingFrame())
    await line.hear(quiet(0.2))
    await line.push(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await line.until_any(VADUserStoppedSpeakingFrame, stopped + 1)


async def test_the_turn_waits_for_the_transcript_of_its_last_stretch(listening: TurnDetectionModels) -> None:
    engine = Gated(["I want", "a new one."])
    async with listening_half(listening, engine) as line:
        await speak(line)
        await speak(line)
        engine.gate.release()
        engine.gate.release()
        turns = await line.until_any(LLMContextFrame)
    assert len(turns) == 1
    assert caller_said(turns[0]) == "I want a new one."


async def test_the_turn_ends_when_its_last_stretch_had_no_words(listening: TurnDetectionModels) -> None:
    engine = Gated(["I want a new one.", ""])
    async with listening_half(listening, engine) as line:
        await speak(line)
        await speak(line)
        engine.gate.release()
        engine.gate.release()
        turns = await line.until_any(LLMContextFrame)
    assert caller_said(turns[0]) == "I want a new one."


@pytest.mark.parametrize(
    ("text", "pause_s"), [("Thank you. Good-bye.", 0.7), ("It is 42 71.", 1.0), ("I would like to.", 2.0)]
)
async def test_a_turn_that_sounds_unfinished_ends_after_a_pause_that_the_words_decide(
    listening: TurnDetectionModels, text: str, pause_s: float
) -> None:
    engine = Gated([text])
    async with listening_half(listening, engine, Incomplete) as line:
        await speak(line)
        engine.gate.release()
        await line.until_any(SegmentTranscribedFrame)
        await line.hear(quiet(pause_s - 0.2))
        assert not line.all(LLMContextFrame)
        await line.hear(quiet(0.3))
        turns = await line.until_any(LLMContextFrame)
    assert caller_said(turns[0]) == text


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("Where is my parcel 4271?", True),
        ("Good-bye.", True),
        ("It is 42.", True),
        ("Where are you from?", True),
        ("My name is", False),
        ("The number is...", False),
        ("I would like to.", False),
        ("427 1", False),
        ("", False),
        (".", False),
    ],
)
def test_a_sentence_is_recognized_by_its_end(text: str, *, finished: bool) -> None:
    assert is_sentence(text) is finished
