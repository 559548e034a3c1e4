"""What an operator says in a take-over, as each engine hears it."""

import asyncio

import pytest

from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.pipeline.operator_words import OperatorWords
from tests.voice.engines.conftest import QUESTION, quiet

pytestmark = pytest.mark.integration

RATE, FRAME_S = 16_000, 0.04


async def said_by_operator(engines: Engines, audio: bytes) -> list[str]:
    """What is understood of this, said in real time; it costs as much as it is long."""
    heard: list[str] = []
    metered: list[float] = []
    words = OperatorWords("call", engines, heard.append, metered.append)
    frame = round(FRAME_S * RATE) * 2
    try:
        for start in range(0, len(audio), frame):
            await words.push(audio[start : start + frame], RATE)
            await asyncio.sleep(FRAME_S)
        words.finish()
        assert words._finishing is not None
        await words._finishing
    finally:
        await words.close()
    assert sum(metered) == pytest.approx(len(audio) / 2 / RATE)
    return heard


def letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha() or letter == " ")


async def test_every_engine_hears_an_operator_whose_last_words_come_with_the_hand_back(
    speech: LocalSpeech, ears: Engines
) -> None:
    heard = await said_by_operator(ears, speech.synthesize(QUESTION, RATE)[0])
    assert [letters(text) for text in heard] == [letters(QUESTION)]


async def test_what_an_operator_says_after_a_pause_is_a_sentence_of_its_own(
    speech: LocalSpeech, local: LocalEngine, listening: TurnDetectionModels
) -> None:
    other = "I would like to have it delivered again on Friday afternoon, please."
    audio = [speech.synthesize(text, RATE)[0] for text in (QUESTION, other)]
    heard = await said_by_operator(Engines(local, local, listening), audio[0] + quiet(1.5) + audio[1])
    assert [letters(text) for text in heard] == [letters(QUESTION), letters(other)]


async def test_a_muted_microphone_says_nothing(ears: Engines) -> None:
    assert await said_by_operator(ears, bytes(2 * RATE * 2)) == []
