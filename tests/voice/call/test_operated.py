"""What operators do to a call: on a virtual clock, with a line that plays each word in 0.4 seconds."""

from dataclasses import dataclass, field

import pytest

from orchestra.history.ending import Ending, HangUp, Transfer
from orchestra.history.reduce import history_of
from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.call.operated import FIRST_WITHIN_S, SILENT_S, OperatedConversation
from orchestra_schemas import (
    AppChanged,
    AudioChunk,
    CallEndRequested,
    CallTransferRequested,
    Event,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    TransferFailed,
    TurnMeasured,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from tests.voice.call.virtual_call import ANSWER, APOLOGY, HOLDING, TICK_S, VirtualCall

BACK = "You are back with our assistant."


@dataclass
class OperatedCall(VirtualCall):
    """A virtual call that operators step into."""

    endings: list[Ending] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        """An edge begins to serve the call: the first one, or another."""
        self.audio = CallAudio(self.clock.monotonic)
        self.conversation = self.operated = OperatedConversation(
            "call",
            "script",
            self.audio,
            publish=lambda event: self.journal.append(self.operated.named(event)),
            speak=self.speak,
            end=self.endings.append,
            holding=HOLDING,
            apology=APOLOGY,
            bridge_after_s=0.0,
            clock=self.clock,
        )
        self.operated.handed_back = BACK

    def wait(self, seconds: float, *, microphone: bool = False) -> None:
        """So much time passes; an operator's ``microphone`` may be open."""
        for _ in range(round(seconds / TICK_S)):
            if microphone:
                self.operated.hears(AudioChunk(call="call", speaker="operator", offset_ms=0, audio=bytes(640)))
            super().wait(TICK_S)
            self.operated.look()

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.journal if isinstance(event, kind)]

    def said(self) -> list[str]:
        return [text for _, text in self.heard]


@pytest.fixture
def call() -> OperatedCall:
    return OperatedCall()


def asked(call: OperatedCall) -> None:
    """The caller has asked something, and the agents speak."""
    call.says("where is my parcel")
    call.answers("It is in Denver. It will arrive tomorrow before noon.")
    call.wait(1)


def says(call: OperatedCall, text: str, operator: str = "anna") -> None:
    call.conversation.take(OperatorSaid(call="call", operator=operator, text=text))


def takes_over(call: OperatedCall, operator: str = "anna") -> None:
    call.conversation.take(OperatorTookOver(call="call", operator=operator))


# -- say


def test_what_an_operator_says_takes_the_place_of_the_reply_at_once(call: OperatedCall) -> None:
    asked(call)
    moment = call.clock.now
    says(call, "One moment, I am looking at it.")
    call.wait(6)
    assert call.heard_since(moment)[0] == (TICK_S, "One moment, I am looking at it.")
    (cut,), (spoken,) = call.told(ReplyInterrupted), call.told(ReplySpoken)
    assert (cut.turn, cut.heard, cut.stopped_by, cut.operator) == (1, "It is", "anna", "")
    assert (spoken.turn, spoken.text, spoken.operator) == (2, "One moment, I am looking at it.", "anna")


def test_sentences_of_the_reply_that_an_operator_replaced_are_not_spoken(call: OperatedCall) -> None:
    call.says("where is my parcel")
    call.works()
    says(call, "It is lost.")
    call.conversation.take(ReplyChunk(call="call", turn=1, text=ANSWER, agent="tracking"))
    call.wait(20)
    assert call.said() == ["It is lost."]
    assert call.told(TurnMeasured) == []


def test_two_sentences_of_operators_are_spoken_in_their_order(call: OperatedCall) -> None:
    says(call, "First.")
    call.wait(2)
    says(call, "Second. And third.", operator="bert")
    call.wait(4)
    assert call.said() == ["First.", "Second.", "And third."]
    assert [(each.text, each.operator) for each in call.told(ReplySpoken)] == [
        ("First.", "anna"),
        ("Second. And third.", "bert"),
    ]


def test_a_caller_who_speaks_is_not_talked_over_and_the_operator_answers_them(call: OperatedCall) -> None:
    call.voice_starts()
    call.wait(0.4)
    call.conversation.turn_predicted("where is my parcel")
    says(call, "It is on its way.")
    call.wait(0.6)
    assert call.said() == []
    call.voice_ends()
    call.words_come("where is my parcel")
    call.wait(4)
    assert call.said() == ["It is on its way."]
    assert [each.turn for each in call.told(UserTurnPredicted)] == [each.turn for each in call.told(UserTurnResumed)]
    (ended,) = call.told(UserTurnEnded)
    assert (ended.text, ended.operator) == ("where is my parcel", "anna")


def test_an_operators_sentence_is_spoken_after_a_noise_that_ends_without_words(call: OperatedCall) -> None:
    call.voice_starts()
    says(call, "It is on its way.")
    call.wait(0.4)
    call.voice_ends()
    call.wait(6)
    assert call.said() == ["It is on its way."]


def test_a_caller_interrupts_an_operators_sentence_like_any_reply(call: OperatedCall) -> None:
    says(call, "I am sorry that you have waited for so long.")
    call.wait(2)
    call.says("just tell me where it is")
    (cut,) = call.told(ReplyInterrupted)
    assert (cut.turn, cut.operator, cut.stopped_by) == (1, "anna", "")
    assert [(each.turn, each.operator) for each in call.told(UserTurnEnded)] == [(2, "")]
    call.answers()
    call.wait(3)
    assert call.said()[-1] == ANSWER


@pytest.mark.parametrize("text", ["", "   ", "…", "\n"])
def test_a_sentence_without_words_changes_nothing(call: OperatedCall, text: str) -> None:
    asked(call)
    says(call, text)
    call.wait(8)
    assert call.said() == ["It is in Denver. It will arrive tomorrow before noon."]


def test_a_sentence_is_spoken_as_words_like_those_of_the_agents(call: OperatedCall) -> None:
    says(call, "It costs **$20**.")
    call.wait(4)
    assert call.said() == ["It costs twenty dollars."]


# -- take over and hand back


def test_a_take_over_silences_the_agents_at_once_and_nothing_is_said_meanwhile(call: OperatedCall) -> None:
    asked(call)
    takes_over(call)
    moment = call.clock.now
    call.conversation.take(ReplyChunk(call="call", turn=1, text="More of it.", agent="tracking"))
    call.wait(40, microphone=True)
    assert call.heard_since(moment) == []
    (cut,) = call.told(ReplyInterrupted)
    assert (cut.turn, cut.heard, cut.stopped_by) == (1, "It is", "anna")


def test_turns_of_a_take_over_are_the_operators_and_never_predicted_or_waited_for(call: OperatedCall) -> None:
    takes_over(call)
    call.wait(1, microphone=True)
    call.voice_starts()
    call.conversation.turn_predicted("my parcel is lost")
    call.voice_ends()
    call.words_come("my parcel is lost")
    call.wait(30, microphone=True)
    assert [(each.turn, each.text, each.operator) for each in call.told(UserTurnEnded)] == [
        (1, "my parcel is lost", "anna")
    ]
    assert call.told(UserTurnPredicted) == call.told(TurnMeasured) == []
    assert call.said() == []


def test_an_operator_hands_the_call_back_and_the_agents_answer_again(call: OperatedCall) -> None:
    takes_over(call)
    call.wait(2, microphone=True)
    call.conversation.take(OperatorHandedBack(call="call", operator="anna", note="20 euros agreed"))
    call.wait(4)
    assert call.said() == [BACK]
    call.says("where is my parcel")
    assert call.told(UserTurnEnded)[-1].operator == ""
    call.answers()
    call.wait(3)
    assert call.said() == [BACK, ANSWER]


def test_the_first_take_over_wins_and_only_its_operator_ends_it(call: OperatedCall) -> None:
    takes_over(call)
    takes_over(call, "bert")
    call.conversation.take(OperatorHandedBack(call="call", operator="bert"))
    call.conversation.take(OperatorLeft(call="call", operator="anna", listens=True))
    assert call.operated.held_by == "anna"
    call.conversation.take(OperatorLeft(call="call", operator="anna"))
    assert call.operated.held_by == ""


@pytest.mark.parametrize("spoke_s", [0, 3])
def test_agents_take_the_call_back_within_two_seconds_of_the_operators_silence(
    call: OperatedCall, spoke_s: float
) -> None:
    takes_over(call)
    call.wait(spoke_s, microphone=True)
    moment = call.clock.now
    call.wait(6)
    ((after_s, words),) = call.heard_since(moment)
    assert words == BACK
    assert after_s <= (2.0 if spoke_s else FIRST_WITHIN_S + 0.6)
    assert after_s >= SILENT_S
    (left,) = call.told(OperatorLeft)
    assert (left.operator, left.listens) == ("anna", False)
    assert left.reason


def test_a_stall_of_the_edge_is_no_silence_of_the_operator(call: OperatedCall) -> None:
    takes_over(call)
    call.wait(1, microphone=True)
    call.stall(1.8)
    call.operated.look(1.8)
    call.wait(2, microphone=True)
    assert (call.operated.held_by, call.said()) == ("anna", [])


def test_a_sentence_that_an_operator_types_is_spoken_during_their_own_take_over(call: OperatedCall) -> None:
    takes_over(call)
    call.wait(1, microphone=True)
    says(call, "Please hold the line.")
    assert not call.operated.hears(AudioChunk(call="call", speaker="operator", offset_ms=0, audio=bytes(640)))
    call.wait(4, microphone=True)
    assert call.operated.hears(AudioChunk(call="call", speaker="operator", offset_ms=0, audio=bytes(640)))
    assert call.said() == ["Please hold the line."]
    assert call.operated.held_by == "anna"


def test_a_call_without_audio_refuses_a_take_over_and_goes_on(call: OperatedCall) -> None:
    call.operated.takes_audio = False
    asked(call)
    takes_over(call)
    call.wait(6)
    (left,) = call.told(OperatorLeft)
    assert "no audio" in left.reason
    assert call.said() == ["It is in Denver. It will arrive tomorrow before noon."]
    assert call.told(ReplyInterrupted) == []


# -- end, transfer, another edge


@pytest.mark.parametrize(
    ("event", "ending"),
    [
        (CallEndRequested(call="call", operator="anna"), HangUp()),
        (
            CallTransferRequested(call="call", operator="anna", target="+15550111", briefing="angry"),
            Transfer("+15550111", "angry"),
        ),
    ],
)
def test_an_operator_ends_or_transfers_the_call_at_once(call: OperatedCall, event: Event, ending: Ending) -> None:
    asked(call)
    call.conversation.take(event)
    assert call.endings == [ending]
    assert call.told(ReplyInterrupted)[-1].stopped_by == "anna"


def test_another_edge_goes_on_with_a_take_over_and_with_what_was_not_said_yet(call: OperatedCall) -> None:
    asked(call)
    takes_over(call)
    said = OperatorSaid(call="call", operator="anna", text="Please hold.")
    taken = OperatorTookOver(call="call", operator="anna")
    other = OperatedCall()
    other.conversation.resume(history_of([*call.journal, taken, said]).resume, "Sorry, say that again.")
    other.wait(4, microphone=True)
    assert other.operated.held_by == "anna"
    assert other.said() == ["Please hold."]
    other.conversation.take(OperatorHandedBack(call="call", operator="anna"))
    other.wait(4)
    assert other.said() == ["Please hold.", BACK]


@pytest.mark.parametrize("ended", [OperatorHandedBack, OperatorLeft])
def test_another_edge_tells_the_caller_whom_an_operator_left_meanwhile(call: OperatedCall, ended: type[Event]) -> None:
    asked(call)
    takes_over(call)
    call.wait(1, microphone=True)
    call.says("thank you")
    taken = OperatorTookOver(call="call", operator="anna")
    journal = [*call.journal[:-1], taken, call.journal[-1], ended(call="call", operator="anna")]
    other = OperatedCall()
    other.conversation.resume(history_of(journal).resume, "Sorry, say that again.")
    other.wait(4)
    assert (other.operated.held_by, other.said()) == ("", [BACK])
    third = OperatedCall()
    third.conversation.resume(history_of([*journal, *other.journal]).resume, "Sorry, say that again.")
    third.wait(4)
    assert third.said() == []


def test_another_edge_ends_a_call_that_an_operator_has_ended_and_the_edge_before_it_has_not(call: OperatedCall) -> None:
    asked(call)
    journal = [*call.journal, CallEndRequested(call="call", operator="anna")]
    other = OperatedCall()
    other.conversation.resume(history_of(journal).resume, "Sorry, say that again.")
    assert (other.endings, other.said()) == ([HangUp()], [])


@pytest.mark.parametrize("took_over", [True, False])
def test_another_edge_greets_a_caller_whom_an_operator_passed_on_meanwhile(call: OperatedCall, took_over: bool) -> None:
    asked(call)
    taken = [OperatorTookOver(call="call", operator="anna")] if took_over else []
    passed_on = OperatorPassedOn(call="call", operator="anna", app="clinic")
    changed = AppChanged(call="call", turn=1, app="clinic", agent="ann", greeting="The clinic.", operator="anna")
    journal = [*call.journal, *taken, passed_on, changed]
    other = OperatedCall()
    other.conversation.resume(history_of(journal).resume, "Sorry, say that again.")
    other.wait(4)
    assert other.said() == ["The clinic."]
    third = OperatedCall()
    third.conversation.resume(history_of([*journal, *other.journal]).resume, "Sorry, say that again.")
    third.wait(4)
    assert third.said() == []


def test_another_edge_knows_who_listens(call: OperatedCall) -> None:
    journal = [OperatorJoined(call="call", operator=name, listens=True) for name in ("anna", "ben")]
    left = OperatorLeft(call="call", operator="ben", listens=True)
    call.conversation.resume(history_of([*journal, left]).resume, "Sorry, say that again.")
    assert call.operated.listeners == {("anna", "")}


# -- pass on


def test_an_operator_passes_the_caller_on_to_an_agent_and_the_reply_goes_on(call: OperatedCall) -> None:
    asked(call)
    call.conversation.take(OperatorPassedOn(call="call", operator="anna", agent="claims"))
    call.wait(6)
    assert call.said() == ["It is in Denver. It will arrive tomorrow before noon."]


def test_an_operator_who_passes_the_caller_on_has_handed_the_call_back(call: OperatedCall) -> None:
    takes_over(call)
    call.wait(1, microphone=True)
    call.conversation.take(OperatorPassedOn(call="call", operator="ben", agent="claims"))
    assert call.operated.held_by == "anna"
    call.conversation.take(OperatorPassedOn(call="call", operator="anna", agent="claims"))
    call.wait(4)
    assert (call.operated.held_by, call.said()) == ("", [BACK])


@pytest.mark.parametrize("held", [False, True])
def test_another_app_greets_the_caller_whom_an_operator_has_passed_on(call: OperatedCall, held: bool) -> None:
    asked(call)
    if held:
        takes_over(call)
        call.wait(1, microphone=True)
    call.conversation.take(OperatorPassedOn(call="call", operator="anna", app="bank"))
    call.conversation.take(AppChanged(call="call", app="bank", agent="teller", greeting="The bank.", operator="anna"))
    call.wait(4)
    assert call.said()[-1] == "The bank."
    assert BACK not in call.said()
    call.says("hello")
    call.answers("How can I help?")
    call.wait(4)
    assert call.said()[-1] == "How can I help?"


def test_a_caller_who_speaks_is_not_greeted_by_another_app(call: OperatedCall) -> None:
    call.voice_starts()
    call.conversation.take(AppChanged(call="call", app="bank", agent="teller", greeting="The bank.", operator="anna"))
    call.voice_ends()
    call.words_come("my parcel is lost")
    call.wait(2)
    assert call.said() == []


# -- what an operator says themselves


def understood(call: OperatedCall) -> list[tuple[int, str, str]]:
    spoken = [event for event in call.journal if isinstance(event, ReplySpoken) and event.engine]
    return [(event.turn, event.text, event.operator) for event in spoken]


def test_what_an_operator_says_is_a_turn_of_its_own_that_waits_for_the_callers(call: OperatedCall) -> None:
    takes_over(call)
    call.wait(1, microphone=True)
    call.operated.understood("anna", "how can I help", "script")
    assert understood(call) == [(1, "how can I help", "anna")]
    call.voice_starts()
    call.operated.understood("anna", "I see", "script")
    call.wait(0.4, microphone=True)
    assert len(understood(call)) == 1
    call.voice_ends()
    call.words_come("my parcel is lost")
    call.wait(4, microphone=True)
    assert [event.turn for event in call.told(UserTurnEnded)] == [2]
    assert understood(call)[1:] == [(3, "I see", "anna")]
    assert call.told(TurnMeasured) == []
    call.conversation.take(OperatorHandedBack(call="call", operator="anna"))
    call.operated.understood("anna", "bye", "script")
    call.wait(4)
    assert understood(call)[2:] == [(5, "bye", "anna")]
    assert call.said() == [BACK]


def test_what_an_operator_said_last_is_published_when_the_stream_ends(call: OperatedCall) -> None:
    takes_over(call)
    call.voice_starts()
    call.operated.understood("anna", "good-bye", "script")
    assert understood(call) == []
    call.operated.publish_last_words()
    assert understood(call) == [(1, "good-bye", "anna")]


def test_another_edge_says_a_sentence_though_its_operator_has_spoken_themselves(call: OperatedCall) -> None:
    takes_over(call)
    call.operated.understood("anna", "how can I help", "script")
    typed = OperatorSaid(call="call", operator="anna", text="Please hold.")
    journal = [OperatorTookOver(call="call", operator="anna"), typed, *call.journal]
    assert history_of(journal).resume.to_say == (typed,)


# -- a person who joins

PERSON = "+15550003"
ASKED = Transfer(PERSON, "A parcel is lost.")


def joins(call: OperatedCall) -> None:
    asked(call)
    call.wait(8)
    call.operated.ring(ASKED, 30)
    takes_over(call, PERSON)


def test_the_agent_says_its_briefing_to_both_while_the_person_is_heard(call: OperatedCall) -> None:
    joins(call)
    call.wait(0.4, microphone=True)
    assert call.operated.turns.reply_open
    assert call.operated.hears(AudioChunk(call="call", speaker="operator", offset_ms=0, audio=bytes(640)))
    call.wait(4, microphone=True)
    assert call.said()[-1] == "A parcel is lost."
    assert (call.operated.held_by, call.operated.person) == (PERSON, PERSON)
    call.says("thank you")
    assert call.told(UserTurnEnded)[-1].operator == PERSON  # type: ignore[attr-defined]


def test_an_operator_at_a_console_is_no_person_on_the_line(call: OperatedCall) -> None:
    takes_over(call)
    assert call.operated.person == ""


def test_the_agents_keep_a_caller_whom_nobody_joins(call: OperatedCall) -> None:
    asked(call)
    call.wait(8)
    call.operated.transfer_failed = "Nobody is there."
    call.operated.ring(ASKED, 30)
    call.conversation.take(OperatorLeft(call="call", operator="anna"))
    assert call.operated.rings_for(PERSON)
    call.conversation.take(OperatorLeft(call="call", operator=PERSON, reason="busy"))
    call.wait(4)
    assert call.said()[-1] == "Nobody is there."
    assert [(each.target, each.reason) for each in call.told(TransferFailed)] == [(PERSON, "busy")]  # type: ignore[attr-defined]
    assert not call.operated.rings_for()
    state = history_of(call.journal).resume
    assert (state.ending, state.transfer_failed) == (None, False)


def test_a_person_of_whom_no_carrier_says_anything_is_not_waited_for(call: OperatedCall) -> None:
    asked(call)
    call.wait(8)
    call.operated.ring(ASKED, 30)
    call.wait(29)
    assert call.operated.rings_for(PERSON)
    call.wait(2)
    assert [each.reason for each in call.told(TransferFailed)] == ["no answer"]  # type: ignore[attr-defined]


def test_another_edge_goes_on_with_a_person_on_the_line(call: OperatedCall) -> None:
    joins(call)
    call.wait(4, microphone=True)
    wanted = CallTransferRequested(call="call", turn=1, target=PERSON, briefing="A parcel is lost.")
    journal = [wanted, *call.journal, OperatorTookOver(call="call", operator=PERSON)]
    state = history_of(journal).resume
    assert (state.held_by, state.ending) == (PERSON, None)
    other = OperatedCall()
    other.conversation.resume(state, "Sorry, say that again.")
    other.wait(1, microphone=True)
    assert (other.operated.person, other.said()) == (PERSON, [])


# -- listen


def test_it_is_known_who_listens_so_that_audio_is_published_sooner(call: OperatedCall) -> None:
    for operator in ("anna", "ben"):
        call.conversation.take(OperatorJoined(call="call", operator=operator, listens=True))
    call.conversation.take(OperatorJoined(call="call", operator="eve", listens=False))
    assert call.operated.listeners == {("anna", ""), ("ben", "")}
    takes_over(call, "ben")
    call.conversation.take(OperatorLeft(call="call", operator="ben", listens=True))
    assert call.operated.listeners == {("anna", "")}
    assert call.operated.held_by == "ben"
