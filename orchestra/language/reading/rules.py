"""What differs between languages when figures are read out."""
# ruff: noqa: E501 - one attribute a line

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestra.language.reading.notation import Notation


class Currency(NamedTuple):
    """One and many of a currency, and of its hundredth; without a name for that, decimals are said as such."""

    one: str
    many: str
    cent: str = ""
    cents: str = ""


class Cents(NamedTuple):
    """How hundredths follow the units: ``{units}``, ``{cents}`` and, with its name, ``{named}``.

    Attributes:
        many: from ten on, "zwölf Euro fünfzig".
        few: below ten, "zwölf Euro und fünf Cent".

    """

    many: str
    few: str


class Clock(NamedTuple):
    """How times of day are written and said.

    Attributes:
        hours: pattern of what follows the hour: ``Uhr``, ``h``; between hour and minute too if `inside`.
        inside: pattern of what stands between hour and minute.
        with_word: pattern that stands there only if a word of `hours` follows or one of `before` precedes: ``14.30 Uhr``.
        before: pattern of words before a time that change with it, or decide how it is said.
        say: hour, minute, the words before (as written, "" for none), letters of the half of the day ("" for none)
            → the whole as words.
        counts_hours: whether the whole word of `hours` behind a time may say how long something lasts.
        half: pattern of the half of the day, with the group ``half``.
        span: words before the first of two times, unless one of `before` stands there, and before the last.

    """

    hours: str
    inside: str
    with_word: str
    before: str
    say: Callable[[int, int, str, str], str]
    span: tuple[str, str]
    counts_hours: bool = True
    half: str = r"(?P<half>[aApP])(?:[mM]\b|\.\s?[mM]\.)"


class Dates(NamedTuple):
    """How dates are written and said.

    Attributes:
        mark: pattern of what follows the day in figures: ``.``, ``º``.
        joint: between day, month and year: `` de ``.
        before: pattern of words before a date that decide how its day is said, or that make figures a date.
        say_day: day, the word before → words.
        year_words: pattern of words that make four figures behind them a year.
        short: pattern of what stands between day and month of a date without a year, behind one of `before`.

    """

    mark: str
    joint: str
    before: str
    say_day: Callable[[int, str], str]
    year_words: str
    short: str


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A language, as it is read out.

    Attributes:
        locale: of the CLDR, ``es``.
        numerals: the language's name in num2words.
        notation: of its numbers.
        digits: the ten of them, separated by spaces.
        point, minus, plus, percent, number, per, also: the words for ``,``, ``-``, ``+``, ``%``, ``#``, ``/`` and ``&``.
        to: between the ends of a range.
        tidy: mends what num2words says of a number.
        agree: words of a number, the number, the word behind it → the words as they stand before that; None if the
            language has several and the word is not known.
        year: a year as words.
        scales: written after a number → one, many: ``Mio.`` → ``Million``, ``Millionen``.
        millions: joins whole millions and what they are of: "un millón de euros".
        currencies: ISO 4217 code → names. Others are named by the CLDR.
        dollars: code of the currency whose sign is ``$``; empty if that cannot be told.
        cents: how they are said.
        units: symbol → names, where the CLDR has none that people say.
        clock, dates: see there.
        periods: pattern of words before which ``/`` is said as `per`.
        naming: pattern of words behind which a number is a name, said digit by digit.
        counted: pattern of words that make the number before them an amount.
        one_has_forms: whether ``1`` has several forms before a noun.
        unsure_before_one: pattern of words before ``1`` that decide its form.
        calling: pattern of words that make a short number one of a telephone.
        marks: punctuation of addresses → words; ``@`` among them.
        abbreviations: pattern → words.
        ordinals: patterns with the group ``number`` → number, the whole match → words; None if it is not sure.
        halves: fraction → frame for the number, ``{}``, and the noun behind it, ``{noun}``;
            ``{o}`` and ``{e}`` are endings of its gender; ``one|more`` if those differ.
        days: the short forms of the days from Monday on, each a pattern.
        day_span: frame of two days.
        keys: words for ``*`` and ``#`` on a telephone.

    """

    locale: str
    numerals: str
    notation: Notation = field(default_factory=Notation)
    digits: str
    point: str
    minus: str
    plus: str
    percent: str
    number: str
    per: str
    also: str
    to: str
    tidy: Callable[[str, int], str] = lambda words, _: words
    agree: Callable[[str, int, str], str | None] = lambda words, _number, _noun: words
    year: Callable[[int], str] | None = None
    scales: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    millions: Callable[[str, str], str] = lambda millions, many: f"{millions} {many}"
    currencies: Mapping[str, Currency]
    dollars: str = "USD"
    cents: Cents
    units: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    clock: Clock
    dates: Dates
    periods: str
    naming: str
    counted: str
    one_has_forms: bool = True
    unsure_before_one: str = r"(?!)"
    calling: str
    marks: Mapping[str, str]
    abbreviations: Mapping[str, str] = field(default_factory=dict)
    ordinals: Mapping[str, Callable[[int, str], str | None]] = field(default_factory=dict)
    halves: Mapping[str, str] = field(default_factory=dict)
    days: tuple[str, ...]
    day_span: str
    keys: tuple[str, str]

    def amount_behind(self) -> re.Pattern[str]:
        """What follows figures that are an amount: a sign or a word for what is counted."""
        return re.compile(rf"\s?(?:[€$£%]|(?:{self.counted}))")
