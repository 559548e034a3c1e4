"""The caller's turn ends when all stretches of speech in it are transcribed, and not before."""

import asyncio
from dataclasses import dataclass, field

import pytest
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import LLMContextFrame, VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
from pipecat.metrics.metrics import MetricsData, TurnMetricsData
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from orchestra.endpointing import Endpointing
from orchestra.voice.engines.local.endpointing import SegmentAwareTurnStop
from orchestra.voice.engines.local.stt import LocalSTT
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.frames import SegmentTranscribedFrame
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer, TurnDetectionModels
from tests.voice.engines.conftest import quiet
from tests.voice.engines.line import Line
from tests.voice.engines.test_engines_conformance import caller_said


class Judged(SmartTurnAnalyzer):
    """Gives every pause the same probability of being the end of the turn."""

    probability = 0.0

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        judged = TurnMetricsData(
            processor="test", is_complete=False, probability=self.probability, e2e_processing_time_ms=0.0
        )
        return EndOfTurnState.INCOMPLETE, judged


class Complete(Judged):
    """Takes every pause for the end of the turn."""

    probability = 0.99


class Incomplete(Judged):
    """Takes no pause for the end of the turn."""

    probability = 0.01


@dataclass
class Gated:
    """Transcribes when the test says so."""

    texts: list[str]
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def transcribe(self, pcm16: bytes, rate: int, language: str) -> str:  # noqa: ARG002
        await self.gate.acquire()
        return self.texts.pop(0)


def listening_half(
    listening: TurnDetectionModels,
    engine: Gated,
    analyzer: type[SmartTurnAnalyzer] = Complete,
    endpointer: Endpointer | None = None,
) -> Line:
    end_of_turn = analyzer(listening._turn_session, listening.queue, SmartTurnParams())
    strategies = UserTurnStrategies(stop=[SegmentAwareTurnStop(end_of_turn, endpointer or Endpointer())])
    parameters = LLMUserAggregatorParams(user_turn_strategies=strategies, empty_user_turn=None)
    user, _ = LLMContextAggregatorPair(LLMContext(), user_params=parameters)
    return Line(LocalSTT(engine), user)


async def wait_of(line: Line, engine: Gated) -> float:
    """Seconds of silence, in steps of 0.1, after which a stretch of speech that is just transcribed ends the turn."""
    before = len(line.all(LLMContextFrame))
    heard = len(line.all(SegmentTranscribedFrame))
    await speak(line)
    engine.gate.release()
    await line.until_any(SegmentTranscribedFrame, heard + 1)
    silence_s = 0.2
    while len(line.all(LLMContextFrame)) == before:
        await line.hear(quiet(0.1))
        await asyncio.sleep(0)
        silence_s += 0.1
        assert silence_s < 4.0
    return silence_s


async def speak(line: Line) -> None:
    stopped = len(line.all(VADUserStoppedSpeakingFrame))
    await line.push(VADUserStartedSpeakingFrame())
    await line.hear(quiet(0.2))
    await line.push(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await line.until_any(VADUserStoppedSpeakingFrame, stopped + 1)


@pytest.mark.integration
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


@pytest.mark.integration
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
    ("text", "analyzer", "least_s", "most_s"),
    [
        ("Thank you. Good-bye.", Complete, 0.2, 0.5),
        ("Thank you. Good-bye.", Incomplete, 0.6, 1.2),
        ("My card was stolen.", Incomplete, 1.4, 2.2),
        ("I would like to.", Complete, 1.6, 2.2),
        ("I would like to.", Incomplete, 1.6, 2.4),
        ("He was not.", Complete, 1.6, 2.2),
        ("My parcel number is 4, 2.", Complete, 0.8, 1.2),
        ("Let me think.", Complete, 2.3, 2.7),
    ],
)
async def test_words_and_sound_decide_how_long_a_pause_ends_the_turn(
    listening: TurnDetectionModels, text: str, analyzer: type[SmartTurnAnalyzer], least_s: float, most_s: float
) -> None:
    engine = Gated([text])
    async with listening_half(listening, engine, analyzer) as line:
        assert least_s <= await wait_of(line, engine) <= most_s


async def test_digits_in_groups_are_one_turn_that_ends_with_the_last_digit(listening: TurnDetectionModels) -> None:
    engine = Gated(["4, 2.", "4, 2, 7-1."])  # both groups together
    endpointer = Endpointer(asked=lambda: ("desk", "What are the last four digits of your card?"))
    async with listening_half(listening, engine, Complete, endpointer) as line:
        await speak(line)
        engine.gate.release()
        await line.until_any(SegmentTranscribedFrame)
        await line.hear(quiet(0.6))  # after the 0.2 s that voice activity detection takes
        assert not line.all(LLMContextFrame)
        assert await wait_of(line, engine) < 0.5
        turns = await line.until_any(LLMContextFrame)
    assert caller_said(turns[0]).endswith("4, 2, 7-1.")


async def test_a_caller_who_was_cut_gets_more_time_for_the_next_pause(listening: TurnDetectionModels) -> None:
    engine = Gated(["I bought it in Denver", "last year in May", "at the big store"])
    async with listening_half(listening, engine, Incomplete) as line:
        first = await wait_of(line, engine)
        second = await wait_of(line, engine)  # the caller goes on although nobody has answered
    assert second > first


async def test_the_agent_that_speaks_decides_how_patient_it_is(listening: TurnDetectionModels) -> None:
    options = {"": Endpointing(), "billing": Endpointing(max_pause_s=0.6)}
    waits = []
    for agent in ("desk", "billing"):
        engine = Gated(["I would like to."])
        endpointer = Endpointer(asked=lambda agent=agent: (agent, "Yes?"), options=options)  # type: ignore[misc]
        async with listening_half(listening, engine, Incomplete, endpointer) as line:
            waits.append(await wait_of(line, engine))
    assert waits[1] <= 0.7 < waits[0]
