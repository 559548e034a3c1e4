"""Figures that are neither money, times nor names: percentages, measures, fractions, ordinals and plain numbers."""
# ruff: noqa: E501 - tables and patterns have one entry a line

import re
from collections.abc import Callable
from typing import Final

from orchestra.language.reading.applying import Reading
from orchestra.language.reading.cldr import UNITS, unit_names
from orchestra.language.reading.detection import function_words
from orchestra.language.reading.notation import AFTER, BEFORE, MINUS, NUMBER, Number
from orchestra.language.reading.numerals import Numerals
from orchestra.language.reading.rules import Rules

_LONG: Final = 4
_VULGAR: Final = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
#: units that are also one letter of something else stand apart from their number
_APART: Final = frozenset({"m", "g", "l", "L", "W", "V", "s"})
_POINTED: Final = re.compile(r"[0-9]+\.[0-9]{1,2}")
_ORDINAL_STOP: Final = re.compile(r"\.\s\w")
_NOUN: Final = r"(?=(?:[ \u00a0](?P<noun>[^\W\d_]{2,}))?)"

#: digits one by one, as a parcel's number is said: the one after them counts nothing
_SPELLED = re.compile(r"(?<![\w.,])[0-9] [0-9] \Z")


class Figures:
    """Reads them out."""

    def __init__(self, rules: Rules, numerals: Numerals) -> None:
        self._rules = rules
        self._numerals = numerals
        self._unsure_before = re.compile(rf"\b(?:{rules.unsure_before_one})\s\Z")
        self._counted = re.compile(rf"[ \u00a0](?:{rules.counted})(?!\w)")

    def readings(self) -> list[Reading]:
        """In the order in which they are tried."""
        rules = self._rules
        units = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True) if unit not in _APART)
        apart = "|".join(sorted(_APART))
        span = rf"(?:(?P<first>{NUMBER})\s?%?\s?[-–—]\s?)?"
        unit = rf"(?:\s?(?P<unit>{units})|\s(?P<apart>{apart}))(?![\w°²³/'’]|[-–]\w)"
        halves = "|".join(re.escape(half) for half in rules.halves)
        periods = rf"\s?/\s?(?={rules.periods})"
        return [
            *(Reading(frozenset(), re.compile(pattern), self._ordinal(say)) for pattern, say in rules.ordinals.items()),
            Reading(frozenset("h"), re.compile(rf"{BEFORE}(?P<hours>[0-9]{{1,2}})\s?h\s?(?P<minutes>[0-5]?[0-9])\s?m(?:in)?(?!\w)"), self._say_duration),
            Reading(frozenset("%"), re.compile(rf"{BEFORE}{MINUS}{span}(?P<amount>{NUMBER})\s?%"), self._say_percent),
            Reading(frozenset(), re.compile(rf"{BEFORE}{MINUS}{span}(?P<amount>{NUMBER}){unit}"), self._say_measure),
            Reading(frozenset("½¼¾⅓⅔/"), re.compile(rf"{BEFORE}(?:(?P<whole>[0-9]{{1,3}})(?:\s?(?P<sign>[½¼¾⅓⅔])|\s(?P<written>{halves})(?![\w/]|[.,][0-9]))(?:\s(?P<noun>[^\W\d_]+))?)"), self._say_mixed),
            Reading(frozenset("/"), re.compile(rf"(?<=[^\W\d_]){periods}"), f" {rules.per} "),
            Reading(frozenset("#"), re.compile(r"(?<!\w)#\s?(?=[0-9])"), f"{rules.number} "),
            Reading(frozenset("-–—"), re.compile(rf"{BEFORE}(?P<first>[0-9]{{1,2}})\s?[-–—]\s?(?=[0-9]{{1,2}}(?![\w:/-]|[.,][0-9]|\s?[-–—]){_NOUN})"), self._say_range),
            Reading(frozenset("-–—"), re.compile(rf"{BEFORE}(?P<first>{NUMBER})\s?[-–—]\s?(?={NUMBER}(?=[ \u00a0](?:{rules.counted})(?!\w)){_NOUN})"), self._say_range),
            Reading(frozenset("-–−"), re.compile(rf"(?<![\w.,)])[-–−](?=(?:{NUMBER}){AFTER})"), f"{rules.minus} "),
            Reading(frozenset(), re.compile(rf"{BEFORE}(?P<amount>{NUMBER}){AFTER}(?!\s?[kKM]?[€$£¥₹/%°\"”½¼¾⅓⅔]){_NOUN}"), self._say_plain),
            Reading(frozenset("&"), re.compile(r"\s&\s"), f" {rules.also} "),
            Reading(frozenset("+"), re.compile(r"\s\+\s"), f" {rules.plus} "),
            Reading(frozenset(), re.compile(r"\b(un|d)'\s(?=[aeiouhàèéìòù])"), r"\1'"),
        ]  # fmt: skip

    def _ordinal(self, say: Callable[[int, str], str | None]) -> Callable[[re.Match[str]], str]:
        return lambda found: say(int(found["number"]), found[0]) or found[0]

    def _say_duration(self, found: re.Match[str]) -> str:
        hours = self._numerals.amount(Number(int(found["hours"])), *unit_names(self._rules.locale, UNITS["h"]))
        return f"{hours} {self._numerals.amount(Number(int(found['minutes'])), *unit_names(self._rules.locale, UNITS['min']))}"

    def _say_percent(self, found: re.Match[str]) -> str:
        return self._spanned(found, self._rules.percent, self._rules.percent)

    def _say_measure(self, found: re.Match[str]) -> str:
        unit = found["unit"] or found["apart"]
        one, many = self._rules.units.get(unit) or unit_names(self._rules.locale, UNITS[unit])
        return self._spanned(found, one, many) if one else found[0]

    def _spanned(self, found: re.Match[str], one: str, many: str) -> str:
        number = self._rules.notation.parse(found["amount"])
        first = self._rules.notation.parse(found["first"]) if found["first"] else None
        if number is None or (found["first"] and first is None):
            return found[0]
        said = self._numerals.amount(number, one, many)
        if first is not None:
            start = self._numerals.count(first, many) or self._numerals.decimal(first)
            said = f"{start} {self._rules.to} {said}"
        return f"{self._rules.minus} {said}" if found["minus"] else said

    def _say_mixed(self, found: re.Match[str]) -> str:
        part = _VULGAR[found["sign"]] if found["sign"] else found["written"]
        frame = self._rules.halves.get(part)
        if frame is None:
            return found[0]
        whole, noun, rest = int(found["whole"]), found["noun"] or "", ""
        if noun.lower() in function_words(self._rules.locale):
            noun, rest = "", f" {noun}"
        elif noun in UNITS:
            noun = (self._rules.units.get(noun) or unit_names(self._rules.locale, UNITS[noun]))[1]
        if "|" in frame:  # with one, and with more
            frame = frame.split("|")[whole != 1]
        feminine = (self._numerals.count(Number(1), noun) or "").endswith(("a", "n'", "une"))
        said = self._numerals.count(Number(whole), noun) or self._numerals.cardinal(whole)
        said = frame.format(said, noun=noun, o="a" if feminine else "o", e="e" if feminine else "")
        return " ".join(said.split()) + rest

    def _say_range(self, found: re.Match[str]) -> str:
        first = self._rules.notation.parse(found["first"])
        if first is None:
            return found[0]
        said = None if first.is_one else self._numerals.count(first, found["noun"] or "")
        return f"{said or self._numerals.decimal(first)} {self._rules.to} "

    def _say_plain(self, found: re.Match[str]) -> str:
        """A number: long ones in one piece are read digit by digit, like those of parcels, unless something is counted."""
        written, noun = found["amount"], found["noun"] or ""
        counted = self._counted.match(found.string, found.end()) is not None
        if written.isdigit() and not counted and (len(written) >= _LONG or written.startswith("0")):
            return self._numerals.digits(written)
        if len(written) == 1 and _SPELLED.search(found.string[: found.start()]):
            return self._numerals.digits(written)
        if self._rules.dates.mark == r"\." and _ORDINAL_STOP.match(found.string, found.end()):
            return written  # "3. Stock": its ending is not known
        if written == "1" and (self._is_unsure_one(noun, found.string[: found.start()], counted=counted)):
            return written
        if _POINTED.fullmatch(written) and not counted:
            return written  # may be a version, a date or a time
        number = self._rules.notation.parse(written)
        said = self._numerals.count(number, noun) if number else None
        return said or written

    def _is_unsure_one(self, noun: str, before: str, *, counted: bool) -> bool:
        """Whether ``1`` may be an article, whose form is not known."""
        if not self._rules.one_has_forms:
            return False
        if counted:
            return self._unsure_before.search(before) is not None
        return noun != "" and noun.lower() not in function_words(self._rules.locale)
