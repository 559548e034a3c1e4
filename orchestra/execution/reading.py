"""Writes money, dates, times, numbers and abbreviations as they are read out in English.

A speech engine left to itself reads ``£4.50`` as "pound four point fifty" and a parcel's number as millions. What is
read here is plain words for every engine; a digit that stands alone is left to the engine.
"""

import re
from collections.abc import Callable
from typing import Final

from orchestra.execution.numerals import cardinal, decimal, digits, ordinal, year

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTH_OF: Final = {form: month for month in _MONTHS for form in (month.lower(), month[:3].lower())} | {
    "sept": "September"
}
_MONTH: Final = r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"  # noqa: E501
_DAYS: Final = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday",
}  # fmt: skip
#: also words of their own, and read as days only after some words
_WEEKEND: Final = {"Sat": "Saturday", "Sun": "Sunday"}
#: sign or code → one, many, the hundredth, many of them
_MONEY: Final = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "USD": ("dollar", "dollars", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "EUR": ("euro", "euros", "cent", "cents"),
}
_UNITS: Final = {
    "km": ("kilometre", "kilometres"), "m": ("metre", "metres"), "cm": ("centimetre", "centimetres"),
    "mm": ("millimetre", "millimetres"), "kg": ("kilo", "kilos"), "g": ("gram", "grams"), "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "ft": ("foot", "feet"),
    "mi": ("mile", "miles"), "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "min": ("minute", "minutes"), "mins": ("minute", "minutes"), "sec": ("second", "seconds"),
    "°C": ("degree", "degrees"), "°F": ("degree", "degrees"), "°": ("degree", "degrees"),
}  # fmt: skip
_ABBREVIATIONS: Final = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missis", "Ms": "Miz", "Prof": "Professor", "approx": "approximately",
    "etc": "et cetera", "vs": "versus", "dept": "department", "ext": "extension", "Ave": "Avenue", "Rd": "Road",
    "Blvd": "Boulevard", "Inc": "Incorporated", "Ltd": "Limited", "min": "minimum", "max": "maximum",
}  # fmt: skip
_HALF_DAY: Final = 12
_LONG: Final = 4
_HUNDRED: Final = 100
_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
#: a date or a time may not begin or end inside another number
_ALONE: Final = (r"(?<![\d.,:/-])", r"(?![\d:/]|[.,-]\d)")


def _money(found: re.Match[str]) -> str:
    one, many, cent, cents = _MONEY[(found["sign"] or found["code"]).upper()]
    whole, _, rest = found["amount"].replace(",", "").partition(".")
    scale = (found["scale"] or "").strip().lower()
    if scale:
        name = {"k": "thousand", "m": "million", "bn": "billion"}.get(scale, scale)
        return f"{decimal(found['amount'])} {name} {many}"
    units, hundredths = int(whole), int(f"{rest}00"[:2]) if rest else 0
    said = f"{cardinal(units)} {one if units == 1 else many}"
    if not hundredths:
        return said
    small = f"{cardinal(hundredths)} {cent if hundredths == 1 else cents}"
    return f"{said} {cardinal(hundredths)}" if units and hundredths > 9 else f"{said} and {small}" if units else small  # noqa: PLR2004


def _clock(found: re.Match[str]) -> str:
    hour, minute, half = int(found["hour"]), int(found["minute"] or 0), (found["half"] or "").lower()
    if hour > 24 or minute > 59 or (half and not 0 < hour <= _HALF_DAY):  # noqa: PLR2004 - no time of day
        return found[0]
    if not half:
        if hour in {0, 24} and minute == 0:
            return "midnight"
        half = "a" if hour < _HALF_DAY else "p"
        shown = cardinal(hour % _HALF_DAY or _HALF_DAY)
        if minute == 0 and hour == _HALF_DAY:
            return "noon"
    else:
        shown = cardinal(hour)
    minutes = "" if minute == 0 else f" oh {cardinal(minute)}" if minute < 10 else f" {cardinal(minute)}"  # noqa: PLR2004
    stop = "." if found[0].endswith(".") and _ends_a_sentence(found) else ""
    return f"{shown}{minutes} {half[0]} m{stop}"


def _ends_a_sentence(found: re.Match[str]) -> bool:
    return not found.string[found.end() :].strip()


def _iso_date(found: re.Match[str]) -> str:
    return _dated(found[0], int(found["day"]), int(found["number"]), found["year"])


def _slashed_date(found: re.Match[str]) -> str:
    """American order, as the carriers' numbers are; day first where only that can be."""
    first, second = int(found["first"]), int(found["second"])
    month, day = (second, first) if first > len(_MONTHS) else (first, second)
    written = found["year"] or ""
    return _dated(found[0], day, month, f"20{written}" if len(written) == 2 else written)  # noqa: PLR2004


def _named_date(found: re.Match[str]) -> str:
    number = _MONTHS.index(_MONTH_OF[found["month"].lower()]) + 1
    return _dated(found[0], int(found["day"]), number, found["year"] or "")


def _dated(written: str, day: int, month: int, of_year: str) -> str:
    if not 1 <= month <= len(_MONTHS) or not 1 <= day <= 31:  # noqa: PLR2004
        return written
    said = f"{_MONTHS[month - 1]} {ordinal(day)}"
    return f"{said}, {year(int(of_year))}" if of_year else said


def _measured(found: re.Match[str]) -> str:
    one, many = _UNITS[found["unit"]]
    return f"{decimal(found['amount'])} {one if found['amount'] == '1' else many}"


def _after_a_word(found: re.Match[str]) -> str:
    return f"{found[1]} {year(int(found['year']))}"


def _plain(found: re.Match[str]) -> str:
    """A number: long ones without commas are read digit by digit, as numbers of parcels and telephones are."""
    written = found[0]
    whole = written.partition(".")[0]
    if len(written) == 1:
        return written
    if "," in written or "." in written:
        return decimal(written)
    return digits(whole) if len(whole) >= _LONG or whole.startswith("0") else cardinal(int(whole))


def _telephone(found: re.Match[str]) -> str:
    groups = re.findall(r"\d+", found[0])
    return ("plus " if found[0].startswith("+") else "") + ", ".join(digits(group) for group in groups)


def _mail(found: re.Match[str]) -> str:
    return re.sub(r"[._-]", lambda mark: {".": " dot ", "_": " underscore ", "-": " dash "}[mark[0]], found[1]) + (
        " at " + found[2].replace(".", " dot ")
    )


def _abbreviation(found: re.Match[str]) -> str:
    said = _ABBREVIATIONS[found[1]]
    return f"{said}." if _ends_a_sentence(found) else said


_BEGIN, _END = _ALONE
_DAY: Final = r"(?P<day>\d\d?)(?:st|nd|rd|th)?"
_YEAR: Final = r"(?P<year>(?:19|20)\d\d)"
_UNIT: Final = "|".join(sorted(_UNITS, key=len, reverse=True))
Read = Callable[[re.Match[str]], str] | str
_READINGS: tuple[tuple[re.Pattern[str], Read], ...] = (
    (re.compile(r"\b([\w.-]+)@([\w-]+(?:\.[\w-]+)+)\b"), _mail),
    (re.compile(r"\be\.g\.,?"), "for example"),
    (re.compile(r"\bi\.e\.,?"), "that is"),
    (re.compile(r"(?<=[\dm])\s?[–-]\s?(?=\d\d?(?::\d\d|\s?[ap]\.?m))"), " to "),
    (re.compile(r"\b24/7\b"), "twenty-four seven"),
    (re.compile(rf"{_BEGIN}(?P<year>\d{{4}})-(?P<number>\d\d)-(?P<day>\d\d){_END}"), _iso_date),
    (re.compile(rf"{_BEGIN}(?P<first>\d\d?)/(?P<second>\d\d?)/(?P<year>\d{{4}}|\d\d){_END}"), _slashed_date),
    (re.compile(rf"\b{_MONTH} {_DAY}\b(?!:)(?:,? {_YEAR}\b)?"), _named_date),
    (re.compile(rf"(?:\bthe )?{_BEGIN}{_DAY}(?: of)? {_MONTH}(?![a-z])(?:,? {_YEAR}\b)?"), _named_date),
    (re.compile(rf"\b{_MONTH} {_YEAR}\b"), lambda found: f"{found['month']} {year(int(found['year']))}"),
    (
        re.compile(
            rf"{_BEGIN}(?P<hour>\d\d?)(?::(?P<minute>\d\d))?\s?(?P<half>[ap])(?:m\b|\.\s?m\.)", re.IGNORECASE
        ),
        _clock,
    ),
    (re.compile(rf"{_BEGIN}(?P<hour>\d\d?):(?P<minute>\d\d)(?P<half>){_END}"), _clock),
    (
        re.compile(
            rf"(?P<sign>[$£€])\s?(?P<amount>{_NUMBER})(?P<scale>k|m|bn|\smillion|\sbillion)?\b(?P<code>)", re.IGNORECASE
        ),
        _money,
    ),
    (re.compile(rf"(?P<sign>)\b(?P<amount>{_NUMBER})\s?(?P<code>€|USD\b|EUR\b|GBP\b)(?P<scale>)"), _money),
    (re.compile(r"\+?\d[\d() -]{5,}\d"), lambda found: _telephone(found) if _is_telephone(found[0]) else found[0]),
    (re.compile(r"(?<![\w.])-(?=\d)"), "minus "),
    (re.compile(rf"(?P<amount>{_NUMBER})\s?%"), lambda found: f"{decimal(found['amount'])} percent"),
    (re.compile(r"\b(\d{1,3})(?:st|nd|rd|th)\b"), lambda found: ordinal(int(found[1]))),
    (re.compile(rf"(?<![\w.])(?P<amount>{_NUMBER})\s?(?P<unit>{_UNIT})(?![\w°])"), _measured),
    (re.compile(r"(?<=\d)\s?[–-]\s?(?=\d)"), " to "),
    (re.compile(rf"\b(in|of|since|until|by|from|year) {_YEAR}\b(?![,.]\d)"), _after_a_word),
    (re.compile(r"\bNo\. ?(?=\d)"), "number "),
    (re.compile(r"#(?=\d)"), "number "),
    (re.compile(rf"(?<![\w.,])(?:{_NUMBER})(?!\w|[.,]\d)"), _plain),
    (re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\."), _abbreviation),
    (re.compile(r"\bSt\. (?=[A-Z])"), "Saint "),
    (re.compile(r"(?<=\w )St\b\.?"), "Street"),
    (re.compile(rf"\b({'|'.join(_DAYS)})\b\.?(?=\s|,|\Z)"), lambda found: _DAYS[found[1]]),
    (re.compile(r"\b(on|to|and|until|every) (Sat|Sun)\b\.?"), lambda found: f"{found[1]} {_WEEKEND[found[2]]}"),
    (re.compile(r"\s&\s"), " and "),
    (re.compile(r"\s\+\s"), " plus "),
    (re.compile(r"\s=\s"), " equals "),
)  # fmt: skip


def _is_telephone(written: str) -> bool:
    """Groups of several digits, seven digits or more in all: not a run of single digits, which is read well already."""
    groups = re.findall(r"\d+", written)
    return sum(map(len, groups)) >= 7 and max(map(len, groups)) > 1 and len(groups) > 1 or written.startswith("+")  # noqa: PLR2004, RUF021


def read_out(sentence: str) -> str:
    """The sentence with its numbers, money, dates, times and abbreviations as words."""
    if not _NEEDED.search(sentence):
        return sentence
    for pattern, reading in _READINGS:
        sentence = pattern.sub(reading, sentence)
    return sentence


#: most sentences have none of it, and are left alone at once
_NEEDED: Final = re.compile(
    rf"[\d&@=+]|\b(?:e\.g|i\.e|St|{'|'.join(_ABBREVIATIONS)})\.|\b(?:St|Sat|Sun|{'|'.join(_DAYS)})\b"
)
