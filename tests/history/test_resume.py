"""The state in which another edge finds a call: what it still has to say."""

from orchestra.history.ending import HangUp
from orchestra.history.reduce import history_of
from orchestra_schemas import (
    CallEndRequested,
    CallGreeted,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    CallVariablesRequested,
    CallVariablesSet,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    TransferFailed,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

CALL = "07-0199"
STARTED = CallStarted(call=CALL, at=5.0, greeting="Hello.")
GREETED = ReplySpoken(call=CALL, text="Hello.")
TURN = UserTurnEnded(call=CALL, turn=1, at=9.0, text="where is my parcel")


def said(text: str) -> ReplyChunk:
    return ReplyChunk(call=CALL, turn=1, text=text, agent="tracking")


def heard(text: str) -> SentenceSpoken:
    return SentenceSpoken(call=CALL, turn=1, text=text)


def unsaid(*journal: Event) -> list[str]:
    return [chunk.text for chunk in history_of(journal).resume.unheard]


def test_a_greeting_that_was_cut_off_is_said_again() -> None:
    assert unsaid(STARTED) == ["Hello."]
    assert unsaid(STARTED, GREETED) == []


def test_a_call_whose_app_is_asked_first_is_greeted_by_whichever_edge_has_it_then() -> None:
    started, given = CallStarted(call=CALL, at=5.0, variables={"tier": "none", "ref": "7"}), {"tier": "gold"}
    asked = CallVariablesRequested(call=CALL, deadline=6.5)
    answered, greeted = CallVariablesSet(call=CALL, variables=given), CallGreeted(call=CALL, greeting="Hello, Ada.")
    before = history_of([started, asked]).resume
    assert (before.greet_by, before.asked_variables, before.variables["tier"]) == (6.5, True, "none")
    known = history_of([started, asked, answered]).resume
    assert (known.greet_by, known.asked_variables, known.variables) == (6.5, False, {"tier": "gold", "ref": "7"})
    history = history_of([started, asked, answered, greeted])
    assert (history.resume.greet_by, history.greeting, history.variables) == (0.0, "Hello, Ada.", known.variables)
    assert unsaid(started, asked, answered, greeted) == ["Hello, Ada."]


def test_a_reply_goes_on_behind_the_last_sentence_that_was_heard_whole() -> None:
    assert unsaid(STARTED, GREETED, TURN, said("A."), said("B."), heard("A."), said("C.")) == ["B.", "C."]


def test_a_holding_phrase_that_was_heard_hides_nothing() -> None:
    assert unsaid(STARTED, GREETED, TURN, heard("Just a moment."), said("A.")) == ["A."]


def test_a_reply_that_the_caller_spoke_over_is_not_taken_up() -> None:
    assert unsaid(STARTED, GREETED, TURN, said("A."), ReplyInterrupted(call=CALL, turn=1)) == []


def test_after_a_transfer_that_failed_the_caller_is_told_though_the_reply_had_no_words() -> None:
    asked, put_through = CallTransferRequested(call=CALL, turn=1, target="+1"), CallTransferred(call=CALL, target="+1")
    failed = TransferFailed(call=CALL, turn=1, target="+1")
    state = history_of(
        [STARTED, GREETED, TURN, asked, TurnCompleted(call=CALL, turn=1, agent="a"), put_through, failed]
    ).resume
    assert state.transfer_failed
    assert state.over


def test_it_is_known_that_the_caller_was_speaking() -> None:
    spoke = UserSpeechStarted(call=CALL, turn=1)
    assert history_of([STARTED, GREETED, spoke]).resume.caller_spoke
    assert not history_of([STARTED, GREETED, spoke, TURN]).resume.caller_spoke


def test_without_a_greeting_there_is_nothing_to_be_said_before_the_caller_speaks() -> None:
    assert history_of([CallStarted(call=CALL, at=5.0)]).resume.over


def test_what_the_agent_wants_after_its_reply_is_kept() -> None:
    completed = TurnCompleted(call=CALL, turn=1, agent="a")
    state = history_of([STARTED, TURN, said("Bye."), CallEndRequested(call=CALL, turn=1), completed]).resume
    assert state.ending == HangUp()
    assert state.complete


def test_the_reply_to_a_turn_that_the_caller_continued_is_not_taken_up() -> None:
    predicted = UserTurnPredicted(call=CALL, turn=1, at=8.5, text="where is my parcel")
    resumed = UserTurnResumed(call=CALL, turn=1)
    state = history_of([STARTED, GREETED, predicted, said("A."), resumed]).resume
    assert (state.turn, state.over, state.caller_spoke, state.predicted) == (1, True, True, "")
    assert not state.unheard


def test_the_reply_to_a_predicted_turn_is_kept_with_the_words_that_were_predicted() -> None:
    predicted = UserTurnPredicted(call=CALL, turn=1, at=8.5, text="where is my parcel")
    ended = UserTurnEnded(call=CALL, turn=1, at=9.0, text="Where is my parcel?", predicted=True)
    state = history_of([STARTED, GREETED, predicted, said("A.")]).resume
    assert (state.turn, state.over, state.predicted) == (1, False, "where is my parcel")
    assert unsaid(STARTED, GREETED, predicted, said("A.")) == ["A."]
    assert history_of([STARTED, GREETED, predicted, said("A."), ended]).resume.predicted == ""
    assert unsaid(STARTED, GREETED, predicted, said("A."), ended, said("B.")) == ["A.", "B."]
