"""From when to when the caller's side is hidden: as long as anything that they say may be the answer."""

import pytest

from orchestra.history.reduce import history_of
from orchestra.voice.call.secret_answers import SecretAnswers
from orchestra_schemas import (
    SECRET,
    SECRET_KEY,
    AppChanged,
    BackchannelHeard,
    CallStarted,
    DigitPressed,
    Event,
    OperatorTookOver,
    ReplyChunk,
    ReplySpoken,
    TranscriptFinal,
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
    answers, turn = SecretAnswers(CALL, lambda *_: None, lambda: 1.0), 0
    for event in events:
        turn = event.turn if isinstance(event, UserTurnEnded | UserTurnPredicted | ReplySpoken) else turn
        answers.take(event, turn, speaks=False)
    assert answers.open is is_open
    assert history_of(events).resume.secret.open is is_open, "another edge knows the same"


def test_a_question_of_a_turn_that_goes_on_was_never_asked() -> None:
    predicted = UserTurnPredicted(call=CALL, turn=1, text="I want to pay")
    events = (CallStarted(call=CALL), predicted, ASKED, UserTurnResumed(call=CALL, turn=1))
    assert not history_of(events).resume.secret.open


class Heard:
    """What an edge hides of a call in which the question is open from 0 to 100 s."""

    def __init__(self, *, speaks: bool = False) -> None:
        self.now = 1.0
        self.kept: list[tuple[str, str, str]] = []
        self.answers = SecretAnswers(CALL, lambda *field: self.kept.append(field), lambda: self.now)
        self.answers.take(ASKED, 1, speaks=False)
        self.now = 100.0
        self.answers.take(done(2), 2, speaks=speaks)

    def hides(self, event: Event, *, at: float, since: float) -> bool:
        """Whether it hides an event of this moment, whose words began to be heard at ``since``."""
        self.now = at
        return self.answers.hidden(event, since) != event


def test_who_still_speaks_when_the_question_is_over_is_hidden_until_they_have_finished() -> None:
    call = Heard(speaks=True)
    call.answers.look(99.0, speaks=True)
    assert call.answers.open
    call.now = 107.0
    call.answers.look(106.0, speaks=False)
    assert not call.answers.open
    assert call.hides(said(3), at=108.0, since=106.0), "all of the turn that went on is hidden"
    assert not call.hides(said(3), at=109.0, since=108.0)


@pytest.mark.parametrize(
    "event",
    [
        said(3),
        TranscriptPartial(call=CALL, text="42"),
        TranscriptFinal(call=CALL, text="42"),
        UserTurnPredicted(call=CALL, turn=3, text="42"),
        BackchannelHeard(call=CALL, turn=3, text="okay, 42"),
    ],
)
def test_words_that_an_engine_recognizes_late_are_hidden_by_when_they_were_heard(event: Event) -> None:
    call = Heard()
    assert call.hides(event, at=100.1, since=99.9)
    assert call.hides(event, at=112.0, since=60.0)
    assert not call.hides(event, at=112.0, since=111.0)
    assert not call.hides(event, at=131.0, since=60.0), "the voices of this caller are not heard, only their words"


def test_a_voice_that_is_noticed_late_is_silent_in_the_recording_by_when_it_began() -> None:
    call = Heard()
    assert call.answers.silenced(b"ab", 99.8) == b"\0\0"
    call.now = 100.2
    call.answers.look(99.9, speaks=True)
    assert call.answers.silenced(b"ab", 100.1) == b"\0\0"
    call.now = 103.0
    call.answers.look(99.9, speaks=False)
    call.answers.look(103.5, speaks=True)
    assert call.answers.silenced(b"ab", 103.5) == b"ab"


def test_keys_that_are_pressed_later_are_in_clear() -> None:
    call = Heard()
    assert not call.hides(DigitPressed(call=CALL, digit="4"), at=101.0, since=60.0)
    assert not call.hides(said(3), at=105.0, since=101.0)


def test_words_keys_and_audio_are_hidden_and_what_is_needed_is_kept() -> None:
    kept: list[tuple[str, str, str]] = []
    answers = SecretAnswers(CALL, lambda *field: kept.append(field), lambda: 1.0)
    assert answers.hidden(said(1), 0.5) == said(1)
    assert answers.silenced(b"ab", 0.5) == b"ab"
    answers.take(ASKED, 1, speaks=False)
    key, partial = DigitPressed(call=CALL, digit="4", id="e1"), TranscriptPartial(call=CALL, text="42")
    for event in (said(2), key, partial):
        answers.keep(event, answers.hidden(event, 0.5))
    assert [answers.hidden(said(2), 0.5).text, answers.hidden(partial, 0.5).text] == [SECRET, SECRET]
    assert answers.hidden(key, 0.5).digit == SECRET_KEY
    assert kept == [(CALL, "words:2", "4242"), (CALL, "key:e1", "4")]
    assert answers.silenced(b"ab", 0.5) == b"\0\0"
    assert answers.hidden(done(2), 0.5) == done(2)
