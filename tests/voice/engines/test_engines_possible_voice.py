"""While a sound may be the beginning of the caller's voice, the agent's audio waits, unless only words interrupt it."""

import numpy as np
import pytest
from pipecat.frames.frames import BotStartedSpeakingFrame, InputAudioRawFrame, UserStartedSpeakingFrame

from orchestra.endpointing import Endpointing
from orchestra.settings import Settings
from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.call.actions import PauseAudio, ResumeAudio, Speech
from orchestra.voice.call.conversation import Conversation
from orchestra.voice.engines.deepgram.engine import FluxEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.pipeline.user_turns import UserTurnAggregator, words_within_s
from tests.voice.engines.line import RATE, Line
from tests.voice.engines.test_engines_short_sounds import Heard

_WINDOW = 512


def sound(aggregator: UserTurnAggregator, confidences: list[float]) -> list[InputAudioRawFrame]:
    """A loud sound, of each window of which the VAD will be so sure."""
    sure = iter(confidences)
    aggregator._vad._silero.confidence = lambda _window, _rate: next(sure)  # type: ignore[method-assign]
    samples = np.random.default_rng(7).normal(0, 9_000, (len(confidences), _WINDOW)).astype("<i2")
    return [InputAudioRawFrame(window.tobytes(), RATE, 1) for window in samples]


async def decided(engines: Engines, confidences: list[float]) -> list[Speech]:
    """What is done to the agent's speech in such a sound."""
    spoken: list[Speech] = []
    conversation = Conversation(
        "call", "test", CallAudio(), publish=lambda _event: None, speak=spoken.append, end=lambda _ending: None
    )
    conversation.greet("Welcome to Swift Parcel.")
    stt = engines.stt()
    aggregator = UserTurnAggregator(conversation, engines, stt, {"": Endpointing()})
    async with Line(stt, aggregator) as line:
        await line.push(*sound(aggregator, confidences), Heard())
        await line.until_any(Heard)
    return [each for each in spoken if isinstance(each, PauseAudio | ResumeAudio)]


@pytest.mark.parametrize(
    ("confidences", "done"),
    [
        ([0.9, 0.0], []),
        ([0.9, 0.9], [PauseAudio()]),
        ([0.9, 0.9, 0.9, 0.0], [PauseAudio(), ResumeAudio()]),
    ],
)
async def test_the_agent_pauses_while_a_sound_may_be_a_voice(
    local: LocalEngine, listening: TurnDetectionModels, confidences: list[float], done: list[Speech]
) -> None:
    assert await decided(Engines(local, local, listening), confidences) == done


@pytest.mark.parametrize("engine", ["words", "flux"])
async def test_where_only_words_interrupt_no_sound_pauses_the_agent(
    local: LocalEngine, listening: TurnDetectionModels, vendor_settings: Settings, engine: str
) -> None:
    ears = FluxEngine(vendor_settings) if engine == "flux" else local
    engines = Engines(ears, local, listening, barge_in_words=2 if engine == "words" else 1)
    assert await decided(engines, [0.9, 0.9, 0.9, 0.0]) == []


@pytest.mark.parametrize("agent_speaks", [True, False])
async def test_an_engine_that_takes_over_knows_that_the_agent_speaks(
    local: LocalEngine, listening: TurnDetectionModels, *, agent_speaks: bool
) -> None:
    conversation = Conversation(
        "call", "test", CallAudio(), publish=lambda _event: None, speak=lambda _: None, end=lambda _ending: None
    )
    engines = Engines(local, local, listening, barge_in_words=2)
    stt = engines.stt()
    aggregator = UserTurnAggregator(conversation, engines, stt, {"": Endpointing()})
    async with Line(stt, aggregator) as line:
        await line.push(*([BotStartedSpeakingFrame()] if agent_speaks else []), Heard())
        await line.until_any(Heard)
        await aggregator.switch_engine(stt)
        await line.push(*sound(aggregator, [0.9] * 8), Heard())
        await line.until_any(Heard, 2)
    assert bool(line.all(UserStartedSpeakingFrame)) != agent_speaks


@pytest.mark.parametrize(("voice_s", "within_s"), [(0.2, 0.5), (0.5, 0.5), (1.2, 1.2), (2.7, 2.7), (20.0, 3.0)])
def test_a_reply_waits_longer_for_the_words_of_a_longer_voice(voice_s: float, within_s: float) -> None:
    assert words_within_s(voice_s) == within_s
