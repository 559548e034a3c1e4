"""Deepgram is asked for the final transcript in the pause that may end the turn, and once if it does."""

import time
from collections.abc import AsyncIterator

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from orchestra.settings import Settings
from orchestra.voice.engines import failover
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.turn_detection.frames import (
    WORDS_BEGAN,
    CallerWentOnFrame,
    SegmentTranscribedFrame,
    TranscriptRequestedFrame,
)
from tests.voice.engines.conftest import QUESTION, Vendors, quiet
from tests.voice.engines.line import Line

STARTED, STOPPED = VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame


def requests(vendors: Vendors) -> int:
    return sum(message["type"] == "Finalize" for seen in vendors.deepgram.seen for message in seen.messages)


@pytest.fixture
async def line(vendors: Vendors, vendor_settings: Settings) -> AsyncIterator[Line]:
    vendors.deepgram.lines = [QUESTION, "And on Sunday?"]
    async with Line(NovaEngine(vendor_settings).stt()) as found:
        yield found


async def speak(line: Line, question: bytes) -> None:
    await line.push(STARTED(start_secs=0.2))
    await line.hear(question)


async def stop(line: Line) -> None:
    before = len(line.all(STOPPED))
    await line.push(STOPPED(stop_secs=0.2))
    await line.until_any(STOPPED, before + 1)


async def test_the_final_comes_before_the_end_of_the_stretch_is_sure(
    line: Line, vendors: Vendors, question: bytes
) -> None:
    await speak(line, question)
    await line.push(TranscriptRequestedFrame())
    (final,) = await line.until_any(TranscriptionFrame)
    assert (final.text, final.finalized) == (QUESTION, False)
    assert not line.all(SegmentTranscribedFrame)
    await stop(line)
    await line.until_any(SegmentTranscribedFrame)
    assert requests(vendors) == 1


@pytest.mark.integration
async def test_a_final_that_comes_after_the_end_of_the_stretch_is_the_last_one(
    line: Line, vendors: Vendors, question: bytes
) -> None:
    vendors.deepgram.final_s = lambda _seen, _requested_after_s: 3.0
    await speak(line, question)
    await line.push(TranscriptRequestedFrame())
    await stop(line)
    await line.hear(quiet(2.0))
    (final,) = await line.until_any(TranscriptionFrame)
    await line.until_any(SegmentTranscribedFrame)
    assert final.finalized
    assert requests(vendors) == 1
    ago_s = time.time() - final.metadata[WORDS_BEGAN]  # as if the audio had come in real time
    assert 2.0 < ago_s < len(question) / 2 / 16_000 + 2.5


async def test_a_caller_who_goes_on_is_transcribed_to_the_end(line: Line, vendors: Vendors, question: bytes) -> None:
    await speak(line, question)
    await line.push(TranscriptRequestedFrame(), CallerWentOnFrame())
    await line.hear(quiet(1.0) + question)
    await stop(line)
    finals = await line.until_any(TranscriptionFrame, 2)
    assert [final.text for final in finals] == [QUESTION, "And on Sunday?"]
    assert [final.finalized for final in finals] == [False, True]
    assert requests(vendors) == 2


@pytest.mark.integration
async def test_the_late_answer_to_an_older_request_is_not_the_last_one(
    line: Line, vendors: Vendors, question: bytes
) -> None:
    delays = iter([4.0, 0.0])
    vendors.deepgram.final_s = lambda _seen, _requested_after_s: next(delays) + 1.0
    await speak(line, question)
    await line.push(TranscriptRequestedFrame(), CallerWentOnFrame())
    await line.hear(quiet(1.0) + question)
    await stop(line)
    finals = await line.until_any(TranscriptionFrame, 2)
    assert {final.text: final.finalized for final in finals} == {QUESTION: False, "And on Sunday?": True}


async def test_a_request_that_is_not_answered_is_reported_once(
    line: Line, vendors: Vendors, question: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failover, "_ANSWER_WITHIN_S", 0.3)
    vendors.deepgram.ignores = 1
    await speak(line, question)
    await line.push(TranscriptRequestedFrame())
    await stop(line)
    await line.until_any(ErrorFrame)
    await line.until_any(SegmentTranscribedFrame)
    assert requests(vendors) == 1


async def test_a_stretch_that_was_answered_early_is_not_reported_as_unanswered(
    line: Line, question: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failover, "_ANSWER_WITHIN_S", 0.0)
    await speak(line, question)
    await line.push(TranscriptRequestedFrame())
    await line.until_any(TranscriptionFrame)
    await line.hear(quiet(0.1))
    await stop(line)
    await line.until_any(SegmentTranscribedFrame)
    await line.hear(quiet(0.2))
    assert not line.all(ErrorFrame)
