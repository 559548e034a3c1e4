"""What a call takes from its journal: once, in order, and from whichever edge has the call last."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from orchestra.bus import Publisher
from orchestra.history.ending import HangUp
from orchestra.history.resume import ResumeState
from orchestra.testing import TestBus
from orchestra.voice.call.actions import Say, Speech
from orchestra.voice.call.call import Call
from orchestra.voice.call.script import Script
from orchestra.voice.carriers.port import Parties
from orchestra_schemas import (
    CallAnswered,
    CallEndRequested,
    CallResumed,
    CallTransferRequested,
    DigitsRequested,
    Event,
    PromptCompleted,
    ReplyChunk,
    TurnCancelled,
    TurnCompleted,
)

SCRIPT = Script(app="test", greeting="Hello there.", holding="", max_call_s=60, caller_silence_s=60, apology="Again?")


@pytest.fixture
def publisher(bus: TestBus) -> Publisher:
    return bus.bus.publisher("edge-1")


def a_call(bus: TestBus, publisher: Publisher, said: list[Speech], *, stream: int = 0, **more: Any) -> Call:
    parties = Parties(call=bus.call(), provider_call="CA1", stream=stream)
    call = Call(parties, SCRIPT, "a/b", publisher, said.append, **more)
    call.started()
    return call


def words(said: list[Speech]) -> list[str]:
    return [speech.text for speech in said if isinstance(speech, Say)]


REPLY = (
    ReplyChunk(call="", turn=1, text="One moment.", id="e1", filler=True),
    ReplyChunk(call="", turn=1, text="It is in Denver.", id="e2"),
    PromptCompleted(call="", turn=1, request="r", id="e3"),
    DigitsRequested(call="", turn=1, digits="42", id="e4"),
    CallEndRequested(call="", turn=1, id="e5"),
    ReplyChunk(call="", turn=1, text="Good-bye.", id="e6"),
    TurnCompleted(call="", turn=1, agent="desk", id="e7"),
)


@pytest.mark.parametrize("again", range(len(REPLY)), ids=lambda place: type(REPLY[place]).__name__)
async def test_an_event_that_comes_twice_changes_nothing(bus: TestBus, publisher: Publisher, again: int) -> None:
    once: list[Speech] = []
    twice: list[Speech] = []
    for said, events in ((once, REPLY), (twice, (*REPLY[: again + 1], *REPLY[: again + 1], *REPLY[again + 1 :]))):
        call = a_call(bus, publisher, said)
        call.conversation.turn_ended("Where is my parcel?")
        for event in events:
            call.take_event(event)
    assert twice == once
    assert words(twice) == ["One moment.", "It is in Denver.", "Good-bye."]


async def test_a_turn_that_expired_twice_is_apologised_for_once(bus: TestBus, publisher: Publisher) -> None:
    said: list[Speech] = []
    call = a_call(bus, publisher, said)
    call.conversation.turn_ended("Where is my parcel?")
    for _ in range(2):
        call.take_event(TurnCancelled(call=call.id, turn=1, reason="expired", id="e1"))
    assert words(said) == ["Again?"]


async def test_events_that_another_producer_writes_without_ids_are_handled_each_time(
    bus: TestBus, publisher: Publisher
) -> None:
    said: list[Speech] = []
    call = a_call(bus, publisher, said)
    call.conversation.turn_ended("Where is my parcel?")
    for text in ("One.", "Two."):
        call.take_event(ReplyChunk(call=call.id, turn=1, text=text))
    assert words(said) == ["One.", "Two."]


async def test_replies_of_the_journal_and_of_the_meantime_are_said_once(bus: TestBus, publisher: Publisher) -> None:
    said: list[Speech] = []
    first, second = REPLY[1], REPLY[5]
    state = ResumeState(started_at=1.0, turn=1, chunks=(first,))
    call = a_call(bus, publisher, said, resume_state=state)
    call.seen_events[first.id] = None
    call.backlog = [first, second]
    call.take_event(second)
    call.greet()
    call.take_event(first)
    assert words(said) == ["It is in Denver.", "Good-bye."]


async def test_a_long_call_remembers_only_its_last_events(bus: TestBus, publisher: Publisher) -> None:
    call = a_call(bus, publisher, [])
    for number in range(5_000):
        call.take_event(ReplyChunk(call=call.id, turn=9, text="Hm.", id=f"e{number}"))
    assert len(call.seen_events) == 1_000


class TestTakenUp:
    async def test_of_two_edges_that_take_a_call_up_at_once_the_last_on_the_journal_keeps_it(
        self, bus: TestBus, publisher: Publisher
    ) -> None:
        other = bus.bus.publisher("edge-2")
        one, two = (a_call(bus, each, [], resume_state=ResumeState(started_at=1.0)) for each in (publisher, other))
        journal = [
            CallResumed(call=one.id, id=each._resumed_as, source=name) for each, name in ((one, "1"), (two, "2"))
        ]
        for call in (one, two):
            call.greet()
            for event in journal:
                call.take_event(event)
        assert one.over.done()
        assert one.over.result() is None
        assert not two.over.done()

    async def test_an_edge_that_began_the_call_lets_go_of_it(self, bus: TestBus, publisher: Publisher) -> None:
        call = a_call(bus, publisher, [])
        call.take_event(CallResumed(call=call.id, id="e1", source="edge-2"))
        assert call.over.result() is None

    async def test_a_late_event_of_an_edge_that_had_an_earlier_stream_does_not_take_it_away(
        self, bus: TestBus, publisher: Publisher
    ) -> None:
        call = a_call(bus, publisher, [], stream=2)
        call.take_event(CallResumed(call=call.id, id="e1", source="edge-2", stream_number=1))
        assert not call.over.done()
        call.take_event(CallResumed(call=call.id, id="e2", source="edge-3", stream_number=3))
        assert call.over.result() is None

    async def test_one_who_took_it_up_while_the_journal_was_read_has_lost_it(
        self, bus: TestBus, publisher: Publisher
    ) -> None:
        call = a_call(bus, publisher, [], resume_state=ResumeState(started_at=1.0))
        call.backlog = [CallResumed(call=call.id, id="e1", source="edge-2")]
        call.greet()
        assert not call.over.done()

    async def test_an_answering_machine_found_meanwhile_ends_it(self, bus: TestBus, publisher: Publisher) -> None:
        call = a_call(bus, publisher, [], resume_state=ResumeState(started_at=1.0))
        found: Event = CallAnswered(call=call.id, id="e1", by="machine")
        call.take_event(found)
        call.greet()
        assert await asyncio.wait_for(asyncio.shield(call.over), 1) == "agent_hung_up"


@pytest.mark.parametrize(
    ("target", "ending", "rung"),
    [("+15550003", None, ["+15550003"]), ("+15550004", None, []), ("+15550003", HangUp(), [])],
    ids=["the app's person", "somebody else", "a line that is closed"],
)
async def test_only_the_app_s_person_joins_and_only_agents_who_answer(
    bus: TestBus, publisher: Publisher, target: str, ending: HangUp | None, rung: list[str]
) -> None:
    script = replace(SCRIPT, joins="+15550003", ending=ending)
    call = Call(Parties(call=bus.call(), provider_call="CA1"), script, "a/b", publisher, lambda _: None)
    joining: list[str] = []
    call.ring_person = joining.append
    call.started()
    call.take_event(CallTransferRequested(call=call.id, target=target, operator="anna"))
    assert (joining, call.over.done()) == (rung, not rung)
