"""The local engine transcribes a stretch of speech in the pause that probably ends it, and not again if it does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from orchestra.errors import EngineError
from orchestra.voice.engines.local.standby import StandbySTT
from orchestra.voice.engines.local.stt import LocalSTT
from orchestra.voice.engines.turn_detection.frames import (
    CallerPausedFrame,
    CallerWentOnFrame,
    SegmentTranscribedFrame,
)
from tests.voice.engines.conftest import quiet
from tests.voice.engines.line import Line

STARTED, STOPPED = VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame


@dataclass
class Counting:
    """Hears so many tenths of a second; the texts are ``fails`` times an error."""

    fails: int = 0
    heard: list[str] = field(default_factory=list)
    may_run: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_run.set()

    async def transcribe(self, pcm16: bytes, rate: int, _language: str) -> str:
        await self.may_run.wait()
        if self.fails:
            self.fails -= 1
            msg = "out of memory"
            raise EngineError(msg)
        self.heard.append(f"{len(pcm16) / 2 / rate:.1f}")
        return self.heard[-1]


def line_of(engine: Counting, *, has_time: Callable[[], bool] = lambda: True) -> Line:
    return Line(LocalSTT(engine, has_time))


def texts(line: Line, kind: type[Frame]) -> list[str]:
    return [getattr(frame, "text", "") for frame in line.all(kind)]


async def stretch(line: Line, *pauses_s: float) -> None:
    """Begin to speak, and pause and go on so many times."""
    await line.push(STARTED(start_secs=0.2))
    for seconds in pauses_s:
        await line.hear(quiet(seconds))
        await line.push(CallerPausedFrame(), CallerWentOnFrame())


async def test_an_early_transcript_is_the_transcript_if_the_stretch_is_over() -> None:
    engine = Counting()
    async with line_of(engine) as line:
        await stretch(line)
        await line.hear(quiet(0.5))
        await line.push(CallerPausedFrame())
        await line.until_any(InterimTranscriptionFrame)
        await line.hear(quiet(0.1))
        await line.push(STOPPED(stop_secs=0.2))
        await line.until_any(SegmentTranscribedFrame)
    assert texts(line, InterimTranscriptionFrame) == texts(line, TranscriptionFrame) == engine.heard == ["0.5"]


async def test_an_early_transcript_that_is_not_ready_is_waited_for() -> None:
    engine = Counting()
    engine.may_run.clear()
    async with line_of(engine) as line:
        await stretch(line)
        await line.hear(quiet(0.5))
        await line.push(CallerPausedFrame(), STOPPED(stop_secs=0.2))
        await line.until_any(STOPPED)
        engine.may_run.set()
        await line.until_any(SegmentTranscribedFrame)
    assert texts(line, TranscriptionFrame) == engine.heard == ["0.5"]
    assert not line.all(InterimTranscriptionFrame)


async def test_a_stretch_that_goes_on_is_transcribed_whole() -> None:
    engine = Counting()
    async with line_of(engine) as line:
        await stretch(line, 0.5)
        await line.hear(quiet(0.5))
        await line.push(CallerPausedFrame(), STOPPED(stop_secs=0.2))
        await line.until_any(SegmentTranscribedFrame)
    assert texts(line, TranscriptionFrame) == ["1.0"]


async def test_a_caller_who_pauses_often_costs_two_early_transcripts_of_a_stretch() -> None:
    engine = Counting()
    async with line_of(engine) as line:
        await stretch(line, *[0.1] * 6)
        await line.push(STOPPED(stop_secs=0.2))
        await line.until_any(SegmentTranscribedFrame)
    assert len(engine.heard) <= 3


async def test_a_call_whose_early_transcripts_are_in_vain_makes_no_more_of_them() -> None:
    engine = Counting()
    async with line_of(engine) as line:
        for count in range(1, 6):
            await stretch(line, 0.1)
            await line.push(STOPPED(stop_secs=0.2))
            await line.until_any(SegmentTranscribedFrame, count)
    assert len(engine.heard) == 5 + 2


async def test_a_busy_machine_transcribes_nothing_early() -> None:
    engine = Counting()
    async with line_of(engine, has_time=lambda: False) as line:
        await stretch(line)
        await line.hear(quiet(0.5))
        await line.push(CallerPausedFrame())
        await line.hear(quiet(0.1))
        await line.push(STOPPED(stop_secs=0.2))
        await line.until_any(SegmentTranscribedFrame)
    assert engine.heard == ["0.6"]


async def test_after_an_early_failure_the_stretch_is_transcribed_at_its_end() -> None:
    engine = Counting(fails=1)
    async with line_of(engine) as line:
        await stretch(line)
        await line.hear(quiet(0.5))
        await line.push(CallerPausedFrame(), STOPPED(stop_secs=0.2))
        await line.until_any(SegmentTranscribedFrame)
    assert texts(line, TranscriptionFrame) == ["0.5"]


@pytest.mark.parametrize("at_work", [False, True])
async def test_an_engine_that_stands_by_transcribes_nothing_early(*, at_work: bool) -> None:
    engine = Counting()
    standby = StandbySTT(engine, lambda: True)
    async with Line(standby) as line:
        if at_work:
            await standby.activate()
        await stretch(line)
        await line.hear(quiet(0.5))
        await line.push(CallerPausedFrame(), STOPPED(stop_secs=0.2))
        await line.until_any(STOPPED)
        if at_work:
            await line.until_any(SegmentTranscribedFrame)
    assert engine.heard == ["0.5"] * at_work


async def test_a_call_that_ends_during_an_early_transcript_leaves_no_task() -> None:
    engine = Counting()
    engine.may_run.clear()
    async with line_of(engine) as line:
        await stretch(line)
        await line.push(CallerPausedFrame())
        await line.until_any(CallerPausedFrame)
    assert not [task for task in asyncio.all_tasks() if "early-transcript" in task.get_name()]
