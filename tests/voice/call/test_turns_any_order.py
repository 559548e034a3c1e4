"""Turns whose moments are reported in any order: a caller who is silent always hears the reply."""

from itertools import permutations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestra.voice.call.actions import (
    Action,
    ClearAudio,
    FlushSpeech,
    PauseAudio,
    PrepareSpeech,
    ReplyCut,
    ReplyPlayed,
    ResumeAudio,
    Say,
    SendMark,
    TurnEnded,
)
from orchestra.voice.call.turn_taking import TurnTaking


@pytest.mark.parametrize("order", list(permutations(("started", "ended", "stopped"))), ids="-".join)
def test_a_reply_is_spoken_whatever_the_order_in_which_the_end_of_the_turn_is_reported(order: tuple[str, ...]) -> None:
    turns = TurnTaking()
    tell = {
        "started": lambda: turns.caller_started([]),
        "ended": lambda: turns.turn_ended("I want to make a complaint."),
        "stopped": turns.caller_stopped,
    }
    for moment in order:
        tell[moment]()
    if order.index("started") > order.index("stopped"):
        turns.caller_stopped()  # a stop follows each start
    assert turns.chunk(1, "Which parcel number is it?") == [Say(1, "Which parcel number is it?")]
    assert turns.completed(1) == [FlushSpeech(), SendMark(turns._reply.mark)]


def test_a_reply_that_is_there_before_the_caller_is_silent_is_spoken_as_soon_as_they_are() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_ended("where is my parcel")
    assert turns.chunk(1, "In Denver.") == []
    assert turns.caller_stopped() == [Say(1, "In Denver.")]


def test_words_that_arrive_during_a_holding_phrase_stop_the_phrase() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    assert turns.say_holding_phrase("Just a moment.") == [Say(0, "Just a moment."), FlushSpeech(), SendMark("0.0")]
    assert turns.turn_ended("where is my parcel", ["Just"]) == [
        ReplyCut(0, "Just"),
        ClearAudio(),
        TurnEnded(1, "where is my parcel"),
    ]
    assert turns.chunk(1, "In Denver.") == []
    assert turns.output_cleared() == [Say(1, "In Denver.")]


def test_a_caller_who_continues_an_open_turn_stops_what_the_edge_is_saying() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.say_holding_phrase("Just a moment.")
    assert turns.caller_voice_heard(["Just"]) == [ClearAudio()]
    assert turns.output_cleared() == []


def test_a_reply_that_the_watch_has_let_go_is_stopped_by_words_and_not_by_the_next_sound() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.turn_ended("where is my parcel")
    turns.caller_stopped()
    turns.chunk(1, "In Denver.")
    turns.caller_started(["In"])
    assert turns.say_holding_phrase("Just a moment.") == [ResumeAudio()]
    assert turns.caller_voice_heard([]) == []


def test_a_turn_whose_end_comes_after_it_was_given_up_leaves_the_next_one_open() -> None:
    turns = TurnTaking()
    for _ in range(3):
        turns.caller_started([])
        turns.say_holding_phrase("Just a moment.")
        assert not turns.caller_took_turn
        turns.mark_returned(turns._reply.mark)
        turns.turn_ended("")
        turns.caller_stopped()
    turns.caller_started([])
    assert turns.caller_took_turn


def test_a_mark_after_words_without_audio_does_not_count_them_as_spoken() -> None:
    turns = TurnTaking()
    turns.caller_started([])
    turns.caller_stopped()
    turns.turn_ended("where is my parcel")
    turns.chunk(1, "In Denver.")
    turns.completed(1)
    assert turns.mark_returned("1.0", 0) == []
    assert turns.mark_returned("1.0", 1) == []
    assert turns.tts_failed([])
    assert turns.output_cleared() == [Say(1, "In Denver."), FlushSpeech(), FlushSpeech(), SendMark("1.1")]
    assert turns.mark_returned("1.1", 2) == [ReplyPlayed(1, "In Denver.", "")]


def test_a_sentence_that_the_caller_must_hear_is_repeated_before_anything_else() -> None:
    turns = TurnTaking()
    turns.require_heard("This call is recorded.")
    turns.begin_greeting()
    assert turns.chunk(0, "Good morning.") == [Say(0, "This call is recorded."), Say(0, "Good morning.")]
    turns.completed(0)
    turns.caller_started(["This", "call"])
    turns.caller_stopped()
    assert turns.turn_ended("Hello?") == [
        ReplyCut(0, "This call"),
        ClearAudio(),
        TurnEnded(1, "Hello?"),
    ]
    assert turns.output_cleared() == [Say(1, "This call is recorded.")]
    assert turns.chunk(1, "How can I help?") == [Say(1, "How can I help?")]
    turns.caller_started(["This", "call", "is", "recorded.", "How"])
    turns.caller_stopped()
    assert turns.turn_ended("Where is it?")[1:] == [ClearAudio(), TurnEnded(2, "Where is it?")]


_TURN = ["start", "end", "stop", "chunk", "audio"]


class AnyOrder(RuleBasedStateMachine):
    """Everything that may come in a call, in any order, with the audio that would be sent for it.

    The model of the line: words that are said get audio when the machine says so; a clear drops what is on its way and
    what is held.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turns = TurnTaking()
        self.on_its_way: list[str] = []  # words given to the engine since the last clear
        self.placed = 0  # of these, how many have audio
        self.marks: list[str] = []
        self.hushed = False
        self.held: Say | None = None  # the engine has it, and its audio is held
        self.paused = False
        self.awaited = False  # a sound may become the caller's voice
        self.accepted: list[tuple[int, str]] = []  # chunks that the current turn has taken, not yet said
        self.agent_done = True
        self.turns.begin_greeting()

    def act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case PrepareSpeech(say):
                    assert self.held is None, "two sentences are held"
                    self.held = say
                case Say():
                    assert self.held in {None, action}, "speech is held that is not the next to be said"
                    self.held = None
                    assert not self.turns.caller_speaks, "spoken while the caller speaks"
                    assert action.turn == self.turns.turn, "of another turn"
                    self.on_its_way += action.text.split()
                case SendMark():
                    self.marks.append(action.name)
                case ClearAudio():
                    self.hushed, self.held, self.paused = True, None, False
                case PauseAudio():
                    self.paused = True
                case ResumeAudio():
                    assert self.paused, "nothing was paused"
                    assert not self.turns.caller_speaks, "played while the caller speaks"
                    self.paused = False
                case TurnEnded():
                    self.agent_done = False
                case ReplyPlayed():
                    assert self.placed >= len(action.text.split()) - len(" ".join(self.turns._reply.heard).split())
                case _:
                    pass

    def heard(self) -> list[str]:
        return self.on_its_way[: self.placed]

    def clear(self) -> None:
        self.on_its_way, self.placed, self.marks, self.hushed, self.held = [], 0, [], False, None
        self.paused = False
        self.act(self.turns.output_cleared())

    @rule()
    def caller_starts(self) -> None:
        self.awaited = False
        self.turns.caller_started(self.heard())
        if self.turns.audio_paused:
            self.act([PauseAudio()])
        else:
            self.clear()

    @rule()
    def caller_stops(self) -> None:
        self.act(self.turns.caller_stopped())

    @rule(text=st.sampled_from(["", "", "hello there", "mhm", "stop"]))
    def turn_ends(self, text: str) -> None:
        self.act(self.turns.turn_ended(text, self.heard()))

    @rule(text=st.sampled_from(["", "hello", "okay", "I", "but"]), so_far=st.booleans())
    def words_come(self, text: str, *, so_far: bool) -> None:
        self.act(self.turns.words_recognized(text, self.heard(), so_far=so_far))

    @rule()
    def voice_ends(self) -> None:
        self.act(self.turns.caller_voice_ended())

    @rule()
    def nothing_was_heard_for_a_moment(self) -> None:
        self.act(self.turns.pause_expired())

    @rule(
        order=st.permutations(["start", "end", "stop", "chunk", "audio"]),
        text=st.sampled_from(["", "hello there", "mhm"]),
    )
    def caller_takes_a_turn(self, order: list[str], text: str) -> None:
        if order.index("start") > order.index("stop"):
            order = [*order, "stop"]
        for moment in order:
            match moment:
                case "start":
                    self.caller_starts()
                case "end":
                    self.turn_ends(text)
                case "stop":
                    self.caller_stops()
                case "chunk":
                    self.chunk_comes(0, 2)
                case _:
                    self.audio_comes(0.5)

    @rule()
    def voice_is_heard(self) -> None:
        self.act(self.turns.caller_voice_heard(self.heard()))

    @rule()
    def sound_may_be_a_voice(self) -> None:
        self.awaited = True
        self.act(self.turns.voice_possible(self.heard()))

    @precondition(lambda self: self.awaited)
    @rule()
    def sound_was_no_voice(self) -> None:
        self.awaited = False
        self.act(self.turns.voice_not_begun())

    @rule(late=st.integers(0, 1), words=st.integers(1, 3))
    def chunk_comes(self, late: int, words: int) -> None:
        self.act(self.turns.chunk(self.turns.turn - late, " ".join(["word"] * words)))

    @rule()
    def reply_is_complete(self) -> None:
        self.act(self.turns.completed(self.turns.turn))

    @rule()
    def key_is_pressed(self) -> None:
        self.act(self.turns.key_pressed(self.heard()))

    @precondition(lambda self: self.hushed)
    @rule()
    def output_is_cleared(self) -> None:
        self.clear()

    @rule(share=st.floats(0, 1))
    def audio_comes(self, share: float) -> None:
        self.placed += round((len(self.on_its_way) - self.placed) * share)

    @rule()
    def mark_returns(self) -> None:
        for name in self.marks:
            self.act(self.turns.mark_returned(name, self.placed))
        self.marks = []

    @rule()
    def speech_fails(self) -> None:
        if (self.held or self.turns.words_in_flight > self.placed) and self.turns.tts_failed(self.heard()):
            self.clear()

    @rule(words=st.sampled_from(["where is it", "where is it now"]))
    def turn_is_predicted(self, words: str) -> None:
        self.act(self.turns.turn_predicted(words, self.heard()))

    @rule()
    def caller_resumes(self) -> None:
        self.act(self.turns.caller_resumed())

    @invariant()
    def only_what_may_still_be_said_is_held(self) -> None:
        assert not self.held or (self.turns.reply_open and self.held in self.turns._reply.waiting)

    @invariant()
    def nothing_is_held_back_from_a_caller_who_waits(self) -> None:
        """The watch speaks to a caller who is silent: whatever was told before, a sound is the result."""
        reply = self.turns._reply
        if self.turns.caller_speaks or reply.over or self.turns.caller_took_turn or self.hushed or reply.predicted:
            return
        if self.awaited and self.paused:
            return
        assert not reply.waiting or self.turns._clearing

    @invariant()
    def audio_is_paused_only_for_a_reply_that_may_go_on(self) -> None:
        assert self.paused == self.turns.audio_paused

    @rule()
    def the_watch_holds_the_caller(self) -> None:
        if not (self.turns.caller_took_turn or self.turns.reply_pending):
            return
        before, waited = len(self.on_its_way), self.turns._reply.waiting or not self.turns._reply.complete
        goes_on = self.paused
        self.act(self.turns.say_holding_phrase("one moment"))
        assert not self.paused
        assert not self.turns.caller_speaks
        assert not self.turns._reply.waiting
        assert goes_on or len(self.on_its_way) > before or not waited or self.turns._reply.complete


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_in_any_order_a_silent_caller_hears_something = AnyOrder.TestCase
