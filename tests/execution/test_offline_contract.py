"""What the offline model promises, with a clinic that it was not made for: see the README."""

import json
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from orchestra.agents import Agent, App, Knowledge, tool
from orchestra.agents.router import Router
from orchestra.execution.models.offline.slots import Slot, value_in
from tests.execution.in_process import MONDAY, CallInProcess


@tool(examples=("I need an appointment", "can I see the doctor"))
def book(
    day: Annotated[Literal["monday", "tuesday", "friday"], "day of the week"],
    time: Annotated[Literal["nine", "eleven"], "time of the day in words. At nine or at eleven?"],
) -> str:
    """Book an appointment."""
    return f"You are booked on {day} at {time}."


@tool(examples=("move my appointment",))
def action(day: Annotated[date, "new date"], at: Annotated[time, "time of the day"]) -> str:
    """Move an appointment to another date."""
    return f"It is moved to {day:%d %B} at {at:%H:%M}."


@tool(examples=("How much do I owe?",))
def open_bill(patient: Annotated[str, "patient number, three digits"]) -> str:
    """Look up what a patient still has to pay."""
    return f"Patient {patient} owes twelve dollars."


@tool(examples=("I want to leave a message",))
def leave_message(name: Annotated[str, "the caller's name"], message: Annotated[str, "the message"]) -> str:
    """Leave a message for the doctor."""
    return f"Thank you, {name}. I will pass that on: {message}"


PAGES = {
    "hours.md": "# Opening hours\n\nWe are open from eight to five. On Sundays we are closed.\n",
    "parking.md": "# Parking\n\nWhere you can park: behind the house, in Mill Lane.\n",
    "flu.md": "# Flu vaccination\n\nFor the flu vaccination no appointment is needed. Come from eight to ten.\n",
}


@pytest.fixture
def clinic(tmp_path: Path) -> App:
    for name, text in PAGES.items():
        (tmp_path / name).write_text(text)
    return App(
        name="clinic",
        entry="reception",
        knowledge=Knowledge(tmp_path),
        agents=(
            Agent(
                name="reception",
                about="general questions",
                prompt="You answer.",
                handoffs=("appointments", "billing"),
                knowledge=True,
                examples=("Do I need an appointment for the flu vaccination?",),
            ),
            Agent(
                name="appointments",
                about="appointments with the doctor",
                prompt="You book.",
                tools=(book, action, leave_message),
                handoffs=("reception",),
                knowledge=True,
            ),
            Agent(
                name="billing",
                about="bills and payments",
                prompt="You bill.",
                tools=(open_bill,),
                handoffs=("reception",),
                knowledge=True,
            ),
        ),
    )


def desk(*tools: Any) -> CallInProcess:
    return CallInProcess(
        App(name="a", entry="a", agents=(Agent(name="a", about="all", prompt="Answer.", tools=tools),))
    )


@pytest.mark.parametrize("agent", ["reception", "appointments", "billing"])
@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Do I need an appointment for the flu vaccination?", "reception"),
        ("Hello, do I need an appointment for the flu vaccination please?", "reception"),
        ("How much do I owe?", "billing"),
        ("Well, how much do I owe, please?", "billing"),
        ("Can I see the doctor?", "appointments"),
    ],
)
def test_an_example_leads_to_its_agent_from_anywhere(clinic: App, agent: str, said: str, wanted: str) -> None:
    assert Router(clinic).route(said, agent) == wanted


@pytest.mark.parametrize("words", ["", "Hello?", "please", "yes"])
def test_polite_words_alone_do_not_route(clinic: App, words: str) -> None:
    assert Router(clinic).route(words, "billing") == "billing"


async def test_an_example_of_an_agent_is_answered_by_it(clinic: App) -> None:
    answered = await CallInProcess(clinic, routed=True).say("Do I need an appointment for the flu vaccination?")
    assert (answered.agent, answered.actions) == ("reception", ("search_knowledge",))
    assert "no appointment is needed" in answered.reply


async def test_an_example_of_a_tool_is_that_tool_though_it_has_the_form_of_a_question(clinic: App) -> None:
    call = CallInProcess(clinic, routed=True)
    assert (await call.say("How much do I owe?")).reply == "Which patient number is it?"
    assert (await call.say("four one seven")).reply.startswith("Patient 417 owes")


async def test_an_example_wins_over_good_bye_and_over_a_tool_that_waits() -> None:
    @tool(examples=("That is all for today",))
    def close() -> str:
        """Close the file."""
        return "The file is closed."

    call = desk(close, open_bill)
    assert (await call.say("How much do I owe?")).reply == "Which patient number is it?"
    assert (await call.say("That is all for today.")).actions == ("close",)


@pytest.mark.parametrize("example", ["where is order 34", "what is on friday", "what's my balance"])
async def test_an_example_matches_with_any_number_day_and_spelling(example: str) -> None:
    @tool(examples=(example,))
    def first() -> str:
        """Do it."""
        return "First."

    said = {"where is order 34": "Where is order 12?", "what is on friday": "What is on Monday, please?"}
    call = desk(open_bill, first)
    assert (await call.say(said.get(example, "Hi, what is my balance?"))).actions == ("first",)


async def test_a_new_question_is_not_glued_to_the_one_before(clinic: App) -> None:
    call = CallInProcess(clinic)
    assert "from eight to five" in (await call.say("What are your opening hours?")).reply
    parked = await call.say("And where can I park?")
    assert json.loads(parked.calls[0].arguments) == {"query": "where can I park?"}
    assert "Mill Lane" in parked.reply


@pytest.mark.parametrize(
    "said", ["And where can I park?", "And do you have a lift?", "Or can I come earlier?", "Also how do I pay?"]
)
async def test_questions_with_a_verb_of_their_own_are_searched_alone(clinic: App, said: str) -> None:
    call = CallInProcess(clinic)
    await call.say("What are your opening hours?")
    asked = await call.say(said)
    assert all("opening" not in each.arguments for each in asked.calls)


@pytest.mark.parametrize("said", ["And on Sundays?", "And what about Sundays?", "How about Sundays?", "Or on Sundays?"])
async def test_a_question_without_one_goes_on_from_the_one_before(clinic: App, said: str) -> None:
    call = CallInProcess(clinic)
    await call.say("What are your opening hours?")
    (search,) = (await call.say(said)).calls
    assert "opening hours" in search.arguments


async def test_choices_in_words_match_digits_and_a_time_of_day_is_not_a_day() -> None:
    call = desk(book)
    assert (await call.say("I need an appointment on Monday.")).reply == "At nine or at eleven?"
    booked = await call.say("At 11.")
    assert json.loads(booked.calls[0].arguments) == {"day": "monday", "time": "eleven"}


async def test_dates_and_times_are_taken_from_the_callers_words_or_asked_for_again() -> None:
    call = desk(action)
    assert (await call.say("Move my appointment.")).reply == "Which new date is it?"
    assert (await call.say("Whenever it suits you.")).reply == "I am sorry, I did not get that. Which new date is it?"
    assert (await call.say("Tomorrow.")).reply == "Which time of the day is it?"
    assert (await call.say("At nine.")).reply.startswith("I am sorry, I did not get that.")  # morning, or evening?
    moved = await call.say("At nine in the morning.")
    assert json.loads(moved.calls[0].arguments) == {"day": "2026-11-03", "at": "09:00:00"}
    assert "03 November at 09:00" in moved.reply


async def test_free_words_are_only_taken_from_the_answer_to_their_question() -> None:
    call = desk(leave_message)
    asked = await call.say("I want to leave a message for the doctor about my broken glasses.")
    assert asked.reply == "Which caller's name is it?"
    assert (await call.say("What do you need that for?")).reply.endswith("Which caller's name is it?")
    assert (await call.say("My name is Peter Smith.")).reply.startswith("Thank you, Peter Smith.")


async def test_an_argument_that_cannot_be_spoken_is_given_up_after_three_questions() -> None:
    @tool(examples=("send the papers",))
    def send(papers: Annotated[list[str], "papers"]) -> str:
        """Send papers."""
        return str(papers)

    call = desk(send)
    assert (await call.say("Send the papers.")).reply == "Which papers is it?"
    for said in ("All.", "All of them."):
        assert (await call.say(said)).reply.endswith("Which papers is it?")
    assert (await call.say("The two.")).reply.startswith("I am sorry, I cannot do it without that.")


async def test_the_number_that_a_refusal_asks_for_goes_to_the_tool_that_takes_it() -> None:
    @tool(examples=("renew my prescription",))
    def renew(prescription: Annotated[str, "prescription number, two digits"]) -> str:
        """Renew a prescription."""
        return f"First please tell me your patient number, before {prescription}."

    call = desk(renew, open_bill)
    assert (await call.say("Renew my prescription 42.")).actions == ("renew",)
    assert [each.arguments for each in (await call.say("417")).calls] == ['{"patient": "417"}']


def slot(kind: Any, about: str = "", name: str = "value", **schema: Any) -> Slot:
    async def ask(value: Any) -> None:
        del value

    ask.__annotations__["value"] = Annotated[kind, about] if about else kind
    found = tool(ask).parameters["properties"]["value"]
    return Slot(name, {**found, **schema}, required=True)


@pytest.mark.parametrize(
    ("wanted", "said", "value"),
    [
        (slot(Literal["in", "inside"]), "inside please", "inside"),
        (slot(Literal["out", "outside"]), "I sit outside", "outside"),
        (slot(Literal["monday", "tuesday"]), "not Monday, Tuesday", "tuesday"),
        (slot(Literal["monday", "tuesday"]), "tomorrow", "tuesday"),
        (slot(Literal["9:00", "11:30"]), "nine", "9:00"),
        (slot(Literal["9:00", "11:30"]), "at eleven thirty", "11:30"),
        (slot(Literal[1, 2, 3]), "two of them", 2),
        (slot(Literal["at_home", "at_work"]), "at home", "at_home"),
        (slot(Literal["small", "large"]), "whatever", None),
        (slot(int), "two point five is 2.5", None),
        (slot(float), "it is 2.5", 2.5),
        (slot(float), "it is 3", 3),
        (slot(int), "about 1,200", 1200),
        (slot(str, "order id", pattern=r"^[A-Z]{2}\d{4}$"), "AB1234", None),
        (slot(str, "member code", pattern=r"^\d{3}$"), "four one seven", "417"),
        (slot(str, "day of the week"), "on Friday", "Friday"),
        (slot(str, "time of the day in words"), "on Monday at half past nine", "half past nine"),
        (slot(str, "time of the day in words"), "on Monday", None),
        (slot(str, "how many times a day"), "twice", "twice"),
        (slot(str, "which part of the day"), "the morning", "the morning"),
        (slot(str, "e-mail address", format="email"), "peter at example dot com", None),
        (slot(str, "the street"), "It is Hill Street.", "Hill Street"),
        (slot(str, "the street"), "well, I have been living there for years and always liked it", None),
        (slot(str, "the street"), "Which street?", None),
        (slot(str, "what happened?"), "It was open and all of it is lost", "It was open and all of it is lost"),
        (slot(str, "what is wrong?"), "It is loud at night and then it stops", "It is loud at night and then it stops"),
        (slot(str, "what is your name?"), "I would like to have that sent to the house of my mother.", None),
        (slot(bool, "call back"), "Yes, please.", True),
        (slot(date), "the third of May", "2027-05-03"),
        (slot(date), "December 24th", "2026-12-24"),
        (slot(date), "May the twenty first", "2027-05-21"),
        (slot(date), "the 31st of February", None),
        (slot(date), "I may come", None),
        (slot(date), "today", "2026-11-02"),
        (slot(date), "on 2026-12-01", "2026-12-01"),
        (slot(time), "14:30", "14:30:00"),
        (slot(time), "quarter to ten in the evening", "21:45:00"),
        (slot(time), "3 p.m.", "15:00:00"),
        (slot(time), "noon", "12:00:00"),
        (slot(time), "half past nine", None),
        (slot(time), "my number is 4271", None),
        (slot(datetime), "tomorrow at three in the afternoon", None),
        (slot(dict[str, str]), "anything", None),
    ],
)  # fmt: skip
def test_an_argument_is_taken_from_the_callers_words_or_missing(wanted: Slot, said: str, value: object) -> None:
    found = value_in(wanted, said, asked=True, at=MONDAY)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("said", ["", "(((", "äöü ☎ 你好", "one two " * 200, "-", "at at at", "9" * 400])
@pytest.mark.parametrize("kind", [date, time, datetime, int, float, str, bool, Literal["nine", "9:00"], list[str]])
def test_odd_words_never_fail(kind: Any, said: str) -> None:
    wanted = slot(kind, "time of day")
    for asked in (True, False):
        value_in(wanted, said, asked=asked, at=MONDAY)
        value_in(wanted, said, asked=asked, at=0.0)


def test_a_schema_without_a_type_is_words() -> None:
    assert Slot("x", {}, required=True).kind == "words"
