"""What the history of a call says about operators who stepped into it."""

import msgspec
import pytest

from orchestra.history.ending import HangUp, Transfer
from orchestra.history.reduce import history_of
from orchestra.history.views.dialogue import dialogue
from orchestra.history.views.timeline import timeline
from orchestra.history.views.transcript import text
from orchestra_schemas import (
    CallEndRequested,
    CallStarted,
    CallTransferRequested,
    Event,
    OperatorHandedBack,
    OperatorLeft,
    OperatorSaid,
    OperatorTookOver,
    OperatorWhispered,
    ReplyInterrupted,
    ReplySpoken,
    TurnCancelled,
    UserTurnEnded,
)

CALL = "07-0199a0b4c0de7000800000000000aaaa"


def journal(*events: Event) -> list[Event]:
    started = CallStarted(call=CALL, greeting="Hello.")
    return [
        msgspec.structs.replace(event, call=CALL, id=f"{n}", at=1000.0 + n)
        for n, event in enumerate((started, ReplySpoken(call="", text="Hello."), *events))
    ]


STEPPED_IN = journal(
    UserTurnEnded(call="", turn=1, text="where is my parcel", speech_ended_at=1001.5),
    OperatorWhispered(call="", operator="anna", note="Be kind."),
    OperatorSaid(call="", operator="anna", text="I am looking at it."),
    ReplyInterrupted(call="", turn=1, heard="It is", stopped_by="anna"),
    ReplySpoken(call="", turn=2, text="I am looking at it.", operator="anna"),
    OperatorTookOver(call="", operator="bert"),
    UserTurnEnded(call="", turn=3, text="it is lost", speech_ended_at=1007.5, operator="bert"),
    TurnCancelled(call="", turn=3, reason="operator"),
    OperatorHandedBack(call="", operator="bert", note="Refund agreed."),
    ReplySpoken(call="", turn=4, text="You are back."),
)


def test_a_transcript_says_which_words_were_an_operators() -> None:
    assert text(history_of(STEPPED_IN)).splitlines() == [
        "0:00.0  greeting: Hello.",
        "0:01.5  caller: where is my parcel",
        "0:01.5  agent: It is",
        "0:05.0  anna (operator): I am looking at it.",
        "0:07.5  caller: it is lost",
        "0:09.8  agent: You are back.",
    ]


def test_a_dialogue_says_to_whom_the_caller_spoke() -> None:
    turns = {turn.number: turn for turn in dialogue(history_of(STEPPED_IN)).turns}
    assert [(turn.operator, turn.said_to, turn.interrupted) for turn in turns.values()] == [
        ("", "", False), ("", "", False), ("anna", "", False), ("", "bert", False), ("", "", False),
    ]  # fmt: skip


def test_a_record_names_the_operators_and_does_not_count_their_interruptions() -> None:
    record = history_of(STEPPED_IN).record
    assert (record.operators, record.interruptions) == (("anna", "bert"), 0)


def test_a_timeline_tells_what_operators_did() -> None:
    told = [line.what for line in timeline(history_of(STEPPED_IN)) if not line.who]
    assert told[1:] == [
        "anna whispers to the agents: “Be kind.”",
        "anna has the agent say: “I am looking at it.”",
        "stopped by anna after “… It is”",
        "bert takes the call over",
        "bert hands the call back: “Refund agreed.”",
    ]


@pytest.mark.parametrize(
    ("last", "held_by"),
    [
        (OperatorTookOver(call="", operator="anna"), "bert"),
        (OperatorHandedBack(call="", operator="anna"), "bert"),
        (OperatorLeft(call="", operator="bert", listens=True), "bert"),
        (OperatorLeft(call="", operator="bert"), ""),
        (OperatorHandedBack(call="", operator="bert"), ""),
    ],
)
def test_an_edge_that_resumes_a_call_knows_who_has_it(last: Event, held_by: str) -> None:
    assert history_of(journal(OperatorTookOver(call="", operator="bert"), last)).resume.held_by == held_by


def test_an_edge_that_resumes_a_call_says_what_operators_said_and_nobody_heard() -> None:
    said = [OperatorSaid(call="", operator="anna", text=words) for words in ("One.", "Two.")]
    heard = ReplySpoken(call="", turn=1, text="One.", operator="anna")
    state = history_of(journal(*said, heard)).resume
    assert [each.text for each in state.to_say] == ["Two."]
    assert (state.turn, state.over) == (1, True)


def test_a_turn_for_an_operator_waits_for_no_reply() -> None:
    state = history_of(STEPPED_IN[:9]).resume
    assert (state.turn, state.over, state.unheard) == (3, True, ())


@pytest.mark.parametrize(
    ("asked", "ending"),
    [
        (CallEndRequested(call="", operator="anna"), HangUp()),
        (CallTransferRequested(call="", operator="anna", target="+15550111"), Transfer("+15550111")),
    ],
)
def test_what_an_operator_ordered_happens_whatever_is_said_meanwhile(asked: Event, ending: HangUp | Transfer) -> None:
    cut = ReplyInterrupted(call="", turn=1, heard="", stopped_by="anna")
    turn = [UserTurnEnded(call="", turn=1, text="hello")]
    history = history_of(journal(*turn, asked, cut, UserTurnEnded(call="", turn=2, text="hm")))
    assert history.resume.ending == ending
    assert [each.closing for each in history.turns] == ["", "", ""]
