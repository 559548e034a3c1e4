"""Operators, the caller and the agents act in any order: nobody is left unheard, and no agent speaks in a take-over."""

import random
from collections.abc import Callable

import pytest

from orchestra.history.reduce import history_of
from orchestra_schemas import (
    CallStarted,
    Event,
    OperatorHandedBack,
    OperatorLeft,
    OperatorSaid,
    OperatorTookOver,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.call.test_operated import OperatedCall
from tests.voice.call.virtual_call import APOLOGY

SAID, REPLY, LAST = "An operator speaks.", "An agent speaks. And goes on for a while.", "The last reply."


class AnyCall(OperatedCall):
    """A call of a few dozen acts; its journal has what the console publishes, too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.journal.append(CallStarted(call="call"))
        self.in_take_over: list[str] = []

    def told_by_console(self, event: Event) -> None:
        self.journal.append(event)
        self.conversation.take(event)

    def lasts(self, seconds: float) -> None:
        """The time passes in which an operator who has the call speaks."""
        for _ in range(round(seconds / 0.2)):
            before = len(self.heard)
            held = bool(self.operated.held_by)
            self.wait(0.2, microphone=held)
            if held:
                self.in_take_over += [text for _, text in self.heard[before:]]

    def answers(self, text: str = LAST) -> None:
        turn = self.conversation.turns.turn
        self.told_by_console(ReplyChunk(call="call", turn=turn, text=text, agent="tracking"))
        self.told_by_console(TurnCompleted(call="call", turn=turn, agent="tracking", text=text))

    def resumes(self) -> None:
        """The edge is lost, and another one goes on from the journal."""
        self.on_its_way, self.sounds_until, self.held_s, self.prepared_at = [], 0.0, None, 0.0
        self.turn_open = False
        self.connect()
        self.operated.resume(history_of(self.journal).resume, APOLOGY)

    def acts(self, chance: random.Random) -> list[Callable[[], object]]:
        anna = {"call": "call", "operator": chance.choice(["anna", "bert"])}
        return [
            lambda: self.says(chance.choice(["where is it", "mhm", "no, wait", ""]), seconds=0.6),
            lambda: self.lasts(chance.choice([0.2, 0.4, 1.0, 3.0])),
            lambda: self.answers(REPLY),
            lambda: self.conversation.turn_predicted("where is it"),
            lambda: self.told_by_console(OperatorSaid(**anna, text=SAID)),
            lambda: self.told_by_console(OperatorTookOver(**anna)),
            lambda: self.told_by_console(OperatorHandedBack(**anna)),
            lambda: self.told_by_console(OperatorLeft(**anna, listens=chance.random() < 0.5)),
            lambda: self.operated.understood("anna", "how can I help", "script"),
            self.voice_starts,
            self.voice_ends,
            self.resumes,
        ]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_they_do_the_call_goes_on(seed: int) -> None:
    chance, call = random.Random(seed), AnyCall()
    for _ in range(30):
        chance.choice(call.acts(chance))()
        assert call.operated.held_by == history_of(call.journal).resume.held_by
    for operator in ("anna", "bert"):
        call.told_by_console(OperatorHandedBack(call="call", operator=operator))
    call.voice_ends()
    call.lasts(12)
    assert call.operated.held_by == history_of(call.journal).resume.held_by == ""
    call.says("and now")
    assert (call.journal[-1].turn, call.journal[-1].operator) == (call.conversation.turns.turn, "")
    call.answers(LAST)
    call.lasts(6)
    assert call.said()[-1] == LAST
    assert set(call.in_take_over) <= {SAID}
    turns = [event.turn for event in call.journal if isinstance(event, UserTurnEnded)]
    assert turns == sorted(set(turns))
    numbered = [*turns, *(event.turn for event in call.journal if isinstance(event, ReplySpoken) and event.operator)]
    assert len(numbered) == len(set(numbered))
    replies = [event.turn for event in call.journal if isinstance(event, ReplySpoken | ReplyInterrupted)]
    assert replies == sorted(replies)
