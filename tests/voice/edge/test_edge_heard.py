"""What the caller hears when speech, words or agents are late or never come: told from the audio that they received."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pipecat.frames.frames import Frame, TranscriptionFrame
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from orchestra.settings import Settings
from orchestra.simulator.audio_measure import Span, find_sounds
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.phrase import Phrase
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from orchestra.voice.engines.turn_detection.barge_in import BargeIn
from orchestra_schemas import (
    CallEnded,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)
from tests.servers.elevenlabs import ElevenLabsServer
from tests.servers.server import Faults
from tests.voice.edges import WORD_S, Greeting, RunningEdge, ScriptedEngines, ScriptedSTT, ToneTTS, running_edge, tone

HOLDING, APOLOGY = "Just a moment.", "Sorry, say that again."
SILENT = Greeting(greeting="", holding=HOLDING, apology=APOLOGY)
ANSWER = "It is in Denver and comes on Friday."
#: what a busy machine may add to a wait, in seconds
SPARE_S = 3.0


class LateSTT(ScriptedSTT):
    """Hears some seconds after it was said, and all at once, as an engine that transcribes stretch by stretch."""

    late_s = 5.0

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        await asyncio.sleep(self.late_s)
        async for frame in super().run_stt(audio):
            if isinstance(frame, TranscriptionFrame):
                yield frame


class LateTTS(ToneTTS):
    """Speaks so many seconds after it was asked to; None: never, though it says that it has."""

    def __init__(self, late_s: float | None) -> None:
        super().__init__()
        self._late_s = late_s

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        if self._late_s is None:
            await self.add_word_timestamps([(word, 0.0) for word in text.split()], context_id)
            return
        await asyncio.sleep(self._late_s)
        async for frame in super().run_tts(text, context_id):
            yield frame


@dataclass
class FaultyEngines(ScriptedEngines):
    """Engines of which one is late, or wants words before it lets the agent be interrupted."""

    speech_late_s: float | None = 0.0
    words_late: bool = False
    barge_in_words: int = 1
    rendered: list[str] = field(default_factory=list)

    def stt(self, *_: Any, **__: Any) -> ScriptedSTT:
        return LateSTT(self.words) if self.words_late else ScriptedSTT(self.words)

    def tts(self, *_: Any, **__: Any) -> Any:
        return LateTTS(self.speech_late_s)

    def user_turn_strategies(self, stt: Any, endpointer: Any) -> UserTurnStrategies:  # noqa: ARG002 - the port's
        start = [BargeIn(min_words=self.barge_in_words)] if self.barge_in_words > 1 else None
        return UserTurnStrategies(start=start, stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.2)])

    def voice_key(self, voice: str = "", *_: Any) -> str:
        return f"tone {voice}"

    async def render(self, text: str, *_: Any) -> SynthesizedSpeech:
        words = text.split()
        times = tuple((word, place * WORD_S) for place, word in enumerate(words))
        self.rendered.append(text)
        return SynthesizedSpeech(tone(len(words) * WORD_S).tobytes(), times)


@dataclass
class Heard:
    """What one caller heard after they had finished, on their own clock."""

    said: Span
    spans: list[Span]

    @property
    def waits_s(self) -> list[float]:
        """The silences one after another, from the caller's last word to each sound of the agent."""
        ends = [self.said.end_s, *(span.end_s for span in self.spans)]
        return [span.start_s - end for span, end in zip(self.spans, ends, strict=False)]


def heard(line: PhoneLine, said: Span) -> Heard:
    return Heard(said, [span for span in find_sounds(line.tracks.agent) if span.end_s > said.end_s])


async def answer(running: RunningEdge, turn: int, text: str = ANSWER) -> None:
    call = (await running.event(UserTurnEnded, turn=turn)).call
    await running.bus.publish(ReplyChunk(call=call, turn=turn, text=text, agent="tracking"))
    await running.bus.publish(TurnCompleted(call=call, turn=turn, agent="tracking", text=text))


async def answered_call(running: RunningEdge) -> Span:
    """A caller asks, and hangs up once the answer was spoken; returns when they asked."""
    said = Span(0, 0)

    async def talk(line: PhoneLine) -> None:
        nonlocal said
        said = line.say(tone(0.4))
        await answer(running, 1)
        await running.event(ReplySpoken, turn=1)

    await running.call(talk)
    return said


@asynccontextmanager
async def faulty_edge(
    bus: TestBus, settings: Settings, engines: Any, app: Greeting = SILENT, **changed: Any
) -> AsyncIterator[RunningEdge]:
    """An edge on these engines that has the app's phrases ready."""
    async with running_edge(bus, settings, engines=engines, app=app, **changed) as running:
        async with asyncio.timeout(30):
            while changed.get("prerender") and not running.edge.phrase_cache.find(Phrase(app.apology)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # nothing tells of it
        yield running


@pytest.mark.faults
async def test_speech_that_is_four_seconds_late_is_heard_and_the_caller_is_told_to_wait(
    bus: TestBus, settings: Settings
) -> None:
    engines = FaultyEngines(["where is my parcel"], speech_late_s=4.0)
    async with faulty_edge(bus, settings, engines, prerender=True) as running:
        said = await answered_call(running)
    found = heard(running.lines[0], said)
    assert found.waits_s[0] < 2.5 + SPARE_S
    assert all(wait_s < 4.0 + SPARE_S for wait_s in found.waits_s)
    answer_s = sum(span.end_s - span.start_s for span in found.spans[1:])
    assert answer_s > WORD_S * (len(ANSWER.split()) - 1)
    (spoken,) = await bus.published(ReplySpoken)
    assert spoken.text.endswith(ANSWER)
    (measured,) = await bus.published(TurnMeasured)
    assert measured.total_ms > 4000  # until the answer, not until the phrase


@pytest.mark.faults
@pytest.mark.parametrize("prerender", [True, False])
async def test_speech_that_never_comes_does_not_count_as_spoken_and_the_call_ends(
    bus: TestBus, settings: Settings, *, prerender: bool
) -> None:
    engines = FaultyEngines(["where is my parcel"], speech_late_s=None)
    async with faulty_edge(bus, settings, engines, prerender=prerender) as running:
        said = Span(0, 0)

        async def talk(line: PhoneLine) -> None:
            nonlocal said
            said = line.say(tone(0.4))
            await answer(running, 1)
            await line.until(lambda: False, 60)

        ending = await running.call(talk)
        await running.event(CallEnded)
        line = running.lines[0]
    assert ending.how == "agent_hung_up"
    assert line.now_s - said.end_s < 9.0 + SPARE_S
    assert ANSWER not in str(await bus.published(ReplySpoken))
    assert {spoken.text for spoken in await bus.published(SentenceSpoken)} <= {HOLDING}
    found = heard(line, said)
    if prerender:
        assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [APOLOGY]
        assert len(found.spans) >= 2  # told to wait, and the apology
    else:
        assert not found.spans
        assert not await bus.published(ReplySpoken)


@pytest.mark.faults
async def test_words_that_the_engine_hears_five_seconds_late_are_answered_aloud(
    bus: TestBus, settings: Settings
) -> None:
    engines = FaultyEngines(["where is my parcel"], words_late=True)
    async with faulty_edge(bus, settings, engines) as running:
        said = await answered_call(running)
    found = heard(running.lines[0], said)
    assert all(wait_s < 2.6 + SPARE_S for wait_s in found.waits_s)
    assert found.spans[-1].end_s - found.spans[-1].start_s > WORD_S * (len(ANSWER.split()) - 1)


async def test_an_interruption_is_answered_aloud_when_two_words_are_required(bus: TestBus, settings: Settings) -> None:
    engines = FaultyEngines(["please stop that"], barge_in_words=2)
    greeting = " ".join(["word"] * 60)
    async with faulty_edge(bus, settings, engines, Greeting(greeting=greeting)) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.5, 30)
            line.say(tone(0.4))
            await answer(running, 1)
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    assert (await bus.published(ReplyInterrupted))[0].turn == 0
    line = running.lines[0]
    after = line.tracks.agent[round(line.cleared_s[-1] * 8000) :]
    assert sum(span.end_s - span.start_s for span in find_sounds(after)) > WORD_S * (len(ANSWER.split()) - 1)


@pytest.mark.faults
async def test_a_caller_without_an_answer_hears_so_within_eight_seconds_and_then_the_late_answer(
    bus: TestBus, settings: Settings
) -> None:
    async with faulty_edge(bus, settings, FaultyEngines(["where is my parcel"])) as running:
        said = Span(0, 0)

        async def talk(line: PhoneLine) -> None:
            nonlocal said
            said = line.say(tone(0.4))
            await running.event(SentenceSpoken, text=APOLOGY)
            await answer(running, 1)
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    found = heard(running.lines[0], said)
    assert found.waits_s[0] < 2.5 + SPARE_S
    assert found.spans[1].start_s - said.end_s < 8.0 + SPARE_S
    spoken = (await bus.published(ReplySpoken))[0].text
    assert spoken.replace(HOLDING, "").split() == f"{APOLOGY} {ANSWER}".split()


@pytest.mark.integration
@pytest.mark.parametrize("word", ["okay", "M-H-M.", "I see."])
async def test_a_caller_who_only_listens_hears_the_answer_to_its_end(
    bus: TestBus, settings: Settings, word: str
) -> None:
    long = " ".join(["word"] * 25)
    async with faulty_edge(bus, settings, FaultyEngines(["where is my parcel", word])) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await answer(running, 1, f"{long}. {long}.")
            assert await line.until(lambda: line.agent_audible_s > 0.5, 30)
            line.say(tone(0.3))
            await running.event(ReplySpoken, turn=1, text=f"{long}. {long}.")

        await running.call(talk)
    assert not await bus.published(ReplyInterrupted)
    # it went on from the word that was paused: the greeting's words and these, and the one or two heard twice
    assert running.lines[0].agent_audible_s < (len(Greeting().greeting.split()) + 50 + 4) * 0.1


@pytest.mark.integration
@pytest.mark.parametrize("word", ["да", "はい", "نعم", "不要", "ใช่", "no"])
async def test_a_real_word_in_any_script_interrupts_the_agent(bus: TestBus, settings: Settings, word: str) -> None:
    long = " ".join(["word"] * 25)
    async with faulty_edge(bus, settings, FaultyEngines(["where is my parcel", word])) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await answer(running, 1, f"{long}. {long}.")
            assert await line.until(lambda: line.agent_audible_s > 0.5, 30)
            line.say(tone(0.3))
            await running.event(UserTurnEnded, turn=2, text=word)

        await running.call(talk)
    (cut,) = await bus.published(ReplyInterrupted)
    assert cut.turn == 1
    assert 0 < len(cut.heard.split()) < 50


@pytest.mark.integration
@pytest.mark.parametrize("character", ["語", "ก", "字"])
async def test_what_was_heard_of_a_script_without_spaces_ends_between_two_characters(
    bus: TestBus, settings: Settings, character: str
) -> None:
    long = "，".join([character * 5] * 10)
    async with spoken_by_elevenlabs(bus, settings, Faults(), "where is my parcel", "да") as (running, _):

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await answer(running, 1, long)
            assert await line.until(lambda: line.agent_audible_s > 1.0, 30)
            line.say(tone(0.3))
            await running.event(UserTurnEnded, turn=2, text="да")

        await running.call(talk)
    (cut,) = await bus.published(ReplyInterrupted)
    assert long.startswith(cut.heard)
    assert 5 <= len(cut.heard) < len(long)


async def test_any_words_after_a_question_are_its_answer_however_short(bus: TestBus, settings: Settings) -> None:
    long = " ".join(["word"] * 25)
    async with faulty_edge(bus, settings, FaultyEngines(["where is my parcel", "okay"])) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await answer(running, 1, f"Is it 4271? {long}.")
            assert await line.until(lambda: line.agent_audible_s > 0.8, 30)
            line.say(tone(0.3))
            await running.event(UserTurnEnded, turn=2, text="okay")

        await running.call(talk)
    assert len(await bus.published(ReplyInterrupted)) == 1


@pytest.mark.faults
async def test_an_echo_of_the_agents_words_neither_interrupts_nor_is_answered(bus: TestBus, settings: Settings) -> None:
    words = [f"word{number}" for number in range(40)]
    echoes = [" ".join(words[:4]), " ".join(words[10:14]), "stop it now"]
    async with faulty_edge(bus, settings, FaultyEngines(echoes), Greeting(greeting=" ".join(words))) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.4, 30)
            line.say(tone(0.3))  # stops it, until the words are known
            assert await line.until(lambda: bool(line.cleared_s), 30)
            audible_s = line.agent_audible_s
            assert await line.until(lambda: line.agent_audible_s > audible_s + 0.5, 30)
            cleared = len(line.cleared_s)
            line.say(tone(0.3))  # from now on only words do
            assert await line.until(lambda: line.agent_audible_s > audible_s + 1.5, 30)
            assert len(line.cleared_s) == cleared
            line.say(tone(0.3))
            await running.event(UserTurnEnded, turn=1)

        await running.call(talk)
    assert [ended.text for ended in await bus.published(UserTurnEnded)] == ["stop it now"]
    assert [cut.turn for cut in await bus.published(ReplyInterrupted)] == [0]


@pytest.mark.faults
async def test_words_spoken_while_the_edge_stands_still_are_asked_for_again(bus: TestBus, settings: Settings) -> None:
    engines = FaultyEngines(["what happens if it is lost"] * 9)  # the stall may cut a sentence in two
    async with faulty_edge(bus, settings, engines) as running:

        async def talk(line: PhoneLine) -> None:
            said = line.say(tone(3.0))
            assert await line.until(lambda: line.now_s > said.start_s + 1.0, 30)
            time.sleep(2.5)  # noqa: ASYNC251 - the fault
            await running.event(ReplySpoken, text=APOLOGY)
            line.say(tone(0.4))
            await answer(running, 1)
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    asked_at = next(spoken.at for spoken in await bus.published(ReplySpoken) if spoken.text == APOLOGY)
    assert all(ended.at > asked_at for ended in await bus.published(UserTurnEnded))


@pytest.mark.faults
async def test_a_caller_whom_the_engine_never_hears_is_asked_to_say_it_again_each_time(
    bus: TestBus, settings: Settings
) -> None:
    async with faulty_edge(bus, settings, FaultyEngines([])) as running:
        waited_s: list[float] = []

        async def talk(line: PhoneLine) -> None:
            for asked in (1, 2):
                said = line.say(tone(0.6))
                async with asyncio.timeout(40):
                    while [spoken.text for spoken in await bus.published(ReplySpoken)].count(APOLOGY) < asked:
                        await line.until(lambda: False, 0.1)
                waited_s.append(line.now_s - said.end_s)

        await running.call(talk)
    assert all(seconds < 9.0 + SPARE_S for seconds in waited_s)
    assert [spoken.text for spoken in await bus.published(ReplySpoken)] == [HOLDING, APOLOGY] * 2


@dataclass
class ElevenLabsVoice(ScriptedEngines):
    """ElevenLabs' voice, and ears that know beforehand."""

    voice: Any = None

    def tts(self, voice: str = "", language: str = "en", speed: float = 1.0) -> Any:
        return self.voice.tts(voice, language, speed)


@asynccontextmanager
async def spoken_by_elevenlabs(
    bus: TestBus, settings: Settings, faults: Faults, *words: str
) -> AsyncIterator[tuple[RunningEdge, ElevenLabsServer]]:
    """An edge whose agents speak with ElevenLabs' protocol, with no other voice to fall back to."""
    async with ElevenLabsServer(faults=faults) as server:
        chosen = settings.model_copy(update={"elevenlabs_url": server.ws_url, "elevenlabs_voice": "first"})
        object.__setattr__(chosen, "elevenlabs_api_key", type(chosen.elevenlabs_api_key)("key"))
        engines = ElevenLabsVoice(words, voice=ElevenLabsEngine(chosen))
        async with running_edge(bus, settings, engines=engines, app=SILENT) as running:
            yield running, server


@pytest.mark.faults
async def test_late_audio_of_elevenlabs_is_heard_to_its_end(bus: TestBus, settings: Settings) -> None:
    async with spoken_by_elevenlabs(bus, settings, Faults(slow_s=4.0), "where is my parcel") as (running, _):
        said = await answered_call(running)
    found = heard(running.lines[0], said)
    assert sum(span.end_s - span.start_s for span in found.spans) > 0.06 * len(ANSWER) - 0.3
    assert (await bus.published(ReplySpoken))[0].text == ANSWER


@pytest.mark.integration
async def test_a_sentence_is_heard_to_its_end_even_if_the_next_has_another_voice(
    bus: TestBus, settings: Settings
) -> None:
    first, second = "I am going to ask the redelivery desk.", "Good morning, this is the redelivery desk."
    async with spoken_by_elevenlabs(bus, settings, Faults(), "deliver it again") as (running, server):

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            chunk = ReplyChunk(call=call, turn=1, text=first, voice="first", agent="a")
            await bus.publish(chunk, ReplyChunk(call=call, turn=1, text=second, voice="second", agent="b"))
            await bus.publish(TurnCompleted(call=call, turn=1, agent="b", text=f"{first} {second}"))
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    assert server.said == [("first", first), ("second", second)]
    heard_s = sum(span.end_s - span.start_s for span in find_sounds(running.lines[0].tracks.agent))
    assert heard_s > 0.06 * len(first + second) - 0.3
    assert (await bus.published(ReplySpoken))[0].text == f"{first} {second}"
