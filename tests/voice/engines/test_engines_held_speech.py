"""The first sentence of a reply to a predicted turn: its speech is made early, and held until the turn is over."""

from dataclasses import dataclass

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.simulator.media_stream import MediaStream
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.call.conversation import Conversation
from orchestra.voice.call.speculation import Speculation
from orchestra.voice.engines import failover
from orchestra.voice.engines.deepgram.engine import FluxEngine, NovaEngine
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra_schemas import (
    CallEnded,
    CallResumed,
    CallStarted,
    ProviderFailed,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SpeechMetered,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from tests.servers.elevenlabs import tone as tone_of
from tests.servers.server import Faults
from tests.voice.edges import Greeting, RunningEdge, running_edge, tone
from tests.voice.engines.conftest import QUESTION, Vendors

#: calls of many seconds, in real time
pytestmark = pytest.mark.integration

SILENT = Greeting(greeting="")
FIRST = "Which parcel do you mean?"
SECOND = "That one is in Denver."
LONG = "The parcel that you mean was sent from Boston on Monday and it will be in Denver on Friday."
#: the voice of the ElevenLabs server, and what the padding of frames may add to a sentence
CHARACTER_S, SPARE_S = 0.06, 0.2


@pytest.fixture
def engines(listening: TurnDetectionModels, local: LocalEngine, vendors: Vendors, vendor_settings: Settings) -> Engines:
    vendors.elevenlabs.synthesize = tone_of
    chosen = vendor_settings.model_copy(update={"deepgram_model": "flux-general-en"})
    return Engines(FluxEngine(chosen), ElevenLabsEngine(chosen), listening, tts_fallback=local)


@pytest.fixture
def nova(
    listening: TurnDetectionModels, vendors: Vendors, vendor_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Engines:
    monkeypatch.setattr(failover, "_ANSWER_WITHIN_S", 60.0)  # the final transcript comes when the test says so
    vendors.elevenlabs.synthesize = tone_of
    return Engines(NovaEngine(vendor_settings), ElevenLabsEngine(vendor_settings), listening)


@pytest.fixture(autouse=True)
def patient_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a test holds a turn open, the edge does not assume that it is over."""
    monkeypatch.setattr(Conversation, "check_wait", lambda *_, **__: False)


@dataclass
class PredictedTurn:
    """One call in which the caller's turn is predicted, and ends when the test says so."""

    running: RunningEdge
    vendors: Vendors
    over: bool = False

    def __post_init__(self) -> None:
        self.vendors.deepgram.may_end = lambda: self.over

    @property
    def line(self) -> PhoneLine:
        return self.running.lines[0]

    async def conversation(self) -> Conversation:
        call = self.running.edge.admission.find((await self.running.event(CallStarted)).call)
        assert call is not None
        return call.conversation

    async def answered(self, text: str, turn: int = 1) -> None:
        """The agents answer the predicted turn with this."""
        await self.running.event(UserTurnPredicted, turn=turn)
        await self.reply(text, turn)

    async def reply(self, text: str, turn: int) -> None:
        call = (await self.running.event(CallStarted)).call
        await self.running.bus.publish(ReplyChunk(call=call, turn=turn, text=text, agent="tracking"))
        await self.running.bus.publish(TurnCompleted(call=call, turn=turn, agent="tracking", text=text))

    async def ready(self) -> None:
        """Wait until speech of the sentence is held; nothing of it is heard."""
        conversation = await self.conversation()
        assert await self.line.until(lambda: bool(conversation._latency.times.held), 30)
        assert await self.line.until(lambda: False, 0.5) is False  # it had the time to come out
        assert self.line.agent_audible_s == 0.0


async def metered(bus: TestBus) -> tuple[int, int]:
    """The characters that the TTS engine was given, and those of them that nobody was to hear."""
    events = await bus.published(SpeechMetered)
    return sum(event.tts_characters for event in events), sum(event.tts_characters_wasted for event in events)


async def test_speech_that_is_ready_is_held_until_the_turn_is_over_and_made_once(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel => Where is my parcel?"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await turn.answered(FIRST)
            await turn.ready()
            turn.over = True
            await running.event(ReplySpoken, turn=1, text=FIRST)

        await running.call(talk)
    assert vendors.elevenlabs.said == [("test-voice", FIRST)]
    assert turn.line.agent_audible_s > CHARACTER_S * len(FIRST) - SPARE_S
    (measured,) = await bus.published(TurnMeasured)
    assert (measured.ready, measured.wasted_predictions) == ("speech", 0)
    assert measured.predicted_ms > 500
    assert await metered(bus) == (len(FIRST), 0)


async def test_speech_that_is_still_being_made_at_the_end_of_the_turn_is_heard_as_it_comes_and_made_once(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel"]
    vendors.elevenlabs.faults = Faults(slow_s=1.0)
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors, over=True)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await turn.answered(FIRST)
            await running.event(ReplySpoken, turn=1, text=FIRST)

        await running.call(talk)
    assert vendors.elevenlabs.said == [("test-voice", FIRST)]
    assert turn.line.agent_audible_s > CHARACTER_S * len(FIRST) - SPARE_S
    (measured,) = await bus.published(TurnMeasured)
    assert measured.ready != "speech"


async def test_held_speech_of_a_caller_who_continues_is_never_heard_and_its_characters_are_counted(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel | four two seven one"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await turn.answered(FIRST)
            await turn.ready()
            line.say(tone(0.6))
            await running.event(UserTurnResumed, turn=1)
            await turn.answered(SECOND, turn=2)
            await turn.ready()
            turn.over = True
            await running.event(ReplySpoken, turn=2)

        await running.call(talk)
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [SECOND]
    assert not await bus.published(ReplyInterrupted)
    assert turn.line.agent_audible_s < CHARACTER_S * len(SECOND) + SPARE_S
    (measured,) = await bus.published(TurnMeasured)
    assert (measured.ready, measured.wasted_predictions) == ("speech", 1)
    assert await metered(bus) == (len(FIRST) + len(SECOND), len(FIRST))


async def test_held_speech_of_a_turn_with_other_words_is_never_heard(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel => where is my marvel"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await turn.answered(FIRST)
            await turn.ready()
            turn.over = True
            await running.event(UserTurnEnded, turn=2, predicted=False)
            await turn.reply(SECOND, 2)
            await running.event(ReplySpoken, turn=2)

        await running.call(talk)
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [SECOND]
    assert turn.line.agent_audible_s < CHARACTER_S * len(SECOND) + SPARE_S
    (measured,) = await bus.published(TurnMeasured)
    assert (measured.ready, measured.wasted_predictions) == ("nothing", 1)


async def interrupted(running: RunningEdge, vendors: Vendors) -> tuple[str, float]:
    """What the journal says was heard of a long held reply that the caller interrupts, and how long it was audible."""
    turn = PredictedTurn(running, vendors)

    async def talk(line: PhoneLine) -> None:
        line.say(tone(0.6))
        await turn.answered(LONG)
        await turn.ready()
        turn.over = True
        assert await line.until(lambda: line.agent_audible_s > 1.5, 30)
        line.say(tone(0.6))
        await running.event(UserTurnEnded, turn=2)

    await running.call(talk)
    cut = await running.event(ReplyInterrupted)
    assert LONG.startswith(cut.heard)
    return cut.heard, turn.line.agent_audible_s


async def test_an_interruption_of_speech_that_was_held_is_cut_at_the_word_that_was_heard(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel", "stop it now please"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        heard, audible_s = await interrupted(running, vendors)
    assert audible_s - 0.9 < CHARACTER_S * (len(heard) + 1) < audible_s + 0.1


@pytest.mark.faults
async def test_speech_that_fails_while_it_is_held_is_made_by_the_fallback_and_heard_whole(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel"]
    vendors.elevenlabs.faults = Faults(drop_after=2)
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await turn.answered(FIRST)
            await running.event(ProviderFailed, service="tts", fallback="local")
            assert line.agent_audible_s == 0.0
            turn.over = True
            await running.event(ReplySpoken, turn=1, text=FIRST)

        await running.call(talk)
    assert turn.line.agent_audible_s > 1.0
    assert not await bus.published(ReplyInterrupted)


@pytest.mark.faults
async def test_speech_that_never_comes_is_made_by_the_fallback_after_the_turn(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel"]
    vendors.elevenlabs.faults = Faults(slow_s=30)
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await turn.answered(FIRST)
            conversation = await turn.conversation()
            assert await line.until(lambda: conversation.turns.speech_prepared, 30)
            turn.over = True
            await running.event(ReplySpoken, turn=1, text=FIRST)

        await running.call(talk)
    (failed,) = await bus.published(ProviderFailed)
    assert failed.fallback == "local"
    assert turn.line.agent_audible_s > 1.0
    (measured,) = await bus.published(TurnMeasured)
    assert measured.ready == "sentence"


async def test_a_call_that_ends_while_speech_is_held_counts_its_characters_as_unsaid(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await turn.answered(FIRST)
            await turn.ready()

        await running.call(talk)
        await running.event(CallEnded)
    assert not await bus.published(ReplySpoken)
    assert await metered(bus) == (len(FIRST), len(FIRST))


async def test_speech_of_the_local_voice_is_held_and_cut_at_the_word_that_was_heard(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, local: LocalEngine
) -> None:
    vendors.deepgram.lines = ["where is my parcel", "stop it now please"]
    engines._tts = local
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        heard, audible_s = await interrupted(running, vendors)
    assert 2 * (audible_s - 1.0) < len(heard.split()) < 5 * audible_s


async def test_speech_is_held_until_novas_final_transcript_confirms_the_prediction(
    bus: TestBus, settings: Settings, nova: Engines, vendors: Vendors, speech: LocalSpeech
) -> None:
    vendors.deepgram.lines = ["Where is my parcel?"]  # the interims have all of it before the caller's last sound
    async with running_edge(bus, settings, engines=nova, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(np.frombuffer(speech.synthesize(QUESTION, 8_000)[0], np.int16))
            await turn.answered(FIRST)
            await turn.ready()
            turn.over = True
            await running.event(ReplySpoken, turn=1, text=FIRST)

        await running.call(talk)
    assert vendors.elevenlabs.said == [("test-voice", FIRST)]
    (measured,) = await bus.published(TurnMeasured)
    assert measured.ready == "speech"


async def stream_breaks(turn: PredictedTurn) -> None:
    """The stream is lost while speech is held; the call continues from its journal."""
    await turn.answered(FIRST)
    await turn.ready()
    stream = turn.line.stream
    assert isinstance(stream, MediaStream)
    stream._socket.transport.abort()
    await turn.running.event(CallResumed)
    turn.over = True


async def test_what_was_held_is_said_after_the_stream_was_lost_if_the_caller_waits(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendors.deepgram.lines = ["where is my parcel"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await stream_breaks(turn)
            monkeypatch.undo()  # the edge finds that the caller waits
            await running.event(ReplySpoken, turn=1, text=FIRST)

        await running.call(talk)
    (ended,) = await bus.published(UserTurnEnded)
    assert (ended.text, ended.predicted) == ("where is my parcel", True)
    assert len(await bus.published(ReplySpoken)) == 1


async def test_what_was_held_is_not_said_after_the_stream_was_lost_if_the_caller_goes_on(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel", "four two seven one"]
    async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await stream_breaks(turn)
            line.say(tone(0.6))
            await running.event(UserTurnResumed, turn=1)
            await turn.answered(SECOND, turn=2)
            await running.event(ReplySpoken, turn=2, text=SECOND)

        await running.call(talk)
    (ended,) = await bus.published(UserTurnEnded)
    assert (ended.turn, ended.text) == (2, "four two seven one")
    assert len(await bus.published(ReplySpoken)) == 1


@pytest.mark.parametrize("level", ["prompt", "busy"])
async def test_the_reply_alone_is_made_early_where_no_speech_may_be(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors, level: str
) -> None:
    vendors.deepgram.lines = ["where is my parcel"]
    async with running_edge(bus, settings, engines=engines, app=SILENT, speculate="speech") as running:
        busy = False
        running.edge.speculation = Speculation("prompt" if level == "prompt" else "speech", lambda: busy)
        turn = PredictedTurn(running, vendors)

        async def talk(line: PhoneLine) -> None:
            nonlocal busy
            line.say(tone(0.6))
            await running.event(UserTurnPredicted, turn=1)
            busy = True
            await turn.answered(FIRST)
            conversation = await turn.conversation()
            assert await line.until(lambda: bool(conversation._latency.times.sentence), 30)
            assert vendors.elevenlabs.said == []
            turn.over = True
            await running.event(ReplySpoken, turn=1, text=FIRST)

        await running.call(talk)
    (measured,) = await bus.published(TurnMeasured)
    assert measured.ready == "sentence"


async def test_nothing_is_made_early_where_speculation_is_off(
    bus: TestBus, settings: Settings, engines: Engines, vendors: Vendors
) -> None:
    vendors.deepgram.lines = ["where is my parcel"]
    async with running_edge(bus, settings, engines=engines, app=SILENT, speculate="off") as running:
        turn = PredictedTurn(running, vendors, over=True)

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.6))
            await running.event(UserTurnEnded, turn=1, predicted=False)
            await turn.reply(FIRST, 1)
            await running.event(ReplySpoken, turn=1, text=FIRST)

        await running.call(talk)
    assert not await bus.published(UserTurnPredicted)
    (measured,) = await bus.published(TurnMeasured)
    assert measured.ready == "nothing"
