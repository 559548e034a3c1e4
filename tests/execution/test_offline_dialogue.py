"""Conversations with the offline model in the demo app, turn by turn."""

import json
from pathlib import Path

import pytest

from orchestra.demo import app
from orchestra.demo.parcels import Parcels
from tests.execution.in_process import CallInProcess


@pytest.fixture
def call(tmp_path: Path) -> CallInProcess:
    return CallInProcess(app, Parcels(tmp_path / "parcels.sqlite"))


async def test_a_missing_argument_is_asked_for_and_taken_from_the_answer(call: CallInProcess) -> None:
    asked = await call.say("Where is my parcel?")
    assert (asked.agent, asked.reply) == ("tracking", "Which parcel number is it?")
    answered = await call.say("four two seven one")
    assert answered.actions == ("find_parcel",)
    assert "4 2 7 1" in answered.reply


async def test_a_number_may_come_in_two_turns(call: CallInProcess) -> None:
    await call.say("Where is my parcel?")
    assert (await call.say("four two")).reply.startswith("I heard 4 2.")
    assert "4 2 7 1" in (await call.say("seven one")).reply


async def test_a_number_given_before_is_not_asked_for_again(call: CallInProcess) -> None:
    await call.say("Where is my parcel 4271?")
    assert "which day" in (await call.say("Can you deliver it again?")).reply.lower()
    booked = await call.say("On Friday, please.")
    assert json.loads(booked.calls[0].arguments) == {"number": "4271", "day": "Friday"}


async def test_another_parcel_needs_another_number(call: CallInProcess) -> None:
    await call.say("Where is my parcel 4271?")
    assert (await call.say("And where is my other parcel?")).reply == "Which parcel number is it?"


async def test_a_yes_to_an_offer_is_carried_out(call: CallInProcess) -> None:
    offered = await call.say("Where is my parcel 4271?")
    assert offered.reply.endswith("Shall we deliver it again?")
    accepted = await call.say("Yes, please.")
    assert (accepted.agent, accepted.reply[:9]) == ("redelivery", "Which day")


async def test_no_to_an_offer_does_not(call: CallInProcess) -> None:
    await call.say("Where is my parcel 4271?")
    refused = await call.say("No, thank you.")
    assert refused.actions == ()
    assert refused.reply.endswith("Is there anything else I can do for you?")


async def test_yes_and_no_fill_a_question_of_yes_or_no(call: CallInProcess) -> None:
    await call.say("I want to complain.")
    await call.say("9264")
    assert "call you back" in (await call.say("The box was broken.")).reply
    opened = await call.say("No, thanks.")
    assert json.loads(opened.calls[0].arguments) == {
        "number": "9264",
        "what": "The box was broken.",
        "call_back": False,
    }


async def test_no_with_another_number_is_a_correction(call: CallInProcess) -> None:
    await call.say("Where is my parcel 3692?")
    corrected = await call.say("No, one nine three eight.")
    assert [call.arguments for call in corrected.calls] == ['{"number": "1938"}']


async def test_another_day_is_booked_instead(call: CallInProcess) -> None:
    await call.say("Please deliver parcel 4271 again on Friday.")
    corrected = await call.say("Oh no, Wednesday would be better.")
    assert json.loads(corrected.calls[0].arguments) == {"number": "4271", "day": "Wednesday"}


async def test_tomorrow_is_the_day_after_the_call(call: CallInProcess) -> None:
    booked = await call.say("Please deliver parcel 4271 again tomorrow.")
    assert json.loads(booked.calls[-1].arguments) == {"number": "4271", "day": "Tuesday"}


async def test_a_question_in_between_is_answered_and_the_number_taken_after_it(call: CallInProcess) -> None:
    await call.say("Where is my parcel?")
    assert "Monday to Saturday" in (await call.say("What are your opening hours?")).reply
    assert (await call.say("It is number 4271.")).actions == ("find_parcel",)


async def test_a_question_is_repeated_and_then_a_person_is_offered(call: CallInProcess) -> None:
    await call.say("Where is my parcel?")
    assert (await call.say("banana")).reply.endswith("Which parcel number is it?")
    await call.say("banana")
    assert (await call.say("banana")).reply.endswith("Shall I connect you to a person?")
    assert (await call.say("yes")).actions == ("transfer_call",)


async def test_a_caller_without_the_number_is_offered_a_person(call: CallInProcess) -> None:
    await call.say("Where is my parcel?")
    assert (await call.say("I do not have the number.")).reply.endswith("Shall I connect you to a person?")


async def test_never_mind_ends_the_questions(call: CallInProcess) -> None:
    await call.say("Please deliver it again.")
    assert (await call.say("Never mind.")).reply.startswith("All right.")


async def test_the_last_reply_is_said_again(call: CallInProcess) -> None:
    first = await call.say("How much does it cost to send a parcel?")
    assert (await call.say("Sorry, could you say that again?")).reply == first.reply


async def test_an_interrupted_reply_is_repeated_completely(call: CallInProcess) -> None:
    first = await call.say("What happens if a parcel gets lost?")
    call.interrupted("If a parcel has not")
    assert (await call.say("What did you say?")).reply == first.reply


async def test_a_question_that_was_spoken_over_can_still_be_answered(call: CallInProcess) -> None:
    await call.say("Where is my parcel?")
    call.interrupted("Which parcel")
    assert (await call.say("4271")).actions == ("find_parcel",)


async def test_a_short_question_goes_on_from_the_one_before(call: CallInProcess) -> None:
    await call.say("What are your opening hours?")
    assert "closed on Sundays" in (await call.say("And on Sundays?")).reply


async def test_a_person_is_connected_from_any_agent(call: CallInProcess) -> None:
    await call.say("I want to complain.")
    assert (await call.say("A person, please.")).actions == ("transfer_call",)


async def test_no_to_anything_else_ends_the_call(call: CallInProcess) -> None:
    assert (await call.say("Where is my parcel 3692?")).reply.endswith("Is there anything else I can do for you?")
    ended = await call.say("No, that is all.")
    assert (ended.actions, ended.reply) == (("end_call",), "Thank you for calling. Good-bye.")


async def test_questions_out_of_scope_are_declined_in_the_apps_words(call: CallInProcess) -> None:
    declined = await call.say("What will the weather be like tomorrow?")
    assert declined.reply == "I am sorry, I can only help you with parcels."


async def test_a_turn_changes_hands_at_most_once(call: CallInProcess) -> None:
    for said in ("Where is my parcel 4271?", "I want to complain.", "Deliver it again on Monday.", "Where is it now?"):
        answered = await call.say(said)
        assert len([name for name in answered.actions if name.startswith("transfer_to_")]) <= 1


async def test_small_talk_is_answered(call: CallInProcess) -> None:
    assert (await call.say("Hello?")).reply == "Hello. How can I help you?"
    assert "automated assistant" in (await call.say("Are you a robot?")).reply
    assert (await call.say("One moment, please.")).reply == "Of course, take your time."
    assert (await call.say("Thank you.")).reply.startswith("You are welcome.")
