"""A pause in a sentence costs no words: the local engine transcribes both sides of it together."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.local.joined_stretches import JoinedStretches
from orchestra.voice.engines.local.stt import LocalSTT
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra_schemas import TranscriptFinal, UserTurnEnded
from tests.voice.engines.conftest import quiet
from tests.voice.engines.line import RATE
from tests.voice.engines.test_engines_short_sounds import Listener

BEFORE, AFTER = "I would like", "to have it delivered again."


@dataclass
class Lengths(LocalEngine):
    """The local engine, which hears the texts of the test, and how long what it is given is."""

    texts: list[str]
    given_s: list[float] = field(default_factory=list)
    has_time: bool = True

    def stt(self, *_: Any) -> LocalSTT:
        return LocalSTT(self, lambda: self.has_time)

    async def transcribe(self, pcm16: bytes, rate: int, _language: str) -> str:
        self.given_s.append(len(pcm16) / 2 / rate)
        return self.texts[len(self.given_s) - 1]


async def _say_with_a_pause(speech: LocalSpeech, listening: TurnDetectionModels, ears: Lengths) -> Listener:
    listener = Listener(Engines(ears, ears, listening), min_pause_s=1.5)
    async with listener.line as line:
        await listener.hear(quiet(1.0) + speech.synthesize(BEFORE, RATE)[0] + quiet(0.3))
        await line.until(lambda: bool(listener.all(TranscriptFinal)))
        await listener.hear(speech.synthesize(AFTER, RATE)[0] + quiet(0.4))
        await line.until(lambda: len(ears.given_s) == 2)
        async with asyncio.timeout(60):
            while len(listener.all(UserTurnEnded)) == 0:
                await listener.hear(quiet(0.02))
                await asyncio.sleep(0.005)
    return listener


async def test_a_busy_machine_transcribes_each_stretch_alone(
    speech: LocalSpeech, listening: TurnDetectionModels
) -> None:
    ears = Lengths(["I would like", AFTER], has_time=False)
    listener = await _say_with_a_pause(speech, listening, ears)

    assert [ended.text for ended in listener.all(UserTurnEnded)] == [f"{BEFORE} {AFTER}"]
    assert [final.joined for final in listener.all(TranscriptFinal)] == [False, False]


async def test_the_words_of_both_stretches_replace_those_of_the_first(
    speech: LocalSpeech, listening: TurnDetectionModels
) -> None:
    ears = Lengths(["I would like...", f"{BEFORE} {AFTER}"])
    listener = await _say_with_a_pause(speech, listening, ears)

    assert [ended.text for ended in listener.all(UserTurnEnded)] == [f"{BEFORE} {AFTER}"]
    assert [final.joined for final in listener.all(TranscriptFinal)] == [False, True]
    assert ears.given_s[1] > ears.given_s[0] + len(speech.synthesize(AFTER, RATE)[0]) / 2 / RATE - 0.6


def test_a_stretch_of_another_turn_is_not_joined() -> None:
    stretches, buffer = JoinedStretches(), bytearray(b"two")
    stretches.turn_started()
    stretches.transcribed(b"one")
    stretches.turn_ended()
    stretches.turn_started()
    stretches.begin(buffer, RATE, allowed=True)
    assert buffer == b"two"


def test_a_stretch_is_parted_again_if_its_turn_ends_or_it_becomes_long() -> None:
    for ends, long in ((True, b""), (False, bytes(9 * 2 * RATE))):
        stretches, buffer = JoinedStretches(), bytearray(b"two")
        stretches.turn_started()
        stretches.transcribed(b"one")
        stretches.begin(buffer, RATE, allowed=True)
        assert buffer == b"onetwo"
        if ends:
            stretches.turn_ended()
        buffer += long
        stretches.end(buffer, RATE)
        assert buffer == b"two" + long
        assert not stretches.is_joined(bytes(buffer))


def test_a_stretch_is_not_joined_past_one_that_is_still_being_transcribed() -> None:
    stretches, buffer = JoinedStretches(), bytearray(b"three")
    stretches.turn_started()
    stretches.transcribed(b"one")
    stretches.begin(buffer, RATE, allowed=False)
    stretches.end(buffer, RATE)
    assert buffer == b"three"
    assert not stretches.is_joined(b"three")
