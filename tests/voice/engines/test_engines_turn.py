"""The caller's turn ends when all stretches of speech in it are transcribed, and not before."""

import asyncio
from dataclasses import dataclass, field

from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import LLMContextFrame, VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
from pipecat.metrics.metrics import MetricsData
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from orchestra.voice.engines.listening import EndOfTurn, ListeningModels
from orchestra.voice.engines.local.stt import LocalSTT
from orchestra.voice.engines.local.turn import SegmentAwareTurnStop
from tests.voice.engines.conftest import quiet
from tests.voice.engines.line import Line
from tests.voice.engines.test_engines_conformance import caller_said


class Complete(EndOfTurn):
    """Takes every pause for the end of the turn."""

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        return EndOfTurnState.COMPLETE, None


@dataclass
class Slow:
    """Transcribes when the test says so."""

    texts: list[str]
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def transcribe(self, pcm16: bytes, rate: int) -> str:  # noqa: ARG002
        await self.gate.acquire()
        return self.texts.pop(0)


def listening_half(listening: ListeningModels, engine: Slow) -> Line:
    analyzer = Complete(listening._turn_session, listening._threads, SmartTurnParams())
    strategies = UserTurnStrategies(stop=[SegmentAwareTurnStop(turn_analyzer=analyzer)])
    parameters = LLMUserAggregatorParams(user_turn_strategies=strategies, empty_user_turn=None)
    user, _ = LLMContextAggregatorPair(LLMContext(), user_params=parameters)
    return Line(LocalSTT(engine), user)


async def speak(line: Line) -> None:
    stopped = len(line.all(VADUserStoppedSpeakingFrame))
    await line.push(VADUserStartedSpeakingFrame())
    await line.hear(quiet(0.2))
    await line.push(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await line.until_any(VADUserStoppedSpeakingFrame, stopped + 1)


async def test_the_turn_waits_for_the_transcript_of_its_last_stretch(listening: ListeningModels) -> None:
    engine = Slow(["I want", "a new one."])
    async with listening_half(listening, engine) as line:
        await speak(line)
        await speak(line)
        engine.gate.release()
        engine.gate.release()
        turns = await line.until_any(LLMContextFrame)
    assert len(turns) == 1
    assert caller_said(turns[0]) == "I want a new one."


async def test_the_turn_ends_when_its_last_stretch_had_no_words(listening: ListeningModels) -> None:
    engine = Slow(["I want a new one.", ""])
    async with listening_half(listening, engine) as line:
        await speak(line)
        await speak(line)
        engine.gate.release()
        engine.gate.release()
        turns = await line.until_any(LLMContextFrame, timeout_s=2.0)
    assert caller_said(turns[0]) == "I want a new one."
