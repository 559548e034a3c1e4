"""Dates, as callers say them and as speech recognition writes them."""

import calendar
import re
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Final, Literal

from orchestra.language.values.numbers import digits_at, number_at, number_tokens
from orchestra.language.values.port import ValueWords
from orchestra.language.values.tokens import longest_at

When = Literal["next", "past", "any"]

_ISO: Final = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_ENDING: Final = re.compile(r"(?<=\d)(st|nd|rd|th|er|eme|e|o|a|º|ª|°)\b", re.IGNORECASE)
_WEEK, _MONTH_DAYS, _MONTHS = 7, 30, 12
_CENTURY, _PIVOT = 100, 30
#: a longer number, beside a date, is no telephone's, card's or account's
_LONGEST_FIGURES: Final = 34


def read_date(text: str, values: ValueWords, *, today: date, when: When = "next") -> date | None:
    """The date that a caller names; None if there is none, or no such day.

    Args:
        text: the caller's words.
        values: the tables of their language.
        today: what "tomorrow" is counted from.
        when: of a date without a year, whether the coming or the past one is meant.

    """
    if iso := _ISO.search(text):
        return _day(int(iso[1]), int(iso[2]), int(iso[3]))
    found = number_tokens(_ENDING.sub("", text), values)
    if any(token.isdigit() and len(token) > _LONGEST_FIGURES for token in found):
        return None  # noise; int() refuses figures of thousands of digits
    return _by_calendar(found, values, today, when) or _relative(found, values, today, when)


def _by_calendar(found: list[str], values: ValueWords, today: date, when: When) -> date | None:
    """A day and a month by name, or a row of numbers."""
    for at in range(len(found)):
        if size := longest_at(found, at, values.months.keys()):
            named = values.months[" ".join(found[at : at + size])]
            before, after = _parts(found[:at], values), _parts(found[at + size :], values)
            numbers = [*before[-1:], *after]
            year = _year(numbers[1:], today, when)
            return _placed(int(numbers[0]), named, year, today, when) if numbers else None
    parts = _parts(found, values)
    if len(parts) < 2:  # noqa: PLR2004 - a day and a month
        return None
    first, second, *rest = parts
    if len(first) == 4:  # noqa: PLR2004 - a year
        return _day(int(first), int(second), int(rest[0])) if rest else None
    day, month = (second, first) if values.month_first else (first, second)
    if int(month) > _MONTHS >= int(day):
        day, month = month, day
    return _placed(int(day), int(month), _year(rest, today, when), today, when)


def _parts(found: list[str], values: ValueWords) -> list[str]:
    """The numbers among the tokens, ordinal ones too."""
    parts: list[str] = []
    at = 0
    while at < len(found):
        size = longest_at(found, at, values.ordinals.keys())
        number, used = digits_at(found, at, values)
        if size > used or (size and size == used):
            parts.append(str(values.ordinals[" ".join(found[at : at + size])]))
        elif used and parts and parts[-1] == "0" and len(number) == 1:
            parts[-1] = "0" + number  # oh five
        elif used:
            parts.append(number)
        at += max(size, used, 1)
    return parts


def _year(parts: list[str], today: date, when: When) -> int | None:
    """A year in four digits, in two pairs (nineteen eighty), or in two digits; None without one."""
    written = "".join(parts[:2]) if parts and len(parts[0]) <= 2 else "".join(parts[:1])  # noqa: PLR2004
    if not written:
        return None
    year = int(written)
    if year >= _CENTURY:
        return year
    century = today.year - today.year % _CENTURY
    latest = today.year % _CENTURY + (0 if when == "past" else _PIVOT)
    return century + year if year <= latest else century - _CENTURY + year


def _placed(day: int, month: int, year: int | None, today: date, when: When) -> date | None:
    if year is not None:
        return _day(year, month, day)
    this = _day(today.year, month, day)
    if when == "any" and this is not None:
        return this
    step = -1 if when == "past" else 1
    candidates = (_day(today.year + step * more, month, day) for more in range(5))  # 29 February comes in four years
    return next((each for each in candidates if each is not None and (each - today).days * step >= 0), None)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _relative(found: list[str], values: ValueWords, today: date, when: When) -> date | None:
    """Tomorrow, in three days, next Friday, the third."""
    named = next((values.days[" ".join(found[at : at + size])] for at, size in _places(found, values.days)), None)
    begin = today + timedelta(days=named or 0)
    for at, size in _places(found, values.within):
        if later := _later(found, at + size, values, begin):
            return later  # "tomorrow in a week" counts from tomorrow
    if named is not None:
        return begin
    for at in range(len(found)):
        if size := longest_at(found, at, values.weekdays.keys()):
            ahead = (values.weekdays[" ".join(found[at : at + size])] - today.weekday()) % _WEEK
            return today + timedelta(days=(ahead or _WEEK) - (_WEEK if when == "past" else 0))
    parts = _parts(found, values)
    if len(parts) == 1 and len(parts[0]) <= 2:  # noqa: PLR2004 - a day
        return _day_of_month(int(parts[0]), today, when)
    return None


def day_alone(text: str, values: ValueWords) -> int | None:
    """The day of the month that a caller names, if they name nothing else of a date: "the fourth"."""
    found = number_tokens(_ENDING.sub("", text), values)
    parts = _parts(found, values)
    others = (values.months.keys(), values.weekdays.keys(), values.days.keys(), values.within)
    if any(longest_at(found, at, phrases) for at in range(len(found)) for phrases in others):
        return None
    return int(parts[0]) if len(parts) == 1 and len(parts[0]) <= 2 else None  # noqa: PLR2004 - a day


def _places(found: list[str], phrases: Collection[str]) -> Iterator[tuple[int, int]]:
    """Where phrases begin, and how many tokens each takes."""
    return ((at, size) for at in range(len(found)) if (size := longest_at(found, at, phrases)))


def _later(found: list[str], at: int, values: ValueWords, today: date) -> date | None:
    """The day after a number of days, weeks or months."""
    number, used = number_at(found, at, values)
    if not used and at < len(found) and found[at].isdigit():
        number, used = int(found[at]), 1
    if not used and at < len(found) and found[at] in {"a", "an"}:
        number, used = 1, 1
    unit = values.units.get(found[at + used]) if used and at + used < len(found) else None
    if unit is None:
        return None
    if unit != _MONTH_DAYS:
        return today + timedelta(days=number * unit)
    months = today.month - 1 + number
    year, month = today.year + months // _MONTHS, months % _MONTHS + 1
    return date(year, month, min(today.day, calendar.monthrange(year, month)[1]))


def _day_of_month(day: int, today: date, when: When) -> date | None:
    """The coming or the past day of this number."""
    step = -1 if when == "past" else 1
    for more in range(_MONTHS):
        months = today.year * _MONTHS + today.month - 1 + step * more
        found = _day(months // _MONTHS, months % _MONTHS + 1, day)
        if found is not None and (found - today).days * step >= 0:
            return found
    return None
