"""Amounts of money: ``12,50 €``, ``$1,250``, ``5-10 EUR``, ``2 Mio. €``."""

import re
from typing import Final

from orchestra.language.reading.applying import Reading
from orchestra.language.reading.cldr import currency_names
from orchestra.language.reading.notation import AFTER, BEFORE, MINUS, NUMBER, Number
from orchestra.language.reading.numerals import Numerals
from orchestra.language.reading.rules import Currency, Rules

_SIGNS: Final = {
    "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "R$": "BRL", "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD",
    "MX$": "MXN", "zł": "PLN", "₺": "TRY",
}  # fmt: skip
_CODES: Final = (
    "EUR", "USD", "GBP", "CHF", "BRL", "MXN", "ARS", "CLP", "COP", "PEN", "CAD", "AUD", "JPY", "PLN", "CZK", "SEK",
    "NOK", "DKK", "HUF", "RON", "TRY", "INR", "CNY",
)  # fmt: skip
_CENTS: Final = (1, 2)
_TEN: Final = 10


class Money:
    """Reads amounts out."""

    def __init__(self, rules: Rules, numerals: Numerals) -> None:
        self._rules = rules
        self._numerals = numerals
        self._signs = dict(_SIGNS) | {code: code for code in _CODES}
        if rules.dollars:
            self._signs["$"] = rules.dollars
        for code, names in rules.currencies.items():
            self._signs |= {names.one: code, names.many: code}

    def readings(self) -> list[Reading]:
        """Sign behind the amount, and before it."""
        any_sign = "|".join(re.escape(sign) for sign in sorted(self._signs, key=len, reverse=True))
        before = "|".join(re.escape(sign) for sign in sorted([*_SIGNS, *_CODES, "$"], key=len, reverse=True))
        scales = "|".join(re.escape(scale) for scale in sorted(self._rules.scales, key=len, reverse=True)) or "(?!)"
        scale = rf"(?:\s(?P<scale>{scales}))?"
        behind = re.compile(
            rf"{BEFORE}{MINUS}(?:(?P<first>{NUMBER})(?:\s?(?:{any_sign}))?\s?[-–—]\s?)?"
            rf"(?P<amount>{NUMBER})(?:,[-–—]{{1,2}})?{scale}\s?(?P<sign>{any_sign})(?!\w)"
        )
        ahead = re.compile(
            rf"(?<!\w){MINUS}(?P<sign>{before})\s?(?:(?P<first>{NUMBER})\s?[-–—]\s?(?:{before})?\s?)?"
            rf"(?P<amount>{NUMBER})(?:,[-–—]{{1,2}})?{scale}{AFTER}"
        )
        return [
            Reading(frozenset("$€£¥₹₺ł" + "".join(_CODES)), ahead, self._say_ahead),
            Reading(frozenset(), behind, self._say),
        ]

    def _say_ahead(self, found: re.Match[str]) -> str:
        """``$1.250`` and ``$1,250``: who writes US dollars like that may group digits as in the United States."""
        dollars = "$" in found["sign"] and self._signs.get(found["sign"]) == "USD"
        if dollars and re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", found["amount"]):
            return found[0]
        return self._say(found)

    def _say(self, found: re.Match[str]) -> str:
        number, code = self._rules.notation.parse(found["amount"]), self._signs.get(found["sign"])
        first = self._rules.notation.parse(found["first"]) if found["first"] else None
        if number is None or code is None or (found["first"] and first is None):
            return found[0]
        said = self._amount(number, code, found["scale"] or "")
        if first is not None:
            names = self._names(code)
            start = self._numerals.count(first, names.many) or self._numerals.decimal(first)
            if first.decimals and number.decimals:
                start = self._amount(first, code, "")
            said = f"{start} {self._rules.to} {said}"
        return f"{self._rules.minus} {said}" if found["minus"] else said

    def _names(self, code: str) -> Currency:
        return self._rules.currencies.get(code) or Currency(*currency_names(self._rules.locale, code))

    def _amount(self, number: Number, code: str, scale: str) -> str:
        names = self._names(code)
        if scale:
            return f"{self._numerals.amount(number, *self._rules.scales[scale])} {names.many}"
        if not names.cent or (number.decimals and len(number.decimals) not in _CENTS):
            return self._numerals.amount(number, names.one, names.many)
        cents = int(f"{number.decimals}00"[:2])
        small = self._numerals.amount(Number(cents), names.cent, names.cents)
        if not cents:
            return self._numerals.amount(Number(number.whole), names.one, names.many)
        if not number.whole:
            return small
        frame = self._rules.cents.many if cents >= _TEN else self._rules.cents.few
        return frame.format(
            units=self._numerals.amount(Number(number.whole), names.one, names.many),
            cents=self._numerals.cardinal(cents),
            named=small,
        )
