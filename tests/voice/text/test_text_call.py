"""A call as text on a clock of its own: what the carrier says becomes the journal, and the reply becomes text."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar, cast

import pytest

from orchestra.bus import Publisher
from orchestra.voice.call.call import Call
from orchestra.voice.call.script import Script
from orchestra.voice.call.speculation import Speculation
from orchestra.voice.carriers.port import (
    AgentCut,
    DigitReceived,
    Parties,
    SpeakerChanged,
    TextReceived,
    WordsPlayed,
    WordsReceived,
)
from orchestra.voice.pipeline.agent_speech import SpeechQueue
from orchestra.voice.text.text_call import TextCall
from orchestra.voice.text.text_playback import TextPlayback
from orchestra_schemas import (
    AudioChunk,
    BackchannelHeard,
    CallEndRequested,
    CallTransferred,
    CallTransferRequested,
    DigitPressed,
    DigitsRequested,
    Event,
    OperatorLeft,
    OperatorSaid,
    OperatorTookOver,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    SpeechMetered,
    ToolRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from tests.voice.call.virtual_call import Clock

E = TypeVar("E", bound=Event)
ANSWER = "Your parcel is in Denver. It arrives tomorrow."
SCRIPT = Script(
    app="test",
    greeting="Hello there.",
    holding="Just a moment.",
    apology="Sorry, say that again.",
    max_call_s=600,
    caller_silence_s=20,
    still_there="Are you still there?",
)


class RecordedStream:
    """The carrier's end: keeps what it is told to say."""

    engine = "carrier"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.open_cycle = False
        self.keys_sent = asyncio.Event()

    async def receive(self) -> TextReceived:
        await asyncio.Event().wait()
        raise AssertionError

    async def send_text(self, token: str, *, last: bool = False) -> bool:
        if token:
            self.sent.append(token)
        self.open_cycle = not last
        return True

    async def send_digits(self, digits: str) -> None:
        self.sent.append(f"keys {digits}")
        self.keys_sent.set()


class RecordedJournal:
    """A publisher's side that a call uses."""

    connected, unanswered_s = True, 0.0

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, event: Event, *, even_if_replaced: bool = False) -> Event:  # noqa: ARG002 - the only one
        self.events.append(event)
        return event

    def forget(self, call: str) -> None:
        pass


class Talk:
    """A text call that is greeted at 0 s."""

    def __init__(self, script: Script = SCRIPT, speculation: Speculation | None = None) -> None:
        self.clock, self.stream, self.journal = Clock(), RecordedStream(), RecordedJournal()
        speech, playback = SpeechQueue(), TextPlayback(self.clock.monotonic)
        self.call = Call(
            Parties(call="00-call", provider_call="CA1"),
            script,
            "carrier/carrier",
            cast("Publisher", self.journal),
            speech.put,
            playback=playback,
            speculation=speculation or Speculation("prompt"),
            clock=self.clock,
        )
        self.text = TextCall(self.call, speech, playback, self.stream, clock=self.clock)
        self.call.started()
        self.running = asyncio.create_task(self.text.run())

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.clock.now += 0.1
            self.text.tick()
            await self.settle()

    async def hears(self, *received: TextReceived) -> None:
        await self.settle()
        for each in received:
            self.text.take(each)
            await self.settle()

    async def says(self, text: str) -> None:
        await self.hears(WordsReceived(text, final=True))

    async def answers(self, *sentences: str, turn: int = 1, complete: bool = True) -> None:
        for sentence in sentences or (ANSWER,):
            self.call.take_event(ReplyChunk(call="00-call", turn=turn, text=sentence, agent="a"))
        if complete:
            self.call.take_event(TurnCompleted(call="00-call", turn=turn, agent="a", text="x"))
        await self.settle()

    async def asks(self, text: str = "where is my parcel") -> None:
        """The greeting is over, and the caller says this."""
        await self.settle()
        await self.wait(3)
        await self.says(text)

    def of(self, event_type: type[E]) -> list[E]:
        return [event for event in self.journal.events if isinstance(event, event_type)]

    @property
    def said(self) -> str:
        return "".join(self.stream.sent).strip()


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    talk = Talk()
    yield talk
    await talk.text.stop()
    await asyncio.gather(talk.running, return_exceptions=True)


async def test_the_greeting_is_sent_and_is_spoken_once_it_was_heard(talk: Talk) -> None:
    await talk.settle()
    assert (talk.said, talk.stream.open_cycle, talk.of(ReplySpoken)) == ("Hello there.", False, [])
    await talk.wait(3)
    assert [event.text for event in talk.of(ReplySpoken)] == ["Hello there."]


async def test_a_final_prompt_is_a_turn_with_its_transcript(talk: Talk) -> None:
    await talk.asks("where is my parcel")
    assert [event.text for event in talk.of(TranscriptFinal)] == ["where is my parcel"]
    assert [(event.turn, event.text) for event in talk.of(UserTurnEnded)] == [(1, "where is my parcel")]
    assert [event.interrupting for event in talk.of(UserSpeechStarted)] == [False]
    assert talk.of(TranscriptFinal)[0].engine == "carrier"


async def test_the_reply_is_sent_sentence_by_sentence_as_it_comes(talk: Talk) -> None:
    await talk.asks()
    await talk.answers("Your parcel is in Denver.", complete=False)
    assert talk.stream.sent[-1] == "Your parcel is in Denver. "
    assert talk.stream.open_cycle
    await talk.answers("It arrives tomorrow.")
    assert talk.stream.sent[-1] == "It arrives tomorrow. "
    assert not talk.stream.open_cycle
    await talk.wait(8)
    assert talk.of(ReplySpoken)[-1].text == ANSWER


async def test_the_wait_is_measured_from_the_prompt_to_the_first_text(talk: Talk) -> None:
    await talk.asks()
    talk.clock.now += 0.8
    await talk.answers()
    await talk.wait(8)
    (measured,) = talk.of(TurnMeasured)
    assert (measured.turn, measured.total_ms, measured.tts_ms) == (1, 800.0, 0.0)


async def test_the_end_of_the_callers_voice_counts_where_the_carrier_tells_it(talk: Talk) -> None:
    await talk.wait(3)
    await talk.hears(SpeakerChanged("caller", speaks=True))
    talk.clock.now += 1
    await talk.hears(SpeakerChanged("caller", speaks=False))
    talk.clock.now += 0.5
    await talk.says("where is it")
    talk.clock.now += 0.25
    await talk.answers()
    await talk.wait(8)
    assert (talk.of(TurnMeasured)[0].turn_end_ms, talk.of(TurnMeasured)[0].total_ms) == (500.0, 750.0)


async def test_an_interruption_cuts_the_reply_where_the_carrier_says(talk: Talk) -> None:
    await talk.asks()
    await talk.answers()
    talk.clock.now += 1
    await talk.hears(AgentCut("Your parcel is"), WordsReceived("no, the other one", final=True))
    assert [event.heard for event in talk.of(ReplyInterrupted)] == ["Your parcel is"]
    assert talk.of(UserSpeechStarted)[-1].interrupting
    assert talk.of(UserTurnEnded)[-1].turn == 2
    await talk.answers("That one is here.", turn=2)
    assert talk.stream.sent[-1] == "That one is here. "


async def test_what_is_still_to_come_of_an_interrupted_reply_is_not_sent(talk: Talk) -> None:
    await talk.asks()
    await talk.answers("Your parcel is in Denver.", complete=False)
    await talk.hears(AgentCut("Your parcel"), WordsReceived("stop that", final=True))
    sent = len(talk.stream.sent)
    await talk.answers("It arrives tomorrow.")
    assert len(talk.stream.sent) == sent


async def test_words_follow_a_cut_as_late_as_they_like(talk: Talk) -> None:
    await talk.asks()
    await talk.answers()
    await talk.hears(AgentCut("Your parcel is"), SpeakerChanged("caller", speaks=True))
    await talk.wait(30)
    assert talk.stream.sent[-1] == ANSWER + " "
    await talk.hears(SpeakerChanged("caller", speaks=False), WordsReceived("a very long story", final=True))
    assert [event.heard for event in talk.of(ReplyInterrupted)] == ["Your parcel is"]


async def test_after_a_noise_the_rest_of_the_reply_is_said(talk: Talk) -> None:
    await talk.asks()
    await talk.answers()
    await talk.hears(AgentCut("Your parcel is"), SpeakerChanged("caller", speaks=True))
    await talk.hears(SpeakerChanged("caller", speaks=False))
    await talk.wait(5)
    assert talk.stream.sent[-1] == "in Denver. It arrives tomorrow. "
    await talk.wait(8)
    assert talk.of(ReplyInterrupted) == []
    assert talk.of(ReplySpoken)[-1].text == ANSWER


async def test_after_an_empty_prompt_the_rest_is_said_at_once(talk: Talk) -> None:
    await talk.asks()
    await talk.answers()
    await talk.hears(AgentCut("Your parcel is"))
    await talk.wait(0.5)
    await talk.says("  ")
    assert talk.stream.sent[-1] == "in Denver. It arrives tomorrow. "


async def test_a_backchannel_lets_the_reply_go_on(talk: Talk) -> None:
    await talk.asks()
    await talk.answers()
    await talk.hears(AgentCut("Your parcel is in Denver."), WordsReceived("mhm", final=True))
    assert [event.text for event in talk.of(BackchannelHeard)] == ["mhm"]
    assert talk.stream.sent[-1] == "It arrives tomorrow. "
    assert len(talk.of(UserTurnEnded)) == 1


async def test_an_empty_prompt_outside_a_turn_is_nothing(talk: Talk) -> None:
    await talk.wait(3)
    before = len(talk.journal.events)
    await talk.hears(WordsReceived("", final=True), WordsReceived("…", final=True), WordsReceived("", final=False))
    assert len(talk.journal.events) == before


async def test_interim_words_are_partial_transcripts_of_the_turn(talk: Talk) -> None:
    await talk.wait(3)
    for words in ("where", "where is", "where is my"):
        await talk.hears(WordsReceived(words, final=False))
        talk.clock.now += 0.2
    await talk.says("where is my parcel")
    assert [(event.turn, event.text) for event in talk.of(TranscriptPartial)] == [
        (1, "where"),
        (1, "where is"),
        (1, "where is my"),
    ]
    assert len(talk.of(UserSpeechStarted)) == len(talk.of(UserTurnEnded)) == 1


async def test_interim_words_count_if_no_final_ones_follow(talk: Talk) -> None:
    await talk.wait(3)
    await talk.hears(WordsReceived("where is my", final=False), WordsReceived("where is my parcel", final=False))
    await talk.wait(9)
    assert talk.of(UserTurnEnded) == []
    await talk.wait(2)
    assert [event.text for event in talk.of(UserTurnEnded)] == ["where is my parcel"]


async def test_a_flood_of_interim_words_is_thinned_out(talk: Talk) -> None:
    await talk.wait(3)
    for number in range(500):
        await talk.hears(WordsReceived(f"word {number}", final=False))
        talk.clock.now += 0.002
    await talk.says("word five hundred")
    assert 5 <= len(talk.of(TranscriptPartial)) <= 11
    assert [event.text for event in talk.of(UserTurnEnded)] == ["word five hundred"]


async def test_interim_words_that_read_as_finished_and_stay_predict_the_turn(talk: Talk) -> None:
    await talk.wait(3)
    await talk.hears(*[WordsReceived("Where is my parcel?", final=False)] * 2)
    assert [event.text for event in talk.of(UserTurnPredicted)] == ["Where is my parcel?"]
    sent = len(talk.stream.sent)
    await talk.answers()
    assert len(talk.stream.sent) == sent
    await talk.says("where is my parcel")
    assert talk.of(UserTurnEnded)[0].predicted
    assert talk.stream.sent[-1] == ANSWER + " "


async def test_a_caller_who_goes_on_takes_the_prediction_back(talk: Talk) -> None:
    await talk.wait(3)
    await talk.hears(*[WordsReceived("Where is my parcel?", final=False)] * 2)
    talk.clock.now += 1
    await talk.hears(WordsReceived("Where is my parcel? And my letter", final=False))
    assert [event.turn for event in talk.of(UserTurnResumed)] == [1]
    await talk.says("Where is my parcel? And my letter?")
    assert [(event.turn, event.predicted) for event in talk.of(UserTurnEnded)] == [(2, False)]


async def test_reports_of_played_words_tell_the_sentences_heard(talk: Talk) -> None:
    await talk.asks()
    await talk.answers("Your parcel is in Denver.", "It arrives tomorrow.")
    await talk.hears(WordsPlayed("Your parcel is in Denver."))
    await talk.wait(0.3)
    assert [event.text for event in talk.of(SentenceSpoken)] == ["Your parcel is in Denver."]
    await talk.hears(WordsPlayed("It arrives tomorrow."))
    assert talk.of(ReplySpoken)[-1].text == ANSWER


async def test_a_key_is_published_and_stops_nothing(talk: Talk) -> None:
    await talk.asks()
    await talk.answers()
    await talk.hears(AgentCut("Your parcel is"), DigitReceived("5"))
    assert [event.digit for event in talk.of(DigitPressed)] == ["5"]
    assert talk.stream.sent[-1] == "in Denver. It arrives tomorrow. "
    await talk.wait(10)
    assert talk.of(ReplyInterrupted) == []
    assert len(talk.of(UserSpeechStarted)) == 1


async def test_a_key_may_also_come_just_before_the_cut(talk: Talk) -> None:
    await talk.asks()
    await talk.answers()
    await talk.hears(DigitReceived("5"), AgentCut("Your parcel is"))
    assert talk.stream.sent[-1] == "in Denver. It arrives tomorrow. "


async def test_a_key_that_was_asked_for_cuts_the_question_short(talk: Talk) -> None:
    await talk.asks()
    call = talk.call.id
    talk.call.take_event(ToolRequested(call=call, turn=1, agent="a", name="collect_digits"))
    await talk.answers("Please enter your number, then the hash key.", complete=False)
    sent = len(talk.stream.sent)
    await talk.hears(AgentCut("Please enter"), DigitReceived("4"))
    await talk.wait(1)
    assert len(talk.stream.sent) == sent
    assert [event.digit for event in talk.of(DigitPressed)] == ["4"]


async def test_keys_of_an_agent_are_sent_after_the_words_before_them(talk: Talk) -> None:
    await talk.asks()
    await talk.answers("I press it.", complete=False)
    talk.call.take_event(DigitsRequested(call=talk.call.id, turn=1, digits="5#"))
    await talk.settle()
    assert talk.stream.sent[-1] == "I press it. "
    talk.clock.now += 5
    async with asyncio.timeout(30):
        await talk.stream.keys_sent.wait()
    assert talk.stream.sent[-1] == "keys 5#"


async def test_a_silent_caller_is_asked_and_then_hung_up_on(talk: Talk) -> None:
    await talk.wait(24)
    assert talk.stream.sent[-1] == "Are you still there? "
    await talk.wait(25)
    assert talk.call.over.result() == "silence"


async def test_a_caller_who_waits_hears_the_holding_phrase(talk: Talk) -> None:
    await talk.asks()
    await talk.wait(3)
    assert "Just a moment. " in talk.stream.sent


async def test_a_caller_who_speaks_is_told_nothing_meanwhile(talk: Talk) -> None:
    await talk.wait(3)
    sent = len(talk.stream.sent)
    await talk.hears(WordsReceived("it is a long", final=False))
    await talk.wait(9)
    assert len(talk.stream.sent) == sent


async def test_the_call_ends_once_the_goodbye_was_heard(talk: Talk) -> None:
    await talk.asks("good bye")
    talk.call.take_event(CallEndRequested(call=talk.call.id, turn=1))
    await talk.answers("Good bye, and thank you.")
    await talk.wait(1)
    assert not talk.call.over.done()
    await talk.wait(4)
    assert talk.call.over.result() == "agent_hung_up"


async def test_words_over_the_last_words_cancel_a_transfer(talk: Talk) -> None:
    await talk.asks("a person please")
    talk.call.take_event(CallTransferRequested(call=talk.call.id, turn=1, target="+15550003"))
    await talk.answers("I am putting you through to a colleague.")
    await talk.hears(AgentCut("I am putting"), WordsReceived("no wait", final=True))
    await talk.wait(10)
    assert talk.of(CallTransferred) == []


async def test_a_transfer_leaves_the_call_to_the_carrier(talk: Talk) -> None:
    await talk.asks("a person please")
    talk.call.take_event(CallTransferRequested(call=talk.call.id, turn=1, target="+15550003"))
    await talk.answers("One moment.")
    await talk.wait(5)
    assert [event.target for event in talk.of(CallTransferred)] == ["+15550003"]
    assert talk.call.over.result() is None


async def test_there_is_no_audio_and_the_text_is_metered(talk: Talk) -> None:
    await talk.asks()
    await talk.answers()
    await talk.wait(8)
    talk.call.ended("caller_hung_up")
    assert talk.of(AudioChunk) == []
    metered: list[Any] = talk.of(SpeechMetered)
    assert sum(event.tts_characters for event in metered) == len("Hello there.") + len(ANSWER)
    assert {(event.tts, event.stt_s) for event in metered} == {("carrier", 0.0)}


async def test_a_stall_of_the_process_loses_no_words(talk: Talk) -> None:
    await talk.wait(3)
    await talk.hears(WordsReceived("where is", final=False))
    talk.clock.now += 5
    talk.text.tick()
    await talk.says("where is my parcel")
    assert [event.text for event in talk.of(UserTurnEnded)] == ["where is my parcel"]
    assert "Sorry, say that again. " not in talk.stream.sent


async def test_an_operators_sentence_is_sent_in_place_of_the_reply(talk: Talk) -> None:
    await talk.asks()
    await talk.answers(complete=False)
    talk.call.take_event(OperatorSaid(call="00-call", operator="anna", text="It is lost. I am sorry."))
    await talk.wait(8)
    assert talk.said.endswith("It is lost. I am sorry.")
    assert [(cut.turn, cut.stopped_by) for cut in talk.of(ReplyInterrupted)] == [(1, "anna")]
    spoken = talk.of(ReplySpoken)[-1]
    assert (spoken.turn, spoken.text, spoken.operator) == (2, "It is lost. I am sorry.", "anna")


async def test_a_take_over_of_a_call_without_audio_is_refused_and_the_agents_go_on(talk: Talk) -> None:
    await talk.asks()
    talk.call.take_event(OperatorTookOver(call="00-call", operator="anna"))
    await talk.answers()
    await talk.wait(8)
    (left,) = talk.of(OperatorLeft)
    assert (left.operator, "no audio" in left.reason) == ("anna", True)
    assert talk.said.endswith(ANSWER)
    assert talk.of(ReplyInterrupted) == []
