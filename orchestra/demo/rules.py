"""Rules that bind Swift Parcel's agents, whatever their model answers."""

import re

from orchestra.agents.rule import Sentence, ToolUse, rule
from orchestra.language.english.spoken_digits import digit_runs, digits_of_length

_MONEY = re.compile(r"\b(refund|reimburse|compensat|money back|pay (you )?back|credit your)", re.IGNORECASE)
_NO_PROMISE = re.compile(r"\b(cannot|can't|can not|not able|no promise|person|never)\b", re.IGNORECASE)
_SERIOUS = re.compile(
    r"\b(hurt|injur\w*|hospital|ambulance|police|lawyer|solicitor|court|sue|theft|stole\w*|threat\w*|assault\w*)\b",
    re.IGNORECASE,
)


@rule
def no_promise_of_refunds(sentence: Sentence) -> str | None:
    """Agents never promise money; only a person may."""
    if _MONEY.search(sentence.text) and not _NO_PROMISE.search(sentence.text):
        return "Whether money is paid back is for a person to decide. I can take down a complaint for you."
    return None


@rule
def identity_check_before_redelivery(use: ToolUse) -> str | None:
    """A caller may choose the delivery day only after reading out the parcel number from the card at their door."""
    if use.tool != "redeliver":
        return None
    number = str(use.arguments["number"])
    said = [message.content for message in use.conversation if message.role == "user"]
    if number in "".join(run for words in said for run in digit_runs(words)):
        return None
    if any(digits_of_length(words, len(number)) == number for words in said):
        return None
    return "Before I can book that, please read me the parcel number from your card, digit by digit."


@rule
def serious_complaint_to_a_person(use: ToolUse) -> ToolUse | None:
    """If somebody was hurt, or police or courts are involved, transfer to a person instead of opening a complaint."""
    if use.tool != "open_complaint" or not _SERIOUS.search(f"{use.arguments['what']} {use.caller_said}"):
        return None
    return use.instead(
        "transfer_call", briefing=f"Serious complaint about {use.arguments['number']}: {use.arguments['what']}"
    )


RULES = (no_promise_of_refunds, identity_check_before_redelivery, serious_complaint_to_a_person)
