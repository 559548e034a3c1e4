"""Phrases that are rendered once and kept."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from pipecat.frames.frames import ErrorFrame, Frame

from orchestra.language import DEFAULT_LANGUAGE
from orchestra.pronunciations import Pronunciations
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge.phrase_cache import PhraseCache
from orchestra.voice.engines.phrase import Phrase
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech, place_words_in_text
from orchestra_schemas import (
    CallEnded,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SpeechMetered,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.edges import WORD_S, Greeting, ScriptedEngines, ToneTTS, running_edge, tone

GREETING = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
LONG = " ".join([GREETING] * 3)
HELLO = SynthesizedSpeech(b"\1\0" * 800, (("Hello.", 0.0),))


class CountingEngines:
    """Renders one phrase, and counts how often."""

    def __init__(self, key: str = "voice/1") -> None:
        self.key = key
        self.speech = HELLO
        self.rendered: list[tuple[str, str]] = []

    def ipa(self, language: str) -> str:
        return "[[{}]]" if language == "en" else ""

    def voice_key(self, voice: str = "", language: str = "en", speed: float = 1.0) -> str:
        return f"{self.key}/{voice}/{language}/{speed}"

    async def render(self, text: str, voice: str = "", *_: Any) -> SynthesizedSpeech:
        self.rendered.append((text, voice))
        return self.speech


async def prepared(engines: CountingEngines, folder: Path, *texts: str, voice: str = "") -> PhraseCache:
    phrases = PhraseCache(engines, folder, [Phrase(text, voice) for text in texts])
    await phrases.prepare()
    return phrases


async def test_a_phrase_is_rendered_once_for_all_edges_and_starts(tmp_path: Path) -> None:
    engines = CountingEngines()
    for _ in range(2):
        phrases = await prepared(engines, tmp_path, " Hello. ", "")
        assert phrases.find(Phrase("Hello.")) == HELLO
        assert phrases.find(Phrase("Good-bye.")) is None
    assert engines.rendered == [("Hello.", "")]


async def test_phrases_that_are_added_later_are_rendered_while_the_edge_runs(tmp_path: Path) -> None:
    phrases = PhraseCache(CountingEngines(), tmp_path, [Phrase("Hello.")])
    keeping = asyncio.create_task(phrases.run())
    async with asyncio.timeout(60):
        while phrases.find(Phrase("Hello.")) is None:  # noqa: ASYNC110 - another task has to get there
            await asyncio.sleep(0.01)
        phrases.use_phrases([Phrase("Good-bye.")])
        while phrases.find(Phrase("Good-bye.")) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert phrases.find(Phrase("Hello.")) is None
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_another_voice_or_model_is_another_phrase(tmp_path: Path) -> None:
    engines = CountingEngines()
    await prepared(engines, tmp_path, "Hello.")
    await prepared(engines, tmp_path, "Hello.", voice="amy")
    engines.key = "voice/2"
    await prepared(engines, tmp_path, "Hello.")
    assert engines.rendered == [("Hello.", ""), ("Hello.", "amy"), ("Hello.", "")]


async def test_a_phrase_is_said_as_the_app_says_and_has_the_words_that_are_written(tmp_path: Path) -> None:
    engines = CountingEngines()
    engines.speech = SynthesizedSpeech(
        b"\1\0" * 800, (("To", 0.0), ("san", 0.2), ("ho", 0.4), ("zay", 0.5), ("now.", 0.9))
    )
    phrase = Phrase("To San José now.", speed=0.8, pronunciations=Pronunciations({"San José": "san ho zay"}))
    for _ in range(2):
        phrases = PhraseCache(engines, tmp_path, [phrase])
        await phrases.prepare()
        found = phrases.find(phrase)
        assert found is not None
        assert found.words == (("To", 0.0), ("San José", 0.2), ("now.", 0.9))
        assert phrases.find(Phrase("To San José now.", speed=0.8)) is None
        assert phrases.find(phrase._replace(speed=1.0)) is None
    assert engines.rendered == [("To san ho zay now.", "")]


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def shortened(file: bytes) -> bytes:
    return file[:-20]


def changed(file: bytes) -> bytes:
    place = file.index(HELLO.pcm16) + 50
    return file[:place] + b"\7" + file[place + 1 :]


def emptied(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damaged", [shortened, changed, emptied])
async def test_a_damaged_file_is_rendered_again(tmp_path: Path, damaged: Callable[[bytes], bytes]) -> None:
    engines = CountingEngines()
    await prepared(engines, tmp_path, "Hello.")
    file = only_file(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(damaged(whole))
    phrases = await prepared(engines, tmp_path, "Hello.")
    assert phrases.find(Phrase("Hello.")) == HELLO
    assert len(engines.rendered) == 2
    assert file.read_bytes() == whole


async def test_a_phrase_is_available_even_if_its_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    phrases = await prepared(CountingEngines(), tmp_path / "file", "Hello.")
    assert phrases.find(Phrase("Hello.")) == HELLO


def test_words_have_the_times_of_their_first_character_or_their_share() -> None:
    text = "Hi you"
    assert place_words_in_text(text, list(text), [0.0, 0.1, 0.2, 0.5, 0.6, 0.7], 1.0) == [("Hi", 0.0), ("you", 0.5)]
    assert place_words_in_text(text, [], [], 6.0) == [("Hi", 0.0), ("you", 3.0)]


class DeadTTS(ToneTTS):
    """Speaks nothing."""

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        del text, context_id
        yield ErrorFrame("the voice is away")


class KeepingEngines(ScriptedEngines):
    """Has rendered before what it cannot speak any more."""

    def tts(self, *_: Any, **__: Any) -> DeadTTS:
        return DeadTTS()

    def voice_key(self, voice: str = "", language: str = "en", speed: float = 1.0) -> str:
        return f"tone/{voice}/{language}/{speed}"

    async def render(self, text: str, *_: Any) -> SynthesizedSpeech:
        words = text.split()
        starts = tuple((word, place * WORD_S) for place, word in enumerate(words))
        return SynthesizedSpeech(tone(len(words) * WORD_S).tobytes(), starts)


async def test_the_greeting_is_heard_to_its_end_when_the_voice_is_away(bus: TestBus, settings: Settings) -> None:
    app = Greeting(greeting=GREETING)
    async with running_edge(bus, settings, engines=KeepingEngines(), app=app, prerender=True) as running:
        await running.edge.phrase_cache.prepare()

        async def talk(_: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)

        await running.call(talk)
    (spoken,) = await bus.published(ReplySpoken)
    assert spoken.text == GREETING
    assert not any(metered.tts_characters for metered in await bus.published(SpeechMetered))  # no engine was asked
    assert running.lines[0].agent_audible_s == pytest.approx(16 * WORD_S, abs=0.1)


@pytest.mark.parametrize(
    "apology", ["Sorry. Please call **0800 123 456**.", "Sorry, we are open 24/7.", "Sorry,\n  say that again."]
)
async def test_an_agents_apology_is_the_edges_phrase_however_it_is_written(
    bus: TestBus, settings: Settings, apology: str
) -> None:
    said = DEFAULT_LANGUAGE.to_speech(apology)
    app = Greeting(greeting="", apology=apology)
    engines = KeepingEngines(["where is it"])
    async with running_edge(bus, settings, engines=engines, app=app, prerender=True) as running:
        await running.edge.phrase_cache.prepare()

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            await bus.publish(ReplyChunk(call=call, turn=1, text=said), TurnCompleted(call=call, turn=1, agent="a"))
            await running.event(ReplySpoken, turn=1, text=said)

        await running.call(talk)
    assert not any(metered.tts_characters for metered in await bus.published(SpeechMetered))


@pytest.mark.integration
@pytest.mark.parametrize(("voice", "speed"), [("", None), ("amy", None), ("amy", 0.8), ("", 1.2)])
async def test_a_call_without_any_voice_ends_with_the_apology_that_is_kept_whichever_voice_spoke_before(
    bus: TestBus, settings: Settings, voice: str, speed: float | None
) -> None:
    engines, app = KeepingEngines(["where is it"]), Greeting(greeting="")
    async with running_edge(bus, settings, engines=engines, app=app, prerender=True) as running:
        await running.edge.phrase_cache.prepare()

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            reply = ReplyChunk(call=call, turn=1, text="In Denver.", voice=voice, speed=speed)
            await bus.publish(reply, TurnCompleted(call=call, turn=1, agent="a"))
            assert await line.until(lambda: line.ended, 30)

        await running.call(talk)
    (ended,) = await bus.published(CallEnded)
    assert ended.reason == "agent_hung_up"  # after its last words
    assert [spoken.text for spoken in await bus.published(ReplySpoken) if spoken.text] == [app.apology]
    assert running.lines[0].agent_audible_s == pytest.approx(len(app.apology.split()) * WORD_S, abs=0.1)


class StuckTTS(ToneTTS):
    """Takes text, and never speaks."""

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        del text, context_id
        yield None


class StuckEngines(KeepingEngines):
    """The same with a voice that does not even fail."""

    def tts(self, *_: Any, **__: Any) -> StuckTTS:
        return StuckTTS()


@pytest.mark.integration
async def test_who_waits_for_an_agents_voice_hears_the_holding_phrase_in_the_edges_own(
    bus: TestBus, settings: Settings
) -> None:
    app = Greeting(greeting="", holding="Just a moment.", apology="")
    engines = StuckEngines(["where is it"])
    async with running_edge(bus, settings, engines=engines, app=app, prerender=True) as running:
        await running.edge.phrase_cache.prepare()

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            await bus.publish(ReplyChunk(call=call, turn=1, text="In Denver.", voice="amy", speed=0.8))
            assert await line.until(lambda: line.agent_audible_s > 2.5 * WORD_S, 30)

        await running.call(talk)


async def test_only_the_played_words_of_an_interrupted_cached_phrase_count_as_heard(
    bus: TestBus, settings: Settings
) -> None:
    engines, app = KeepingEngines(["stop"]), Greeting(greeting=LONG)
    async with running_edge(bus, settings, engines=engines, app=app, prerender=True) as running:
        await running.edge.phrase_cache.prepare()

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.6, 30)
            line.say(tone(0.4))
            await running.event(ReplyInterrupted, turn=0)

        await running.call(talk)
    (cut,) = await bus.published(ReplyInterrupted)
    heard = cut.heard.split()
    assert heard == LONG.split()[: len(heard)]
    assert len(heard) == pytest.approx(running.lines[0].agent_audible_s / WORD_S, abs=2.5)
