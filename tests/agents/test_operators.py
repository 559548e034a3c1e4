"""What agents know of operators: what they said, whisper, and agreed with the caller."""

import time

import pytest

from orchestra.agents.caller_notes import NOTES_HEAD, WHISPER_HEAD
from orchestra.agents.conversation import Conversation
from orchestra.language.registry import find_language
from orchestra.testing import TestBus, replay
from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    CallEnded,
    Message,
    OperatorHandedBack,
    OperatorLeft,
    OperatorPassedOn,
    OperatorTookOver,
    OperatorWhispered,
    PromptRequested,
    ReplyInterrupted,
    ReplySpoken,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
    UserTurnPredicted,
)
from tests.agents.team import Line, call_of, last
from tests.agents.test_interruptions import history

FIND = [call_of("find_parcel", '{"number":"4271"}')]


def whispered(prompt: PromptRequested) -> list[str]:
    return [each.content.removeprefix(WHISPER_HEAD) for each in prompt.messages if WHISPER_HEAD in each.content]


async def test_what_an_operator_said_is_remembered_as_the_agents_words(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine.").running() as line:
        await line.say("when do you open")
        await bus.publish(ReplySpoken(call=line.call, turn=2, text="On Sundays we do not open.", operator="anna"))
        line.turn = 2
        await line.say("thanks")
    assert history(line) == [
        ("user", "when do you open"),
        ("assistant", "We open at nine."),
        ("assistant", "On Sundays we do not open."),
        ("user", "thanks"),
    ]


async def test_of_what_an_operator_said_agents_know_what_was_heard(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine.").running() as line:
        await line.say("when do you open")
        await bus.publish(ReplyInterrupted(call=line.call, turn=2, heard="On Sundays we", operator="anna"))
        line.turn = 2
        await line.say("thanks")
    assert ("assistant", "On Sundays we —") in history(line)


async def test_a_whisper_is_in_every_prompt_of_the_next_turn_and_in_no_other(bus: TestBus) -> None:
    line = Line(bus, lambda prompt: FIND if last(prompt).startswith("user: where") else "All right.")
    async with line.running():
        await line.say("hello")
        await bus.publish(OperatorWhispered(call=line.call, operator="anna", note='Offer "a refund"\nof <5> euros'))
        await line.say("where is my parcel")
        await line.say("thanks")
    told = [(prompt.turn, whispered(prompt)) for prompt in line.model.prompts]
    note = '\n\n- "Offer a refund of 5 euros"'
    assert told == [(1, []), (2, [note]), (2, [note]), (3, [])]
    assert [message.content for message in line.model.prompts[1].messages[-2:]][1] == "where is my parcel"


async def test_a_whisper_of_a_turn_that_is_cut_short_is_for_the_next_one(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine. We close at five.", hold_at=2).running() as line:
        await bus.publish(OperatorWhispered(call=line.call, operator="anna", note="Mention the sale."))
        await bus.settled()
        line.model.hold.clear()
        await line.say("when do you open", settle=False)
        await line.model.holding.wait()
        await line.interrupt(1, "")
        line.model.hold.set()
        await line.say("and when do you close")
    assert [whispered(prompt) for prompt in line.model.prompts] == [['\n\n- "Mention the sale."']] * 2


async def test_turns_of_a_take_over_are_remembered_and_not_answered(bus: TestBus) -> None:
    async with Line(bus, lambda _: "All right.").running() as line:
        await bus.publish(OperatorTookOver(call=line.call, operator="anna"))
        told = UserTurnEnded(call=line.call, turn=1, text="my parcel is lost", at=time.time(), operator="anna")
        await bus.publish(told)
        await bus.settled()
        assert [(each.turn, each.reason) for each in await line.events(TurnCancelled)] == [(1, "operator")]
        assert line.model.prompts == []
        await bus.publish(OperatorHandedBack(call=line.call, operator="anna", note='Refund of "20 euros" agreed.'))
        line.turn = 1
        await line.say("and when will it come")
    (prompt,) = line.model.prompts
    notes = prompt.messages[1].content
    assert notes.startswith(NOTES_HEAD)
    assert 'spoke with a colleague of yours, "anna", who notes: "Refund of 20 euros agreed."' in notes
    assert [message.content for message in prompt.messages[-2:]] == ["my parcel is lost", "and when will it come"]
    assert [turn.turn for turn in await line.events(TurnCompleted)] == [2]


def test_what_an_operator_said_is_remembered_once_and_in_its_place() -> None:
    conversation = Conversation(agent="reception")
    for _ in range(2):
        conversation.add_operator_words(2, "One moment.")
    conversation.add_turn(1, [Message(role="user", content="hello")], agent="reception", running={})
    assert [line.message.content for line in conversation.lines] == ["hello", "One moment."]


def test_whispers_are_bounded_and_blank_ones_are_none() -> None:
    conversation = Conversation(agent="reception")
    for note in (" \n", *(f"note {n}" for n in range(30))):
        conversation.whisper(note)
    assert conversation.whispers == [f"note {n}" for n in range(20, 30)]


def test_whispers_that_came_during_a_turn_stay_when_it_has_used_those_before_them() -> None:
    conversation = Conversation(agent="reception")
    for n in range(10):
        conversation.whisper(f"note {n}")
    used = tuple(conversation.whispers)
    for n in range(10, 15):
        conversation.whisper(f"note {n}")
    conversation.forget_whispers(used)
    assert conversation.whispers == [f"note {n}" for n in range(10, 15)]


def test_only_who_has_the_call_gives_it_back() -> None:
    conversation = Conversation(agent="reception")
    conversation.give_to("anna")
    conversation.give_to("ben")
    conversation.take_back("ben", "nothing of mine")
    assert (conversation.held_by, conversation.handed_back) == ("anna", [])
    conversation.take_back_from("anna")
    assert (conversation.held_by, conversation.handed_back) == ("", [])


async def test_agents_know_that_the_caller_spoke_with_an_operator_whose_console_died(bus: TestBus) -> None:
    async with Line(bus, lambda _: "All right.").running() as line:
        await bus.publish(OperatorTookOver(call=line.call, operator="anna"))
        told = UserTurnEnded(call=line.call, turn=1, text="my parcel is lost", at=time.time(), operator="anna")
        await bus.publish(told)
        await bus.publish(OperatorLeft(call=line.call, operator="ben", listens=True))
        await bus.publish(OperatorLeft(call=line.call, operator="anna", reason="connection lost"))
        await bus.publish(OperatorLeft(call=line.call, operator="anna", reason="twice"))
        line.turn = 1
        await line.say("are you there")
    (prompt,) = line.model.prompts
    assert prompt.messages[1].content.count('spoke with a colleague of yours, "anna".') == 1


def test_a_note_of_an_operator_does_not_count_as_the_callers_words() -> None:
    conversation = Conversation(agent="reception")
    conversation.take_back("anna", "yes, cancel it")
    assert conversation.said_since(-1, "hm") == "hm"


async def test_a_turn_that_was_predicted_before_a_whisper_leaves_it_to_the_next(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine.").running() as line:
        asked, now = "when do you open", time.time()
        await bus.publish(UserTurnPredicted(call=line.call, turn=1, text=asked, at=now))
        await line.until(PromptRequested)
        await bus.publish(OperatorWhispered(call=line.call, operator="anna", note="Mention the sale."))
        await bus.publish(UserTurnEnded(call=line.call, turn=1, text=asked, at=now, predicted=True))
        await bus.settled()
        line.turn = 1
        await line.say("thanks")
    assert [whispered(prompt) for prompt in line.model.prompts] == [[], ['\n\n- "Mention the sale."']]


async def test_a_replay_asks_the_same_prompts(bus: TestBus) -> None:
    async with Line(bus, lambda _: "All right.").running() as line:
        await bus.publish(OperatorWhispered(call=line.call, operator="anna", note="Offer a refund."))
        await line.say("my parcel is lost")
        await bus.publish(ReplySpoken(call=line.call, turn=2, text="One moment.", operator="anna"))
        await bus.publish(OperatorTookOver(call=line.call, operator="anna"))
        told = UserTurnEnded(call=line.call, turn=3, text="it was a vase", at=time.time(), operator="anna")
        await bus.publish(told)
        await bus.publish(OperatorHandedBack(call=line.call, operator="anna", note="20 euros."))
        line.turn = 3
        await line.say("thanks")
        await bus.publish(CallEnded(call=line.call, reason="caller_hung_up"))
        await bus.settled()
        journal = await bus.published(None, line.call)
    assert len([each for each in journal if isinstance(each, PromptRequested)]) == 2
    compared = await replay(journal, line.orchestration().consumer)
    assert compared.agrees


async def test_the_agent_to_whom_an_operator_passed_the_caller_on_answers_the_next_turn(bus: TestBus) -> None:
    async with Line(bus, lambda _: "All right.").running() as line:
        await line.say("hello")
        passed_on = OperatorPassedOn(call=line.call, operator="anna", agent="billing", briefing="A bill is wrong.")
        nobody = OperatorPassedOn(call=line.call, operator="anna", agent="nobody")
        await bus.publish(passed_on, nobody)
        await line.say("where is my parcel")  # would be routed to another agent
        await line.say("thanks")
    assert [prompt.agent for prompt in line.model.prompts] == ["reception", "billing", "billing"]
    changed = (await line.events(AgentChanged))[-1]
    assert (changed.agent, changed.previous, changed.reason) == ("billing", "reception", "operator")
    note = 'colleague of yours, "anna", has passed the caller on to billing, who notes: "A bill is wrong."'
    assert [note in prompt.messages[1].content for prompt in line.model.prompts] == [False, True, True]


def passed_on_to_the_clinic(turn: int = 3) -> Conversation:
    conversation = Conversation(agent="desk", turn=turn)
    said = [Message(role="user", content="my foot hurts"), Message(role="assistant", content="Oh dear.")]
    conversation.add_turn(turn, said, agent="desk", running={})
    changed = AppChanged(
        call="call", turn=turn, app="clinic", agent="ann", greeting="Hello. The clinic.", operator="eve"
    )
    conversation.pass_on(changed)
    return conversation


def remembered(conversation: Conversation) -> list[str]:
    return [line.message.content for line in conversation.lines]


@pytest.mark.parametrize("number", [4, 6])  # operators' words may have had the numbers between
@pytest.mark.parametrize(
    ("heard", "known"),
    [
        ("Hello. The", ["Hello. The —"]),
        ("Hello.", ["Hello. —"]),
        ("Hello. The clinic.", ["Hello. The clinic."]),
        ("", []),
    ],
)
def test_of_the_greeting_of_an_app_passed_on_to_agents_know_once_what_was_heard(
    number: int, heard: str, known: list[str]
) -> None:
    conversation = passed_on_to_the_clinic()
    for _ in range(2):  # it may be delivered twice
        conversation.truncate_reply(number, heard, find_language("en"))
    assert remembered(conversation) == ["Oh dear.", *known]


def test_a_phrase_of_the_edge_after_the_greeting_is_none_of_it() -> None:
    conversation = passed_on_to_the_clinic()
    conversation.truncate_reply(5, "Are you still", find_language("en"))
    assert remembered(conversation) == ["Oh dear.", "Hello. The clinic.", "Are you still —"]


def test_a_reply_that_passing_on_cuts_short_leaves_the_greeting_whole() -> None:
    conversation = passed_on_to_the_clinic()
    conversation.truncate_reply(3, "Oh", find_language("en"))
    assert remembered(conversation) == ["Oh —", "Hello. The clinic."]


def test_a_greeting_for_which_the_caller_left_no_time_is_not_remembered() -> None:
    conversation = passed_on_to_the_clinic()
    conversation.forget_unsaid_greeting(4)
    assert remembered(conversation) == ["Oh dear."]
    conversation = passed_on_to_the_clinic()
    conversation.forget_unsaid_greeting(5)
    assert remembered(conversation) == ["Oh dear.", "Hello. The clinic."]


async def test_an_agent_who_was_to_answer_a_turn_that_is_cut_short_answers_the_next(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine. We close at five.", hold_at=2).running() as line:
        await bus.publish(OperatorPassedOn(call=line.call, operator="anna", agent="billing"))
        await bus.settled()
        line.model.hold.clear()
        await line.say("when do you open", settle=False)
        await line.model.holding.wait()
        await line.interrupt(1, "")
        line.model.hold.set()
        await line.say("where is my parcel")
    assert [prompt.agent for prompt in line.model.prompts] == ["billing", "billing"]
