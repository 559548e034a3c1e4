"""Puts the rules of a language together."""

import re
from collections.abc import Callable
from typing import Final

from orchestra.language.reading.applying import Reading, apply
from orchestra.language.reading.cldr import day_names
from orchestra.language.reading.detection import is_in
from orchestra.language.reading.figures import Figures
from orchestra.language.reading.money import Money
from orchestra.language.reading.names import Names
from orchestra.language.reading.numerals import Numerals
from orchestra.language.reading.rules import Rules
from orchestra.language.reading.times import Calendar, Times

#: figures of other scripts are left to the engine
_OTHER_DIGITS: Final = re.compile(r"[^\D0-9]")
_FIGURES: Final = re.compile(r"[0-9@&½¼¾⅓⅔]|\.\w|[^\W\d_]/")


def make_reader(rules: Rules) -> Callable[[str], str]:
    """Make the function that reads a sentence out by these rules; it leaves a sentence in another language as it is."""
    numerals = Numerals(rules)
    names = Names(rules, numerals)
    abbreviations = [Reading(frozenset(), re.compile(written), said) for written, said in rules.abbreviations.items()]
    readings = [
        *names.addresses(),
        _day_spans(rules),
        *abbreviations,
        *Times(rules).readings(),
        *Calendar(rules, numerals).readings(),
        *Money(rules, numerals).readings(),
        *names.codes(),
        *Figures(rules, numerals).readings(),
    ]
    needed = re.compile("|".join([_FIGURES.pattern, *rules.abbreviations, _day_span_pattern(rules)]))

    def verbalize(sentence: str) -> str:
        if not needed.search(sentence) or _OTHER_DIGITS.search(sentence) or not is_in(rules.locale, sentence):
            return sentence
        return apply(readings, sentence)

    return verbalize


def _day_span_pattern(rules: Rules) -> str:
    one = "|".join(rules.days)
    return rf"\b({one})\.?\s?(?:[-–—]|t/m)\s?({one})(?![\w-])(?:\.(?=\s*\S))?"


def _day_spans(rules: Rules) -> Reading:
    """``lun-vie``, ``Mo–Fr``."""
    names = day_names(rules.locale)
    forms = [re.compile(form) for form in rules.days]

    def name(written: str) -> str:
        return next(name for form, name in zip(forms, names, strict=True) if form.fullmatch(written))

    return Reading(
        frozenset("-–—/"),
        re.compile(_day_span_pattern(rules)),
        lambda found: rules.day_span.format(first=name(found[1]), last=name(found[2])),
    )
