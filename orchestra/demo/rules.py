"""Rules that bind Swift Parcel's agents, whatever their model answers, in the words of a language."""

import re
from typing import NamedTuple

from orchestra.agents.rule import Rule, Sentence, ToolUse, rule
from orchestra.demo import english
from orchestra.demo.texts import Texts
from orchestra.language.values import values_of
from orchestra.language.values.numbers import digit_runs


class Rules(NamedTuple):
    """Swift Parcel's rules, in the order in which they apply."""

    no_promise_of_refunds: Rule
    identity_check_before_redelivery: Rule
    serious_complaint_to_a_person: Rule


def rules_in(texts: Texts) -> Rules:
    """The rules that understand and say these words."""
    money = re.compile(texts.money, re.IGNORECASE)
    no_promise = re.compile(texts.no_promise, re.IGNORECASE)
    serious = re.compile(texts.serious, re.IGNORECASE)
    values = values_of(texts.language)

    def digits(words: str) -> str:
        return "".join(part for run in digit_runs(words, values) for part in run)

    @rule
    def no_promise_of_refunds(sentence: Sentence) -> str | None:
        """Agents never promise money; only a person may."""
        if money.search(sentence.text) and not no_promise.search(sentence.text):
            return texts.only_a_person
        return None

    @rule
    def identity_check_before_redelivery(use: ToolUse) -> str | None:
        """A caller may choose the delivery day only after reading out the parcel number from the card at their door."""
        if use.tool != "redeliver":
            return None
        said = (digits(message.content) for message in use.conversation if message.role == "user")
        return None if str(use.arguments["number"]) in "".join(said) else texts.read_number

    @rule
    def serious_complaint_to_a_person(use: ToolUse) -> ToolUse | None:
        """If somebody was hurt, or police or courts are involved, a person is asked instead of a complaint opened."""
        if use.tool != "open_complaint" or not serious.search(f"{use.arguments['what']} {use.caller_said}"):
            return None
        return use.instead("transfer_call", briefing=texts.serious_briefing.format(**use.arguments))

    return Rules(no_promise_of_refunds, identity_check_before_redelivery, serious_complaint_to_a_person)


RULES = rules_in(english.TEXTS)
no_promise_of_refunds, identity_check_before_redelivery, serious_complaint_to_a_person = RULES
