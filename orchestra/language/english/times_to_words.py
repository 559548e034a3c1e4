"""Times of day, dates, years and days of the week as English words.

AM or PM is said only if the text gives it: by a.m. or p.m., or by the 24-hour clock, which is recognized by an hour
that the 12-hour clock does not have. Beside such an hour, ``3:30`` may be the afternoon of somebody who writes both
ways, and has neither; ``03:30`` and ``9:00`` are in the morning.
"""

import re
from typing import Final

from orchestra.language.english.numbers_to_words import cardinal, ordinal, year

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTH_OF: Final = {form: month for month in _MONTHS for form in (month.lower(), month[:3].lower())} | {
    "sept": "September"
}
MONTH: Final = r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"  # noqa: E501
DAYS: Final = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday",
}  # fmt: skip
#: also ordinary words, and read as days only beside another day or after certain words
WEEKEND: Final = {"Sat": "Saturday", "Sun": "Sunday"}
_ANY_DAY: Final = DAYS | WEEKEND
_NOON: Final = 12
_MIDNIGHT: Final = 24
#: an hour in one figure is in the morning from this one on: "open 9:00 to 17:00"
_DAYTIME: Final = 7
_TEN: Final = 10
_LAST_MINUTE: Final = 59
_LAST_DAY: Final = 31
#: a date or time does not begin or end inside another number
_BEGIN, _END = r"(?<![\d.,:/-])", r"(?![\d:/]|[.,-]\d)"
_DAY: Final = r"(?P<day>\d\d?)(?:st|nd|rd|th)?"
#: the last of several days: 3–5
_UNTIL: Final = r"(?:[-–—](?P<last>\d\d?)(?:st|nd|rd|th)?)?"
_YEAR: Final = r"(?P<year>(?:1[1-9]|20)\d\d)"

#: 5 p.m., 5:30PM
WITH_HALF: Final = re.compile(
    rf"{_BEGIN}(?P<hour>\d\d?)(?:[:.](?P<minute>\d\d))?\s?(?P<half>[ap])(?:m\b|\.\s?m\.)", re.IGNORECASE
)
#: 17:30, and not "2:05 hrs", "1:10 scale" or "14:30 Uhr", where the figures are not a time of day or not English
BARE: Final = re.compile(
    rf"{_BEGIN}(?P<hour>\d\d?):(?P<minute>\d\d)(?![A-Za-z]){_END}"
    r"(?!\s?[ap]\.?m\b)(?!\s?(?:hrs?|hours?|h|mins?|minutes?|Uhr|ratio|scale|odds|dilution)\b)"
)
ISO_DATE: Final = re.compile(rf"{_BEGIN}(?P<year>\d{{4}})-(?P<number>\d\d)-(?P<day>\d\d){_END}")
SLASHED_DATE: Final = re.compile(rf"{_BEGIN}(?P<first>\d\d?)/(?P<second>\d\d?)/(?P<year>\d{{4}}|\d\d){_END}")
#: a date in figures
_FIGURES: Final = r"\d{4}-\d\d-\d\d|\d\d?/\d\d?/(?:\d{4}|\d\d)"
DATE_SPAN: Final = re.compile(rf"{_BEGIN}(?P<first>{_FIGURES})\s?[-–—]\s?(?P<last>{_FIGURES}){_END}")
_A_MONTH: Final = MONTH.replace("?P<month>", "?:")
#: what joins "May 3–May 5" and "3 May–5 May"
DATE_JOINT: Final = re.compile(
    rf"(?<=\d)[-–—](?={_A_MONTH} \d)|(?<=\d )(?P<rest>{_A_MONTH}(?:,? \d{{4}})?)[-–—](?=\d\d? {_A_MONTH})"
)
MONTH_DAY: Final = re.compile(rf"\b{MONTH} {_DAY}{_UNTIL}\b(?![:\d])(?:,? {_YEAR}\b(?!:))?")
DAY_MONTH: Final = re.compile(rf"(?:\bthe )?{_BEGIN}{_DAY}{_UNTIL}(?: of)? {MONTH}(?![a-z])(?:,? {_YEAR}\b)?")
MONTH_YEAR: Final = re.compile(rf"\b{MONTH}(?P<comma>,?) {_YEAR}\b")
#: after a word that makes it a year, with the years that go on: "in 1999, 2008 and 2026", "from 2019-2021"
YEARS: Final = re.compile(
    r"\b(?P<word>in|of|since|until|by|from|year|between|before|after|during|spring|summer|autumn|fall|winter|early|late|mid|around|Q[1-4])"
    r"(?P<years> (?:1[1-9]|20)\d\d(?:(?:, and |, | and | or | to |\s?[-–]\s?)(?:1[1-9]|20)\d\d)*)\b"
    r"(?![,.:/-]\d|[-–]\d|\s?(?:€|£|\$|dollars|euros|pounds|people|parcels|words|points|miles|times)(?!\w))",
    re.IGNORECASE,
)
#: 2019-2021 without such a word, and the double year 2024/25
YEAR_SPAN: Final = re.compile(
    rf"(?<![\d.,:/+-]){_YEAR}(?P<mark>\s?[-–]\s?|/)(?P<last>(?:20|19)\d\d|\d\d)(?![\d/]|[-.,:]\d)"
)
DECADE: Final = re.compile(r"\b(?P<century>1[1-9]|20)(?P<ten>\d)0s\b|(?<![\w])['’](?P<short>[2-9])0s\b")
DAY_RANGE: Final = re.compile(
    rf"\b(?P<first>{'|'.join(sorted(_ANY_DAY, key=len, reverse=True))})\.?\s?[-–]\s?"
    rf"(?P<last>{'|'.join(sorted(_ANY_DAY, key=len, reverse=True))})\b(?:\.(?=\S|\s+[a-z\d]))?"
)
#: from one time or hour to another
TIME_RANGE: Final = re.compile(r"(?<=[\dmM])\s?[–—-]\s?(?=\d\d?(?::\d\d|\s?[ap]\.?m))|(?<=[ap]\.m\.)\s?[–—-]\s?(?=\d)")

_TIME: Final = r"\d\d?(?::\d\d)?(?:\s?[ap]\.?m\b)?"
#: from one time to another: it is read whole, or not at all
TIME_SPAN: Final = re.compile(rf"{_BEGIN}{_TIME}(?:\s?[-–—]\s?| to | until ){_TIME}(?![\w:/]|[-.,]\d)", re.IGNORECASE)

#: a length of time, such as 0:45, at the other end of a range: then neither end is a time of day
_LENGTH_BEFORE: Final = re.compile(r"(?<![\d:.])0:\d\d(?:\s?[-–—]\s?| to )\Z")
_LENGTH_AFTER: Final = re.compile(r"(?:\s?[-–—]\s?| to )0:\d\d(?![\d:])")


def clock(found: re.Match[str], *, whole_day: bool) -> str:
    """The time as words.

    ``whole_day``: the sentence uses the 24-hour clock, so that 9:00 is in the morning.
    """
    groups = found.groupdict()
    hour, minute, half = int(groups["hour"]), int(groups["minute"] or 0), (groups.get("half") or "").lower()
    if hour > _MIDNIGHT or minute > _LAST_MINUTE or (half and not 0 < hour <= _NOON) or (hour == _MIDNIGHT and minute):
        return found[0]
    may_be_either = 0 < hour < _DAYTIME and len(groups["hour"]) == 1
    if not half and ((whole_day and not may_be_either) or hour > _NOON or groups["hour"] == "00"):
        if minute == 0 and hour % _NOON == 0:
            return "noon" if hour == _NOON else "midnight"
        half = "a" if hour < _NOON else "p"
    elif not half and (groups["hour"] == "0" or _is_beside_length(found)):
        return found[0]  # 0:45 is as often a length of time
    if not half and minute == 0:
        return f"{cardinal(hour)} o'clock"
    minutes = "" if minute == 0 else f" oh {cardinal(minute)}" if minute < _TEN else f" {cardinal(minute)}"
    stop = "." if found[0].endswith(".") and not found.string[found.end() :].strip() else ""
    return f"{cardinal(hour % _NOON or _NOON)}{minutes}{f' {half.upper()}M' if half else ''}{stop}"


def is_read_whole(span: str, *, whole_day: bool) -> bool:
    """Whether both ends of a `TIME_SPAN` are read out: ``0:10 - 2:00 pm`` begins at what may be no time of day."""
    if ":" not in span and not WITH_HALF.search(span):
        return True  # of numbers: "5 to 7"
    hours = TIME_RANGE.sub(" to ", span)
    for form in WITH_HALF, BARE:
        hours = form.sub(lambda found: clock(found, whole_day=whole_day), hours)
    return all(0 < int(hour) <= _NOON for hour in re.findall(r"\d+", hours)) and ":" not in hours


def _is_beside_length(found: re.Match[str]) -> bool:
    before, after = found.string[: found.start()], found.end()
    return bool(_LENGTH_BEFORE.search(before) or _LENGTH_AFTER.match(found.string, after))


def uses_whole_day(sentence: str) -> bool:
    """Whether a time in the sentence is one that only the 24-hour clock has, such as 17:00 or 00:15."""
    if WITH_HALF.search(sentence):
        return False
    return any(_NOON < int(found["hour"]) <= _MIDNIGHT or found["hour"] == "00" for found in BARE.finditer(sentence))


def iso_date(found: re.Match[str]) -> str:
    """``2026-11-22``."""
    return _dated(found[0], int(found["day"]), int(found["number"]), found["year"])


def slashed_date(found: re.Match[str]) -> str:
    """``11/22/2026`` and ``22/11/2026``; ambiguous dates are left as they are."""
    first, second = int(found["first"]), int(found["second"])
    if first <= len(_MONTHS) and second <= len(_MONTHS) and first != second:
        return found[0]
    month, day = (second, first) if first > len(_MONTHS) else (first, second)
    written = found["year"]
    return _dated(found[0], day, month, f"20{written}" if len(written) == 2 else written)  # noqa: PLR2004


def named_date(found: re.Match[str]) -> str:
    """``Nov 22, 2026`` and ``22nd of November``."""
    number = _MONTHS.index(_MONTH_OF[found["month"].lower()]) + 1
    last = int(found["last"] or 0)
    return _dated(found[0], int(found["day"]), number, found["year"] or "", last=last)


def date_span(found: re.Match[str]) -> str:
    """``11/22/2026–11/24/2026``; left as it is if one of the two dates is ambiguous."""
    ends = [found["first"], found["last"]]
    said = [SLASHED_DATE.sub(slashed_date, ISO_DATE.sub(iso_date, end)) for end in ends]
    return found[0] if set(said) & set(ends) else " to ".join(said)


def month_year(found: re.Match[str]) -> str:
    """``July, 1776``."""
    return f"{found['month']}{found['comma']} {year(int(found['year']))}"


def years(found: re.Match[str]) -> str:
    """``in 1999, 2008 and 2026``."""
    said = re.sub(r"(?<=\d)\s?[-–]\s?(?=\d)", " to ", found["years"])
    return found["word"] + re.sub(r"\d{4}", lambda one: year(int(one[0])), said)


def year_span(found: re.Match[str]) -> str:
    """``2019-2021`` and ``2024/25`` if the second year follows the first; otherwise left as it is."""
    first, last = int(found["year"]), found["last"]
    to = int(last) if len(last) == 4 else first // 100 * 100 + int(last)  # noqa: PLR2004
    if to <= first or (len(last) == 2 and found["mark"] == "/" and to != first + 1):  # noqa: PLR2004
        return found[0]
    return f"{year(first)} to {year(to) if len(last) == 4 else cardinal(int(last))}"  # noqa: PLR2004


def decade(found: re.Match[str]) -> str:
    """``1980s`` and ``'80s``."""
    if found["short"]:
        return _plural(cardinal(int(found["short"]) * 10))
    number = int(f"{found['century']}{found['ten']}0")
    return _plural(year(number)) if found["ten"] != "0" else f"{found[0][:-1]}s"


def day_range(found: re.Match[str]) -> str:
    """``Mon-Fri``."""
    return f"{_ANY_DAY[found['first']]} to {_ANY_DAY[found['last']]}"


def _plural(number: str) -> str:
    return f"{number[:-1]}ies" if number.endswith("y") else f"{number}s"


def _dated(written: str, day: int, month: int, of_year: str, *, last: int = 0) -> str:
    """``last``: the last of several days, if they are several."""
    if not 1 <= month <= len(_MONTHS) or not 1 <= day <= _LAST_DAY or not (last == 0 or day < last <= _LAST_DAY):
        return written
    said = f"{_MONTHS[month - 1]} {ordinal(day)}{f' to {ordinal(last)}' if last else ''}"
    return f"{said}, {year(int(of_year))}" if of_year else said
