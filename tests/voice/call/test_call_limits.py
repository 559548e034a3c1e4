"""How a call ends by the clock alone: silence, its longest length, a mark that never returns. No real time passes."""

import time

import pytest

from orchestra.testing import TestBus
from orchestra.voice.call.actions import FlushSpeech, Say, SendMark, Speech
from orchestra.voice.call.call import Call
from orchestra.voice.call.script import Script
from orchestra.voice.carriers.port import Parties
from tests.voice.call.virtual_call import TICK_S, Clock, VirtualCall

SCRIPT = Script(
    app="test",
    greeting="Hello there.",
    holding="Just a moment.",
    max_call_s=600,
    caller_silence_s=20,
    still_there="Are you still there?",
)


class CallOnTheClock:
    """A call that is greeted at 0 s; its carrier plays nothing and returns no mark by itself."""

    def __init__(self, bus: TestBus, script: Script = SCRIPT) -> None:
        self.clock = Clock()
        self.said: list[Speech] = []
        parties = Parties(call=bus.call(), provider_call="CA1")
        self.call = Call(parties, script, "a/b", bus.bus.publisher("edge-1"), self.said.append, clock=self.clock)
        self.call.started()
        self.call.greet()

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.clock.now += TICK_S
            self.call.tick(TICK_S)

    def play_to_the_end(self) -> None:
        """The carrier plays all that was said, word for word."""
        audio = self.call.audio
        for number, say in enumerate(speech for speech in self.said if isinstance(speech, Say)):
            audio.playback.place_word(f"{number}", say.text, 0.0)
            audio.playback.queue_audio(f"{number}", 400.0)
        marks = [speech.name for speech in self.said if isinstance(speech, SendMark)]
        self.said.clear()
        self.call.conversation.on_audio_sent()
        self.call.conversation.mark_returned(marks[-1])


@pytest.fixture
async def greeted(bus: TestBus) -> CallOnTheClock:
    return CallOnTheClock(bus)


async def test_a_silent_caller_is_asked_once_and_then_hung_up_on(greeted: CallOnTheClock) -> None:
    greeted.play_to_the_end()
    greeted.wait(19.8)
    assert greeted.said == []
    greeted.wait(0.4)
    assert greeted.said[:3] == [Say(0, "Are you still there?"), FlushSpeech(), SendMark("0.0")]
    greeted.play_to_the_end()
    greeted.wait(19.8)
    assert not greeted.call.over.done()
    greeted.wait(0.6)
    assert greeted.call.over.result() == "silence"


async def test_a_caller_who_has_put_the_call_on_hold_is_not_asked_until_they_are_back(greeted: CallOnTheClock) -> None:
    greeted.play_to_the_end()
    greeted.call.take_hold(held=True)
    greeted.wait(120)
    assert greeted.said == []
    greeted.call.take_hold(held=False)
    greeted.wait(19.8)
    assert greeted.said == []
    greeted.wait(0.6)
    assert greeted.said[:1] == [Say(0, "Are you still there?")]


async def test_what_is_sent_during_a_hold_is_played_only_afterwards(greeted: CallOnTheClock) -> None:
    audio = greeted.call.audio
    audio.playback.place_word("greeting", "Hello there.", 0.0)
    audio.playback.queue_audio("greeting", 400.0)
    greeted.call.take_hold(held=True)
    greeted.call.on_mark_sent("0.0")
    greeted.wait(60)
    assert greeted.call.conversation.turns.reply_open
    greeted.call.take_hold(held=False)
    greeted.call.take_mark("0.0")
    assert not greeted.call.conversation.turns.reply_open


async def test_a_call_ends_at_its_longest_length(bus: TestBus) -> None:
    short = Script(app="test", greeting="Hello.", holding="", max_call_s=30, caller_silence_s=100)
    on_the_clock = CallOnTheClock(bus, short)
    on_the_clock.play_to_the_end()
    on_the_clock.wait(29.8)
    assert not on_the_clock.call.over.done()
    on_the_clock.wait(0.6)
    assert on_the_clock.call.over.result() == "time_limit"


async def test_a_mark_that_the_carrier_does_not_return_counts_as_played_after_five_seconds(
    greeted: CallOnTheClock,
) -> None:
    audio = greeted.call.audio
    audio.playback.place_word("greeting", "Hello there.", 0.0)
    audio.playback.queue_audio("greeting", 400.0)
    greeted.call.on_mark_sent("0.0")
    greeted.wait(4.8)
    assert greeted.call.conversation.turns.reply_open
    greeted.wait(0.6)
    assert not greeted.call.conversation.turns.reply_open


def test_thirty_seconds_of_turn_taking_run_in_milliseconds() -> None:
    call = VirtualCall()
    began = time.process_time()
    while call.clock.now < 1030.0:
        call.says("where is my parcel")
        call.works()
        call.answers()
        call.wait(3)
    assert len(call.heard) >= 6
    assert time.process_time() - began < 0.5
