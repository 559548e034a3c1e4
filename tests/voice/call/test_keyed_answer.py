"""Keys in place of spoken words: when they are an answer, and when it is complete."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestra.voice.call.keyed_answer import KeyedAnswer
from orchestra_schemas import ReplyChunk, TurnCompleted


class Keyed:
    """A caller who was asked in turn 1 for what may be keyed in."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers: list[str] = []
        self.since: list[float] = []
        self.conversation = SimpleNamespace(
            turns=SimpleNamespace(turn=1),
            caller_speaks=False,
            caller_started=lambda: None,
            caller_stopped=lambda: None,
            turn_ended=self.turn_ended,
        )
        self.keyed = KeyedAnswer(cast("Any", self.conversation), lambda: self.now)
        self.keyed.take(ReplyChunk(call="c", turn=1, text="Your PIN?", takes_keys=True))

    def turn_ended(self, keys: str) -> None:
        self.answers.append(keys)
        self.since.append(self.keyed.since)

    def press(self, keys: str) -> None:
        for key in keys:
            self.keyed.press(key)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.keyed.look()


@pytest.mark.parametrize(
    ("keys", "pause_s", "answers"),
    [
        ("42#", 0, ["42"]),
        ("42", 3.9, []),
        ("42", 4.1, ["42"]),
        ("4*2#", 0, ["42"]),
        ("#", 5, []),
        ("42#7", 5, ["42", "7"]),
    ],
)
def test_an_answer_ends_with_the_hash_key_or_a_pause(keys: str, pause_s: float, answers: list[str]) -> None:
    caller = Keyed()
    caller.press(keys)
    caller.wait(pause_s)
    assert caller.answers == answers


def test_an_answer_was_given_when_its_first_key_was_pressed() -> None:
    caller = Keyed()
    for keys, pause_s in (("4", 3.0), ("2", 5.0), ("7", 1.0), ("#", 1.0)):
        caller.press(keys)
        caller.wait(pause_s)
    assert (caller.answers, caller.since, caller.keyed.since) == (["42", "7"], [0.0, 8.0], 0.0)


def test_who_also_speaks_is_heard_first_and_the_keys_answer_the_next_question() -> None:
    caller = Keyed()
    caller.press("42")
    caller.conversation.caller_speaks = True
    caller.wait(5)
    caller.conversation.caller_speaks, caller.conversation.turns.turn = False, 2
    caller.wait(1)
    assert caller.answers == []
    caller.keyed.take(ReplyChunk(call="c", turn=2, text="Go on, please.", takes_keys=True))
    caller.wait(1)
    assert caller.answers == ["42"]


def test_keys_that_nobody_asks_for_are_no_answer() -> None:
    caller = Keyed()
    caller.conversation.turns.turn = 2  # the turn in which another tool may collect them
    caller.press("42#")
    caller.keyed.take(TurnCompleted(call="c", turn=2, agent="a"))
    caller.press("43#")
    assert caller.answers == []
