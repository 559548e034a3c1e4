"""kill -9 at a change of the call's language, or in the reply to it: the call goes on in the new language."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestra.bus import Bus
from orchestra.settings import load_settings
from orchestra.simulator import Caller, PhoneLine
from orchestra_schemas import (
    CallResumed,
    CallStarted,
    LanguageChanged,
    ReplyChunk,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
)
from tests.faults.spoken.journal import Journal
from tests.faults.spoken.kills import processes
from tests.faults.spoken.running import spoken_stack
from tests.faults.spoken.tones import APOLOGY, GREETING, HOLDING, NONSENSE, encode, plain, words_in

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

ASKS_FOR_SPANISH = "speak spanish please"
ASKS_FOR_MORE = f"ask for {NONSENSE[1]} {NONSENSE[2]} please"
ANSWERS = {1: f"{NONSENSE[10]} {NONSENSE[11]}.", 2: f"{NONSENSE[12]} {NONSENSE[13]}."}


class HeldModel:
    """Answers once it may, and notes what it was told of the language."""

    def __init__(self, answers: Mapping[int, str] = ANSWERS) -> None:
        self._answers = answers
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.told: list[bool] = []

    async def __call__(self, messages: list[dict[str, Any]], _tools: list[dict[str, Any]]) -> str:
        said = " ".join(str(message["content"]) for message in messages if message["role"] == "user")
        turn = 2 if ASKS_FOR_MORE in said else 1
        self.told.append(any("answer in Spanish" in str(message["content"]) for message in messages))
        self.asked.set()
        await self.may_answer.wait()
        return self._answers[turn]


@pytest.mark.parametrize("role", ["edge", "orchestration", "execution"])
async def test_the_reply_comes_in_the_language_that_the_caller_has_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    model, journal = HeldModel(), Journal()
    app = "tests.faults.spoken.bilingual:app"
    monkeypatch.setenv("ORCHESTRA_STT", "deepgram")  # which know Spanish; the tones' engines take their place
    monkeypatch.setenv("ORCHESTRA_TTS", "elevenlabs")
    async with spoken_stack(tmp_path, monkeypatch, app=app, answers=model) as running:
        bus = await Bus.connect(load_settings().model_copy(update={"redis_url": running.redis_url}))
        following = asyncio.create_task(journal.follow(bus))

        async def talk(line: PhoneLine) -> None:
            started = await journal.until(CallStarted)
            await journal.until(ReplySpoken, turn=0, text=GREETING)
            line.say(encode(ASKS_FOR_SPANISH)[0])
            changed = await journal.until(LanguageChanged)
            async with asyncio.timeout(30):
                await model.asked.wait()
            assert not journal.all(ReplyChunk)
            victim = running.edges[started.source] if role == "edge" else processes(tmp_path)[role][0]
            os.kill(victim, signal.SIGKILL)
            if role == "edge":
                await journal.until(CallResumed, turn=changed.turn)
            model.may_answer.set()
            await journal.heard(ANSWERS[1])
            await journal.until(TurnCompleted, turn=1)
            line.say(encode(ASKS_FOR_MORE)[0])
            await journal.heard(ANSWERS[2])
            await journal.until(TurnCompleted, turn=2)

        ending = await Caller(running.url, running.auth_token).call(PhoneLine(), talk)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await bus.close()
    assert (ending.how, ending.streams) == ("caller_hung_up", 2 if role == "edge" else 1)
    (changed,) = journal.all(LanguageChanged)
    assert (changed.language, changed.reason, changed.turn) == ("es", "asked", 1)
    assert [event.text for event in journal.all(UserTurnEnded)] == [ASKS_FOR_SPANISH, ASKS_FOR_MORE]
    said_since = " ".join(event.text for event in journal.all(ReplySpoken) if event.turn)
    assert not any(phrase in said_since for phrase in (HOLDING, APOLOGY))  # but in Spanish, if at all
    replies = {event.turn: event for event in journal.all(ReplyChunk)}
    assert {turn: (event.text, event.language) for turn, event in replies.items()} == {
        turn: (text, "es") for turn, text in ANSWERS.items()
    }
    assert [event.turn for event in journal.all(TurnCompleted)] == [1, 2]
    assert model.told
    assert all(model.told)


#: six sentences of five words, which the model takes 3 s to write and the voice 5 s to say
LONG = " ".join(f"{' '.join(NONSENSE[at : at + 5])}." for at in range(20, 50, 5))


@pytest.mark.parametrize("role", ["edge", "execution"])
async def test_a_reply_in_the_new_language_is_heard_whole_although_a_process_dies_in_the_middle_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    model, journal = HeldModel({1: LONG, 2: ANSWERS[2]}), Journal()
    model.may_answer.set()
    monkeypatch.setenv("ORCHESTRA_STT", "deepgram")
    monkeypatch.setenv("ORCHESTRA_TTS", "elevenlabs")
    async with spoken_stack(
        tmp_path, monkeypatch, app="tests.faults.spoken.bilingual:app", answers=model, token_s=0.1
    ) as running:
        bus = await Bus.connect(load_settings().model_copy(update={"redis_url": running.redis_url}))
        following = asyncio.create_task(journal.follow(bus))

        async def talk(line: PhoneLine) -> None:
            started = await journal.until(CallStarted)
            await journal.until(ReplySpoken, turn=0, text=GREETING)
            line.say(encode(ASKS_FOR_SPANISH)[0])
            await journal.until(ReplyChunk, turn=1, language="es")
            heard_s = line.agent_audible_s
            assert await line.until(lambda: line.agent_audible_s > heard_s + 1.0, 30)
            victim = running.edges[started.source] if role == "edge" else processes(tmp_path)[role][0]
            os.kill(victim, signal.SIGKILL)
            await journal.until(TurnCompleted, turn=1)
            await journal.heard(LONG.rpartition(". ")[2])
            line.say(encode(ASKS_FOR_MORE)[0])
            await journal.heard(ANSWERS[2])
            await journal.until(TurnCompleted, turn=2)

        line = PhoneLine()
        ending = await Caller(running.url, running.auth_token).call(line, talk)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await bus.close()
    assert (ending.how, ending.streams) == ("caller_hung_up", 2 if role == "edge" else 1)
    assert [(event.language, event.turn) for event in journal.all(LanguageChanged)] == [("es", 1)]
    assert {event.language for event in journal.all(ReplyChunk)} == {"es"}
    told = " ".join(event.text for event in journal.all(ReplyChunk) if event.turn == 1)
    assert told == LONG
    assert _in_order(plain(LONG), words_in(line.tracks.agent))
    assert all(model.told)


def _in_order(words: list[str], heard: list[str]) -> bool:
    """Whether these were all heard, in this order; some may have been heard twice."""
    rest = iter(heard)
    return all(word in rest for word in words)
