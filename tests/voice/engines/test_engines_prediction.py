"""The end of the caller's turn is predicted in a pause, and taken back when the caller goes on or says other words."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.asyncio.task_manager import TaskManager

from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.frames import (
    CallerPausedFrame,
    CallerWentOnFrame,
    TranscriptRequestedFrame,
    TurnPredictedFrame,
)
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer
from orchestra.voice.engines.turn_detection.pause_watch import PauseWatch
from orchestra.voice.engines.turn_detection.prediction import TurnPrediction
from tests.voice.edges import LevelVAD, tone

FINISHED, UNFINISHED = "Where is my parcel?", "Where is my"


@dataclass
class Ear:
    """Stands for smart-turn: it answers when the test says so."""

    answers: "asyncio.Queue[float]" = field(default_factory=asyncio.Queue)

    async def look_early(self) -> float:
        return await self.answers.get()

    def forget_early_look(self) -> None:
        pass


@dataclass
class Prediction:
    """A strategy, and what it said: words predicted, ``-`` taken back, ``?`` a transcript requested."""

    ear: Ear = field(default_factory=Ear)
    endpointer: Endpointer = field(default_factory=Endpointer)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.strategy = TurnPrediction(cast("SmartTurnAnalyzer", self.ear), self.endpointer)
        self.strategy.add_event_handler("on_push_frame", self._note)

    async def _note(self, _strategy: object, frame: Frame, _direction: FrameDirection) -> None:
        match frame:
            case TurnPredictedFrame():
                self.said.append(frame.text if frame.likely else f"{frame.text} (perhaps)")
            case EagerEndOfTurnCancelFrame():
                self.said.append("-")
            case TranscriptRequestedFrame():
                self.said.append("?")

    async def hears(self, *frames: Frame) -> None:
        for frame in frames:
            await self.strategy.process_frame(frame)

    async def sounds(self, probability: float) -> None:
        self.ear.answers.put_nowait(probability)
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def prediction() -> AsyncIterator[Prediction]:
    found = Prediction()
    found.strategy._task_manager = TaskManager(loop=asyncio.get_running_loop())
    yield found
    await found.strategy.cleanup()


def interim(text: str) -> InterimTranscriptionFrame:
    return InterimTranscriptionFrame(text, "", "")


def final(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "", "")


async def test_words_that_read_as_finished_are_predicted_in_the_pause_and_not_before(prediction: Prediction) -> None:
    await prediction.hears(interim(FINISHED))
    assert prediction.said == []
    await prediction.hears(CallerPausedFrame())
    assert prediction.said == ["?", f"{FINISHED} (perhaps)"]


async def test_a_prediction_becomes_likely_when_the_words_sound_finished_too(prediction: Prediction) -> None:
    await prediction.hears(interim(FINISHED), CallerPausedFrame())
    await prediction.sounds(0.9)
    assert prediction.said == ["?", f"{FINISHED} (perhaps)", FINISHED]


async def test_a_caller_who_goes_on_takes_it_back_at_once(prediction: Prediction) -> None:
    await prediction.hears(interim(FINISHED), CallerPausedFrame(), CallerWentOnFrame())
    assert prediction.said[-1] == "-"


async def test_a_caller_who_goes_on_after_a_long_pause_takes_it_back(prediction: Prediction) -> None:
    await prediction.hears(interim(FINISHED), CallerPausedFrame(), VADUserStartedSpeakingFrame())
    assert prediction.said[-1] == "-"


async def test_words_that_sound_finished_but_are_old_are_not_predicted_until_the_last_ones_come(
    prediction: Prediction,
) -> None:
    await prediction.hears(interim(UNFINISHED), CallerPausedFrame())
    await prediction.sounds(0.9)
    assert prediction.said == ["?"]
    await prediction.hears(final("where is my parcel now"))
    assert prediction.said == ["?", "where is my parcel now (perhaps)"]


async def test_words_that_neither_read_nor_sound_finished_are_not_predicted(prediction: Prediction) -> None:
    await prediction.hears(interim(UNFINISHED), CallerPausedFrame())
    await prediction.sounds(0.1)
    await prediction.hears(final(UNFINISHED))
    assert prediction.said == []


@pytest.mark.parametrize("text", ["I lost it", "4 2 7", "Hello.", UNFINISHED])
async def test_a_pause_that_lasts_is_predicted_to_be_the_end_unless_the_words_need_another(
    prediction: Prediction, text: str
) -> None:
    allowed_s = prediction.endpointer.pause_s(text)
    await prediction.hears(CallerPausedFrame(), interim(text))
    await prediction.sounds(0.1)
    predicted = []
    for _ in range(round(allowed_s / 0.02)):
        await prediction.hears(InputAudioRawFrame(bytes(640), 16_000, 1))
        predicted.append(text in prediction.said)
    assert predicted[-1] == (text != UNFINISHED)
    assert not any(predicted[: round(allowed_s / 0.04)])


async def test_the_transcript_of_words_that_have_not_come_yet_is_requested(prediction: Prediction) -> None:
    await prediction.hears(CallerPausedFrame())
    assert prediction.said == ["?"]


async def test_words_that_need_another_are_not_predicted_even_if_they_sound_finished(prediction: Prediction) -> None:
    await prediction.hears(interim(UNFINISHED), CallerPausedFrame())
    await prediction.sounds(0.9)
    await prediction.hears(final(UNFINISHED))
    assert prediction.said == ["?"]


async def test_what_smart_turn_says_of_an_earlier_pause_does_not_count(prediction: Prediction) -> None:
    await prediction.hears(interim(UNFINISHED), CallerPausedFrame(), CallerWentOnFrame())
    await prediction.sounds(0.9)
    await prediction.hears(interim("where is my parcel"), CallerPausedFrame())
    assert prediction.said == ["?"]


async def test_other_words_replace_the_prediction(prediction: Prediction) -> None:
    await prediction.hears(interim(FINISHED), CallerPausedFrame(), final("Where is my marvel?"))
    assert prediction.said == ["?", f"{FINISHED} (perhaps)", "Where is my marvel? (perhaps)"]


async def test_an_interim_that_no_longer_reads_as_finished_takes_the_prediction_back(prediction: Prediction) -> None:
    await prediction.hears(interim(FINISHED), CallerPausedFrame(), interim("Where is my parcel and my"))
    assert prediction.said == ["?", f"{FINISHED} (perhaps)", "-"]


async def test_the_same_words_are_predicted_once(prediction: Prediction) -> None:
    await prediction.hears(interim(FINISHED), CallerPausedFrame(), interim("where is my parcel"), final(FINISHED))
    assert prediction.said == ["?", f"{FINISHED} (perhaps)"]


async def test_words_from_before_the_caller_went_on_are_predicted_again_only_if_they_are_confirmed(
    prediction: Prediction,
) -> None:
    await prediction.hears(interim(FINISHED), CallerPausedFrame(), CallerWentOnFrame(), CallerPausedFrame())
    assert prediction.said == ["?", f"{FINISHED} (perhaps)", "-", "?"]
    await prediction.hears(final(FINISHED))
    assert prediction.said[-1] == f"{FINISHED} (perhaps)"


async def test_the_words_of_all_stretches_of_a_turn_are_predicted(prediction: Prediction) -> None:
    await prediction.hears(final("Good morning."), interim("My number is 4."), CallerPausedFrame())
    assert prediction.said[-1] == "Good morning. My number is 4. (perhaps)"


async def test_the_words_of_the_last_turn_are_forgotten(prediction: Prediction) -> None:
    await prediction.hears(final(FINISHED))
    await prediction.strategy.handle_user_turn_stopped()
    await prediction.hears(interim("Yes."), CallerPausedFrame())
    assert prediction.said[-1] == "Yes. (perhaps)"


async def test_a_call_that_ends_during_a_look_leaves_no_task(prediction: Prediction) -> None:
    await prediction.hears(CallerPausedFrame())
    await prediction.strategy.cleanup()
    assert prediction.strategy._look is None


async def watched(*parts: tuple[float, int]) -> list[tuple[float, type[Frame]]]:
    """What is noticed in sound of so many seconds and such an amplitude, each with its time in seconds."""
    vad = LevelVAD()
    vad.set_sample_rate(8_000)
    watch, found = PauseWatch(vad), []
    audio = np.concatenate([tone(seconds, amplitude) for seconds, amplitude in parts])
    for at in range(0, audio.size, 160):
        frame = InputAudioRawFrame(audio[at : at + 160].tobytes(), 8_000, 1)
        await vad.analyze_audio(frame.audio)
        if (change := watch.look(frame)) is not None:
            found.append((at / 8_000, type(change)))
    return found


async def test_a_pause_is_noticed_long_before_the_end_of_speech_is_sure() -> None:
    (pause,) = await watched((0.5, 8000), (0.5, 0))
    assert pause == (pytest.approx(0.53, abs=0.03), CallerPausedFrame)


@pytest.mark.parametrize(("gap_s", "noticed"), [(0.02, 0), (0.14, 2)])
async def test_a_stop_within_a_word_is_no_pause(gap_s: float, noticed: int) -> None:
    found = await watched((0.5, 8000), (gap_s, 0), (0.5, 8000))
    assert [kind for _, kind in found] == [CallerPausedFrame, CallerWentOnFrame][:noticed]


async def test_a_click_in_a_pause_is_not_a_caller_who_goes_on() -> None:
    found = await watched((0.5, 8000), (0.12, 0), (0.02, 8000), (0.5, 0))
    assert [kind for _, kind in found] == [CallerPausedFrame]
