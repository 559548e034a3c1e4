"""A "two" or a letter is shorter than speech has to be: it counts if the engine hears words in it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import soxr
from pipecat.audio.vad.vad_analyzer import VADState
from pipecat.frames.frames import InputAudioRawFrame, SystemFrame

from orchestra.endpointing import Endpointing
from orchestra.settings import Settings
from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.call.conversation import Conversation
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.local.stt import LocalSTT
from orchestra.voice.engines.turn_detection.frames import ShortSoundFrame
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.pipeline.user_turns import UserTurnAggregator
from orchestra_schemas import Event, TranscriptFinal, UserTurnEnded
from tests.voice.engines.conftest import Vendors, quiet
from tests.voice.engines.line import RATE, Line


@dataclass
class Scripted(LocalEngine):
    """The local engine, which hears what the test says."""

    text: str
    asked: list[float] = field(default_factory=list)

    def stt(self, *_: Any) -> LocalSTT:
        return LocalSTT(self)

    async def transcribe(self, pcm16: bytes, rate: int, _language: str) -> str:
        self.asked.append(len(pcm16) / 2 / rate)
        return self.text


@dataclass
class Heard(SystemFrame):
    """Follows audio that has been heard."""


class Listener:
    """The caller's half of a pipeline, and the events that it publishes."""

    def __init__(self, engines: Engines, **endpointing: Any) -> None:
        self.events: list[Event] = []
        conversation = Conversation(
            "call",
            "test",
            CallAudio(),
            publish=self.events.append,
            speak=lambda _speech: None,
            end=lambda _ending: None,
        )
        options = {"": Endpointing(**endpointing)}
        self.stt: Any = engines.stt()
        self.line = Line(self.stt, UserTurnAggregator(conversation, engines, self.stt, options))

    async def hear(self, pcm16: bytes) -> None:
        """Hear 16 kHz audio in whole frames; the listener lets none of it through."""
        before = len(self.line.all(Heard))
        frames = [pcm16[start : start + 640].ljust(640, b"\0") for start in range(0, len(pcm16), 640)]
        await self.line.push(*(InputAudioRawFrame(frame, RATE, 1) for frame in frames), Heard())
        await self.line.until_any(Heard, before + 1)

    async def until_turn_ended(self) -> None:
        async with asyncio.timeout(60):
            while not self.all(UserTurnEnded):
                await self.hear(quiet(0.02))
                await asyncio.sleep(0.005)

    def all(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def quick(speech: LocalSpeech, word: str, faster: float = 1.5, level: float = 1.0) -> bytes:
    """The word, said in a hurry."""
    said = np.frombuffer(speech.synthesize(word, RATE)[0], "<i2").astype(np.float32)
    loud = np.flatnonzero(np.abs(said) > 300)
    hurried = soxr.resample(said[loud[0] : loud[-1]], RATE * faster, RATE)
    return bytes((level * hurried).astype("<i2"))


def click() -> bytes:
    noise = np.random.default_rng(3).normal(0, 9_000, RATE // 100)
    return (noise * np.linspace(1, 0, noise.size)).clip(-32_768, 32_767).astype("<i2").tobytes()


def keys(strokes: int = 6) -> bytes:
    return (click() + quiet(0.12)) * strokes


def breath() -> bytes:
    noise = np.convolve(np.random.default_rng(4).normal(0, 1, int(0.8 * RATE)), np.ones(8) / 8, "same")
    return (3_000 * noise * np.hanning(noise.size)).astype("<i2").tobytes()


@pytest.mark.parametrize("word", ["Yep.", "S.", "Two.", "No."])
@pytest.mark.parametrize("level", [1.0, 0.3])
def test_a_quick_word_is_noticed(speech: LocalSpeech, listening: TurnDetectionModels, word: str, level: float) -> None:
    vad = listening.vad()
    vad.set_sample_rate(RATE)
    audio = quiet(1.0) + quick(speech, word, level=level) + quiet(0.5)
    states = [vad._run_analyzer(audio[start : start + 640]) for start in range(0, len(audio), 640)]
    assert vad.short_sound_ended or VADState.SPEAKING in states


@pytest.mark.parametrize("noise", [click(), keys(), breath()], ids=["click", "keys", "breath"])
def test_a_noise_is_no_short_sound(listening: TurnDetectionModels, noise: bytes) -> None:
    vad = listening.vad()
    vad.set_sample_rate(RATE)
    vad._run_analyzer(quiet(1.0) + noise + quiet(0.5))
    assert not vad.short_sound_ended


async def test_a_quick_word_is_a_turn(speech: LocalSpeech, listening: TurnDetectionModels) -> None:
    ears = Scripted("Two.")
    listener = Listener(Engines(ears, ears, listening))
    async with listener.line:
        await listener.hear(quiet(1.0) + quick(speech, "Two."))
        await listener.until_turn_ended()
    (ended,) = listener.all(UserTurnEnded)
    assert ended.text == "Two."
    assert len(listener.all(TranscriptFinal)) == len(ears.asked) == 1


async def test_a_quick_word_is_not_heard_again_in_what_follows(
    speech: LocalSpeech, listening: TurnDetectionModels
) -> None:
    ears = Scripted("Two.")
    listener = Listener(Engines(ears, ears, listening))
    async with listener.line as line:
        await listener.hear(quiet(1.0) + quick(speech, "Two.") + quiet(0.4))
        await line.until(lambda: len(ears.asked) == 1)
        await listener.hear(speech.synthesize("I want to talk to a person.", RATE)[0] + quiet(0.5))
        await line.until(lambda: len(ears.asked) == 2)
    assert ears.asked[1] < 2.4


async def test_a_short_sound_without_words_changes_nothing(speech: LocalSpeech, listening: TurnDetectionModels) -> None:
    ears = Scripted("")
    listener = Listener(Engines(ears, ears, listening))
    async with listener.line as line:
        await listener.hear(quiet(1.0) + quick(speech, "Two.") + quiet(1.0))
        await line.until(lambda: len(ears.asked) == 1)
        await listener.hear(quiet(1.0))
    assert listener.events == []


async def test_a_busy_machine_hears_no_more_short_sounds_of_a_noisy_line(listening: TurnDetectionModels) -> None:
    ears = Scripted("")
    listener = Listener(Engines(ears, ears, listening))
    async with listener.line as line:
        for heard in (1, 2, 3):
            await listener.hear(quiet(0.1))
            await line.push(ShortSoundFrame())
            await line.until(lambda heard=heard: len(ears.asked) == heard)  # type: ignore[misc]
        await listener.hear(quiet(0.1))
        await line.push(ShortSoundFrame())
        await listener.hear(quiet(0.1))
    assert len(ears.asked) == 3


async def test_deepgram_is_asked_for_the_words_of_a_short_sound(
    speech: LocalSpeech,
    listening: TurnDetectionModels,
    local: LocalEngine,
    vendor_settings: Settings,
    vendors: Vendors,
) -> None:
    vendors.deepgram.lines = ["Two."]
    listener = Listener(Engines(NovaEngine(vendor_settings), local, listening))
    async with listener.line as line:
        await line.until(lambda: listener.stt._connection is not None)
        await listener.hear(quiet(1.0) + quick(speech, "Two.") + quiet(0.3))
        await listener.until_turn_ended()
    assert [ended.text for ended in listener.all(UserTurnEnded)] == ["Two."]


async def test_deepgram_may_leave_a_short_sound_unanswered(
    speech: LocalSpeech,
    listening: TurnDetectionModels,
    local: LocalEngine,
    vendor_settings: Settings,
    vendors: Vendors,
) -> None:
    vendors.deepgram.ignores = 1
    listener = Listener(Engines(NovaEngine(vendor_settings), local, listening))
    async with listener.line as line:
        await line.until(lambda: listener.stt._connection is not None)
        await listener.hear(quiet(1.0) + quick(speech, "Two.") + quiet(0.3))
        await line.until(lambda: vendors.deepgram.ignores == 0)
        assert listener.stt._timer is None
    assert listener.events == []
