"""The business rules of the demo app."""

import pytest

from orchestra import Sentence, ToolUse
from orchestra.demo.rules import identity_check_before_redelivery, no_promise_of_refunds, serious_complaint_to_a_person
from orchestra_schemas import Message


def use_of(tool: str, *said: str, **arguments: str) -> ToolUse:
    conversation = tuple(Message(role="user", content=text) for text in said)
    return ToolUse(tool=tool, arguments=arguments, conversation=conversation)


@pytest.mark.parametrize(
    "text",
    [
        "You will get a full refund.",
        "We'll give you your money back.",
        "I have reimbursed you.",
        "I can compensate you.",
    ],
)
def test_a_promise_of_a_refund_is_refused(text: str) -> None:
    assert "for a person to decide" in str(no_promise_of_refunds(Sentence(text=text)))


@pytest.mark.parametrize("text", ["I cannot promise a refund.", "Your parcel is at the depot."])
def test_a_sentence_without_a_promise_of_money_is_spoken(text: str) -> None:
    assert no_promise_of_refunds(Sentence(text=text)) is None


@pytest.mark.parametrize(
    "said", [("It is 4271.",), ("four two", "seven one"), ("deliver it", "for two seven one", "on Friday")]
)
def test_a_caller_who_gave_the_parcel_number_can_have_it_redelivered(said: tuple[str, ...]) -> None:
    assert identity_check_before_redelivery(use_of("redeliver", *said, number="4271", day="Friday")) is None


def test_the_agent_asks_for_a_parcel_number_that_the_caller_did_not_give() -> None:
    refused = identity_check_before_redelivery(
        use_of("redeliver", "my neighbour's parcel", number="4271", day="Friday")
    )
    assert "read me the parcel number" in str(refused)


def test_other_tools_need_no_identity() -> None:
    assert identity_check_before_redelivery(use_of("find_parcel", "hello", number="4271")) is None


def test_a_serious_complaint_goes_to_a_person() -> None:
    use = use_of("open_complaint", "your driver hurt my dog", number="5502", what="your driver hurt my dog")
    changed = serious_complaint_to_a_person(use)
    assert changed.tool == "transfer_call"
    assert changed.arguments == {"briefing": "Serious complaint about 5502: your driver hurt my dog"}


def test_any_other_complaint_is_recorded() -> None:
    use = use_of("open_complaint", "the box is broken", number="5502", what="the box is broken")
    assert serious_complaint_to_a_person(use) is None
