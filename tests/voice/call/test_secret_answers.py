"""From when to when the caller's side is hidden: as long as anything that they say may be the answer."""

import pytest

from orchestra.history.reduce import history_of
from orchestra.voice.call.secret_answers import SecretAnswers
from orchestra_schemas import (
    SECRET,
    SECRET_KEY,
    AppChanged,
    CallStarted,
    DigitPressed,
    Event,
    OperatorTookOver,
    ReplyChunk,
    ReplySpoken,
    TranscriptPartial,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

CALL = "07-c"
ASKED = ReplyChunk(call=CALL, turn=1, text="Which card?", secret=True)


def said(turn: int) -> UserTurnEnded:
    return UserTurnEnded(call=CALL, turn=turn, text="4242")


def asked_again(turn: int) -> ReplyChunk:
    return ReplyChunk(call=CALL, turn=turn, text="Go on, please.", secret=True)


def done(turn: int) -> TurnCompleted:
    return TurnCompleted(call=CALL, turn=turn, agent="a", text="Thank you.")


@pytest.mark.parametrize(
    ("after", "is_open"),
    [
        ((), True),
        ((done(1),), True),
        ((done(1), said(2)), True),
        ((done(1), said(2), done(2)), False),
        ((done(1), said(2), asked_again(2), done(2)), True),
        ((done(1), said(2), asked_again(2), done(2), said(3), done(3)), False),
        # its work was stopped: what it was to understand is open
        ((done(1), said(2), TurnCancelled(call=CALL, turn=2)), True),
        ((done(1), said(2), TurnCancelled(call=CALL, turn=2), said(3), done(3)), False),
        # the caller goes on dictating
        (
            (
                done(1),
                UserTurnPredicted(call=CALL, turn=2, text="42"),
                asked_again(2),
                UserTurnResumed(call=CALL, turn=2),
            ),
            True,
        ),
        ((done(1), OperatorTookOver(call=CALL, turn=1, operator="ann")), False),
        ((done(1), ReplySpoken(call=CALL, turn=2, text="Hello.", operator="ann")), False),
        ((done(1), AppChanged(call=CALL, turn=1, app="b", agent="b")), False),
        ((done(1), said(2), ReplyChunk(call=CALL, turn=1, text="late", secret=True), done(2)), False),
    ],
)
def test_a_question_is_open_until_the_agents_are_done_with_its_answer(
    after: tuple[Event, ...], *, is_open: bool
) -> None:
    events = (CallStarted(call=CALL), said(1), ASKED, *after)
    answers, turn = SecretAnswers(CALL, lambda *_: None), 0
    for event in events:
        turn = event.turn if isinstance(event, UserTurnEnded | UserTurnPredicted | ReplySpoken) else turn
        answers.take(event, turn, speaks=False)
    assert answers.open is is_open
    assert history_of(events).resume.secret.open is is_open, "another edge knows the same"


def test_a_question_of_a_turn_that_goes_on_was_never_asked() -> None:
    predicted = UserTurnPredicted(call=CALL, turn=1, text="I want to pay")
    events = (CallStarted(call=CALL), predicted, ASKED, UserTurnResumed(call=CALL, turn=1))
    assert not history_of(events).resume.secret.open


def test_who_still_speaks_when_the_question_is_over_is_hidden_until_they_have_finished() -> None:
    answers = SecretAnswers(CALL, lambda *_: None)
    answers.take(ASKED, 1, speaks=False)
    answers.take(done(2), 2, speaks=True)
    answers.look(speaks=True)
    assert answers.open
    answers.look(speaks=False)
    assert not answers.open


def test_words_keys_and_audio_are_hidden_and_what_is_needed_is_kept() -> None:
    kept: list[tuple[str, str, str]] = []
    answers = SecretAnswers(CALL, lambda *field: kept.append(field))
    assert answers.hidden(said(1)) == said(1)
    assert answers.silenced(b"ab") == b"ab"
    answers.take(ASKED, 1, speaks=False)
    key, partial = DigitPressed(call=CALL, digit="4", id="e1"), TranscriptPartial(call=CALL, text="42")
    for event in (said(2), key, partial):
        answers.keep(event, answers.hidden(event))
    assert [answers.hidden(said(2)).text, answers.hidden(partial).text] == [SECRET, SECRET]
    assert answers.hidden(key).digit == SECRET_KEY
    assert kept == [(CALL, "words:2", "4242"), (CALL, "key:e1", "4")]
    assert answers.silenced(b"ab") == b"\0\0"
    assert answers.hidden(done(2)) == done(2)
