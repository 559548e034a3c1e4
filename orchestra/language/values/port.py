"""The words of a language that stand for values, and what is said to a caller who is asked for one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class CapturePhrases:
    """What is said around a question. ``{value}`` is the value as it is read back, ``{question}`` the question.

    Attributes:
        questions: the question of each kind whose author gives none, by the kind's name; also of the parts of a card.
        right: reads back.
        ending: names a card by the digits at its end.
        again: nothing usable was heard.
        wrong: the caller has said no, and nothing else.
        invalid: what was heard cannot be right: a check digit, or a number that does not exist.
        go_on: a part was heard, and there is more to come.
        spell: asks for the spelling, after a first failure.
        keys: asks for the keys of the telephone.
        or_: between the last two of several choices.

    """

    questions: Mapping[str, str]
    right: str
    ending: str
    again: str
    wrong: str
    invalid: str
    go_on: str
    spell: str
    keys: str
    or_: str


@dataclass(frozen=True, kw_only=True)
class ValueWords:
    """The tables of one language. All words are `plain`: lower case, no accents, no apostrophes or hyphens.

    Attributes:
        code: ISO 639-1.
        phrases: what callers are told.
        numbers: the words of 0 to 99.
        hundreds: words of hundreds with their value; one that is 100 is multiplied by the number before it.
        thousands: the words of 1,000.
        millions: the words of 1,000,000.
        compounds: numbers above 99 are written in one word, as in ``zweihundertdrei``.
        joins: words between the parts of a number, such as "and".
        times: words that repeat the next digit or letter, by how often.
        sounds: words that recognition writes for a digit; believed only beside a number.
        point: the decimal sign, as words.
        minus: words of a negative number.
        half: words after a whole number that add a half.
        decimal_comma: the comma is the decimal sign in writing.
        yes: phrases that agree.
        no: phrases that disagree.
        but: words after a yes that take it back in part.
        idioms: phrases with a number word that name no number: "the one".
        unwilling: phrases of a caller who does not know the value or will not tell it.
        negations: words between what is right and what is wrong, as in "fifteen, not fifty".
        excepts: phrases after which stands what a caller does not want of several, as in "anything but Monday".
        first: words of the beginning of a value.
        last: words of its end.
        ordinals: words of 1st to 31st.
        months: by name.
        weekdays: by name, Monday is 0.
        days: words for a day by its distance from today.
        within: words before a number of days, as in "in three days".
        units: words for a number of days: ``{"week": 7}``; months count as 30 and keep the day.
        next: words before a weekday or month that mean the coming one.
        month_first: whether dates in figures begin with the month.
        at: words for ``@``; the first one is said.
        signs: words for other signs of an address.
        introduces: words after which a value begins: "is" in "my name is".
        fillers: words that are part of no name.
        as_in: words between a letter and the word that explains it.
        letters: names of letters that recognition writes as words.
        with_: words before the letters that a name is written with, as in "Smith with a y".
        without: words before those that it is written without.

    """

    code: str
    phrases: CapturePhrases
    numbers: Mapping[str, int]
    hundreds: Mapping[str, int]
    thousands: frozenset[str]
    millions: frozenset[str]
    compounds: bool = False
    joins: frozenset[str]
    times: Mapping[str, int]
    sounds: Mapping[str, str] = field(default_factory=dict)
    point: frozenset[str]
    minus: frozenset[str]
    half: frozenset[str]
    decimal_comma: bool = True
    yes: frozenset[str]
    no: frozenset[str]
    but: frozenset[str]
    idioms: frozenset[str] = frozenset()
    unwilling: frozenset[str]
    negations: frozenset[str]
    excepts: frozenset[str] = frozenset()
    first: frozenset[str]
    last: frozenset[str]
    ordinals: Mapping[str, int]
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    days: Mapping[str, int]
    within: frozenset[str]
    units: Mapping[str, int]
    next: frozenset[str]
    month_first: bool = False
    at: tuple[str, ...]
    signs: Mapping[str, str]
    introduces: frozenset[str]
    fillers: frozenset[str]
    as_in: frozenset[str]
    letters: Mapping[str, str] = field(default_factory=dict)
    with_: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    @cached_property
    def number_phrases(self) -> frozenset[str]:
        """The words of `numbers`."""
        return frozenset(self.numbers)

    @cached_property
    def number_beginnings(self) -> frozenset[str]:
        """Every word with which a number can begin, or the repetition of a digit."""
        first = (phrase.partition(" ")[0] for phrase in self.numbers)
        return frozenset([*first, *self.times, *self.hundreds, *self.thousands])

    def in_region(self, region: str) -> "ValueWords":
        """The tables for a country's way to write dates: only some begin with the month."""
        return replace(self, month_first=False) if self.month_first and region not in _MONTH_FIRST else self


#: countries that write the month first; "" is English of no country
_MONTH_FIRST = frozenset({"", "US", "PH", "BZ"})


def listed(text: str) -> frozenset[str]:
    """The phrases of a table, which are separated by commas or lines."""
    return frozenset(phrase.strip() for line in text.splitlines() for phrase in line.split(",") if phrase.strip())


def numbered(text: str, start: int = 1) -> dict[str, int]:
    """Phrases with the numbers from ``start``; those with the same number are separated by a slash."""
    found: dict[str, int] = {}
    for number, phrases in enumerate((each for each in text.replace("\n", ",").split(",") if each.strip()), start):
        found.update((phrase.strip(), number) for phrase in phrases.split("/"))
    return found
