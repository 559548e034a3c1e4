"""What a simulated caller takes for the agents' words, from journals and by ear."""

import asyncio

import pytest

from orchestra.evaluation.recorded_caller import GrowingJournal
from orchestra.evaluation.simulation.agent_words import AgentWords, words_heard
from orchestra.simulator import PhoneLine
from orchestra.voice.audio.mulaw import encode
from orchestra_schemas import (
    CallEnded,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    UserSpeechStarted,
    UserTurnEnded,
)
from tests.simulator.tone_edge import tone

CALL = "00-call"


def chunk(turn: int, text: str) -> ReplyChunk:
    return ReplyChunk(call=CALL, turn=turn, text=text)


def sentence(turn: int, text: str) -> SentenceSpoken:
    return SentenceSpoken(call=CALL, turn=turn, text=text)


def spoken(turn: int, text: str) -> ReplySpoken:
    return ReplySpoken(call=CALL, turn=turn, text=text)


@pytest.mark.parametrize(
    ("events", "cut_after", "heard"),
    [
        (
            [chunk(1, "It comes. Today."), sentence(1, "It comes."), spoken(1, "It comes. Today.")],
            0,
            "It comes. Today.",
        ),
        ([chunk(1, "One moment."), spoken(1, "One moment."), spoken(1, "It comes.")], 0, "One moment. It comes."),
        ([chunk(1, "It comes. Today."), sentence(1, "It comes.")], 0, "It comes."),
        ([chunk(1, "It comes."), chunk(1, "Today or later.")], 3, "It comes. Today"),
        ([chunk(1, "It comes."), ReplyInterrupted(call=CALL, turn=1, heard="It")], 5, "It"),
        ([spoken(1, "One."), spoken(2, "Two.")], 0, "One. Two."),
        ([UserSpeechStarted(call=CALL, turn=1)], 0, ""),
    ],
)
def test_what_was_played_was_heard(events: list[Event], cut_after: int, heard: str) -> None:
    assert words_heard(events, cut_after) == heard


class Heard:
    """A line whose clock the test turns, and a recognizer that notes what it was given."""

    def __init__(self, journal: GrowingJournal | None) -> None:
        self.line = PhoneLine(sleep=lambda _: asyncio.sleep(0))
        self.recognized: list[int] = []
        self.words = AgentWords(self.line, self._transcribe, journal)

    def _transcribe(self, pcm16: bytes, rate: int) -> str:
        self.recognized.append(round(len(pcm16) / 2 / rate * 1000))
        return "what was heard by ear"

    async def play(self, seconds: float) -> None:
        clock = asyncio.create_task(self.line.run())
        self.line.playout.put(encode(tone(seconds)))
        await self.line.until(lambda: not self.line.playout, seconds + 1)
        self.line.end()
        await clock
        self.line.ended = False


async def test_each_time_what_is_new_is_taken_and_the_journal_is_waited_for() -> None:
    journal = GrowingJournal()
    heard = Heard(journal)

    async def late() -> None:
        await asyncio.sleep(0.01)
        journal.add(spoken(0, "Welcome."))

    taking = asyncio.create_task(heard.words.take())
    await late()
    assert await taking == "Welcome."
    journal.add(UserTurnEnded(call=CALL, turn=1, text="Hello."))
    assert heard.words.are_coming()
    journal.add(spoken(1, "Hello to you."))
    assert not heard.words.are_coming()
    assert await heard.words.take() == "Hello to you."
    journal.add(CallEnded(call=CALL, reason="caller_hung_up"))
    assert await heard.words.take() == ""
    assert heard.recognized == []


async def test_what_the_journal_says_later_of_a_reply_that_was_cut_is_not_heard_again() -> None:
    journal = GrowingJournal()
    heard = Heard(journal)
    journal.add(chunk(1, "Your parcel is at the depot in Hill Street."))
    journal.add(UserSpeechStarted(call=CALL, turn=2))
    assert await heard.words.take(cut_after=3) == "Your parcel is"
    journal.add(ReplyInterrupted(call=CALL, turn=1, heard="Your parcel is at"))
    journal.add(spoken(2, "Yes?"))
    assert await heard.words.take() == "Yes?"


async def test_a_reply_that_waits_for_keys_is_over() -> None:
    journal = GrowingJournal()
    words = Heard(journal).words
    journal.add(UserTurnEnded(call=CALL, turn=1, text="By keys."))
    journal.add(ToolRequested(call=CALL, turn=1, id="t", name="collect_digits", tool_call_id="t", agent="a"))
    assert not words.are_coming()
    journal.add(ToolCompleted(call=CALL, turn=1, request="t", name="collect_digits", result="42"))
    assert words.are_coming()


async def test_where_there_is_no_journal_it_is_heard_by_ear_since_the_last_time() -> None:
    heard = Heard(None)
    assert await heard.words.take() == ""
    await heard.play(1.0)
    assert await heard.words.take() == "what was heard by ear"
    await heard.play(0.5)
    assert await heard.words.take(cut_after=2) == "what was"
    assert heard.recognized == pytest.approx([1000, 500], abs=60)
