"""Deepgram leaves one noise unanswered: the turn is dropped, the engine stays."""

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transcript_match import compare
from orchestra.testing import TestBus
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra_schemas import ProviderFailed, ReplyChunk, ReplySpoken, TranscriptFinal, TurnCompleted, UserTurnEnded
from tests.voice.edges import Greeting, running_edge
from tests.voice.engines.conftest import QUESTION, Vendors


@pytest.fixture(params=["fallback", "alone"])
def engines(
    request: pytest.FixtureRequest, listening: TurnDetectionModels, local: LocalEngine, vendor_settings: Settings
) -> Engines:
    spare = local if request.param == "fallback" else None
    return Engines(NovaEngine(vendor_settings), local, listening, stt_fallback=spare)


@pytest.mark.faults
async def test_a_cough_that_deepgram_does_not_answer_moves_the_call_to_no_other_engine(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, speech: LocalSpeech
) -> None:
    vendors.deepgram.lines = ["", QUESTION]
    vendors.deepgram.ignores = 1
    app = Greeting(greeting="Good morning.", holding="")
    async with running_edge(bus, settings, engines=engines, app=app) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            said = line.say(_cough(speech))
            assert await line.until(lambda: vendors.deepgram.ignores == 0, 30)
            assert await line.until(lambda: line.now_s > said.end_s + 4.5, 30)  # it would have been taken for broken
            line.say(np.frombuffer(speech.synthesize(QUESTION, 8_000)[0], np.int16))
            call = (await running.event(UserTurnEnded, turn=1)).call
            await bus.publish(ReplyChunk(call=call, turn=1, text="From nine to five."))
            await bus.publish(TurnCompleted(call=call, turn=1, agent="reception"))
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    assert not [failed for failed in await bus.published(ProviderFailed) if failed.service == "stt"]
    (final,) = await bus.published(TranscriptFinal)
    assert (final.engine, compare(QUESTION, final.text).matches) == ("deepgram", True)


def _cough(speech: LocalSpeech) -> np.ndarray:
    """The sound of a voice without a word in it."""
    return np.frombuffer(speech.synthesize("Mmm.", 8_000)[0], np.int16)
