from dataclasses import replace

import pytest

from orchestra.demo.scripts import Line
from orchestra.history.call import ToolStep, Turn
from orchestra.simulator import CallOutcome, CheckedTurn, Span, TurnAudio, check_call, compare
from orchestra_schemas import ToolRequested

HUNG_UP = CallOutcome("agent_hung_up")
LINE = Line("Bye.", agent="reception", tools=("end_call",), words=("good-bye",), ends_call=True)


def make_turn(
    number: int, spoken: str, heard: str | None = None, tools: tuple[str, ...] = (), **journal: object
) -> CheckedTurn:
    replies = () if heard == "" else (Span(1.0, 2.0),)
    steps = tuple(ToolStep(ToolRequested(call="07-x", agent="", name=name)) for name in tools)
    recorded = Turn(tools=steps, **{"number": number, "reply_heard": spoken, "reply": spoken} | journal)  # type: ignore[arg-type]
    sound = TurnAudio(None if number == 0 else Span(0.0, 0.5), replies, response_s=0.5, barge_in_stop_s=None)
    return CheckedTurn("Bye.", recorded, sound, compare(spoken, spoken if heard is None else heard))


GREETING = make_turn(0, "Welcome.")
GOOD = make_turn(1, "Good-bye.", agent="reception", tools=("end_call",))


def found(turns: list[CheckedTurn], line: Line = LINE, ending: CallOutcome = HUNG_UP) -> list[str]:
    return [str(problem) for problem in check_call(turns, [line], ending)]


def test_a_call_that_went_as_it_should_has_no_problems() -> None:
    assert found([GREETING, GOOD]) == []


@pytest.mark.parametrize(
    ("turn", "problem"),
    [
        (
            replace(GOOD, heard=compare("Good-bye.", "my horse is ill")),
            'turn 1: "Good-bye." was spoken, "my horse is ill"',
        ),
        (make_turn(1, "", "", tools=("end_call",), agent="reception", reply="Good-bye."), "turn 1: no reply was heard"),
        (
            make_turn(1, "Good-bye.", "", tools=("end_call",), agent="reception"),
            "spoken, says the journal, but not heard",
        ),
        (make_turn(1, "", "good bye", tools=("end_call",), agent="reception", reply="Good-bye."), "no word of it"),
        (make_turn(1, "Good-bye.", tools=("end_call",), agent="tracking"), "tracking replied, not reception"),
        (make_turn(1, "Good-bye.", tools=(), agent="reception"), "tools called: none, not end_call"),
        (make_turn(1, "See you.", tools=("end_call",), agent="reception"), "does not say good-bye"),
        (make_turn(1, "Good-bye.", tools=("end_call",), agent="reception", failed=True), "could not complete it"),
    ],
)
def test_a_turn_that_went_wrong_is_named(turn: CheckedTurn, problem: str) -> None:
    (only,) = found([GREETING, turn])
    assert problem in only


def test_a_greeting_that_was_not_heard_is_named() -> None:
    assert found([make_turn(0, "Welcome.", ""), GOOD])[0].startswith('greeting: "Welcome."')


@pytest.mark.parametrize(
    ("barge_in_stop_s", "problem"),
    [(0.4, []), (None, ["turn 1: the caller wanted to interrupt"]), (3.0, ["turn 1: the agent went on for 3.0 s"])],
)
def test_a_barge_in_must_silence_the_agent(barge_in_stop_s: float | None, problem: list[str]) -> None:
    turn = replace(GOOD, audio=replace(GOOD.audio, barge_in_stop_s=barge_in_stop_s))
    told = found([GREETING, turn], replace(LINE, barge_in_after_s=1.0))
    assert len(told) == len(problem)
    assert all(text.startswith(start) for text, start in zip(told, problem, strict=True))


@pytest.mark.parametrize(
    ("line", "ending", "problem"),
    [
        (LINE, CallOutcome("caller_hung_up"), "the agent should have ended the call, but the caller hung up"),
        (replace(LINE, ends_call=False, transfers=True), HUNG_UP, "handed the call to a person, but the agent hung up"),
        (
            replace(LINE, ends_call=False),
            CallOutcome("cut_off"),
            "the caller should have hung up, but the call was cut off",
        ),
    ],
)
def test_a_call_with_an_unexpected_outcome_is_named(line: Line, ending: CallOutcome, problem: str) -> None:
    (only,) = found([GREETING, GOOD], line, ending)
    assert problem in only


def test_a_call_that_ends_before_the_caller_has_spoken_is_named() -> None:
    ending = CallOutcome("refused", announcements=("All lines are busy.",))
    (only,) = found([GREETING], LINE, ending)
    assert (
        only == "turn 1: the call ended before the caller could speak: the edge refused the call: “All lines are busy.”"
    )
