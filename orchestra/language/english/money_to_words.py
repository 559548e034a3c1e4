"""Amounts of money as English words: prices, ranges, scales, and the country before a dollar sign."""

import re
from typing import Final

from orchestra.language.english.numbers_to_words import cardinal, decimal

#: a number in English notation; other notations ("3,50", "1.299,00") are left to the speech engine
NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
#: sign or code → one, many, the hundredth, many of them
_MONEY: Final = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "USD": ("US dollar", "US dollars", "cent", "cents"),
    "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
}
#: whose dollars
_DOLLARS: Final = {
    "US": "US", "C": "Canadian", "CA": "Canadian", "A": "Australian", "AU": "Australian", "NZ": "New Zealand",
    "HK": "Hong Kong", "S": "Singapore",
}  # fmt: skip
_SCALES: Final = {
    "k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "t": "trillion", "tn": "trillion"
}  # fmt: skip
_SCALE: Final = r"(?P<scale>(?i:k|mn?|bn?|tn?)\b|\s(?i:thousand|million|billion|trillion)\b)?"
_CODES: Final = "USD|CAD|AUD|GBP|EUR|CHF"
_MINUS: Final = r"(?P<minus>(?<![\w.])[-–−])?"
#: digits after the point of a price
_CENTS: Final = (1, 2)


def _amount(written: str, names: tuple[str, str, str, str], scale: str = "") -> str | None:
    one, many, cent, cents = names
    whole, _, rest = written.replace(",", "").partition(".")
    if scale:
        return f"{decimal(written)} {_SCALES.get(scale.lower(), scale.lower())} {many}"
    if rest and (len(rest) not in _CENTS or not cent):
        return f"{decimal(written)} {many}"
    units, hundredths = int(whole), int(f"{rest}00"[:2]) if rest else 0
    said = f"{cardinal(units)} {one if units == 1 else many}"
    if not hundredths:
        return said
    small = f"{cardinal(hundredths)} {cent if hundredths == 1 else cents}"
    if not units:
        return small
    return f"{said} {cardinal(hundredths)}" if hundredths > 9 else f"{said} and {small}"  # noqa: PLR2004


def _names(sign: str, whose: str | None) -> tuple[str, str, str, str]:
    one, many, cent, cents = _MONEY[sign.upper()]
    return (f"{_DOLLARS[whose]} {one}", f"{_DOLLARS[whose]} {many}", cent, cents) if whose else (one, many, cent, cents)


def signed_amount(found: re.Match[str]) -> str:
    """``$4.50`` → ``four dollars fifty``; ``-C$15`` → ``minus fifteen Canadian dollars``; ``$5-10`` is a range."""
    whose, sign, amount = found["whose"], found["sign"], found["amount"]
    if whose and sign != "$" or (sign == "€" and _thousands_elsewhere(amount)):  # noqa: RUF021
        return found[0]
    names, scale = _names(sign, whose), (found["scale"] or "").strip()
    said = _amount(found["last"] or amount, names, scale)
    minus = "minus " if found["minus"] else ""
    if not found["last"]:
        return f"{minus}{said}"
    first = decimal(amount) if found["last"].isdigit() and amount.isdigit() or scale else _amount(amount, names)  # noqa: RUF021
    return f"{minus}{first} to {said}"


def coded_amount(found: re.Match[str]) -> str:
    """``20 EUR`` → ``twenty euros``; ``5-10 €`` → ``five to ten euros``."""
    if found["code"] == "€" and _thousands_elsewhere(found["amount"]):
        return found[0]
    names = _names(found["code"], None)
    minus = "minus " if found["minus"] else ""
    said = _amount(found["amount"], names)
    return f"{minus}{decimal(found['first'])} to {said}" if found["first"] else f"{minus}{said}"


def _thousands_elsewhere(amount: str) -> bool:
    """``1.299``: one point two or one thousand two hundred; countries with that currency write both alike."""
    return re.fullmatch(r"\d{1,3}\.\d{3}", amount) is not None


#: a currency sign in front: ``$5``, ``C$15``, ``$1.5B``, ``$5-10``, ``$5–$10``
SIGNED: Final = re.compile(
    rf"{_MINUS}(?<![A-Za-z])(?P<whose>US|CA?|AU?|NZ|HK|S)?(?P<sign>[$£€¥₹])\s?(?P<amount>{NUMBER})"
    rf"(?:\s?[-–—]\s?(?:(?P=whose))?(?:(?P=sign))?(?P<last>{NUMBER}))?{_SCALE}(?![\d\w]|[.,:]\d|\s?[-–]\s?\d)",
    re.ASCII,
)
#: a sign or a code that follows
CODED: Final = re.compile(
    rf"(?<![\w.,:/]){_MINUS}(?:(?P<first>{NUMBER})\s?[-–—]\s?)?(?P<amount>{NUMBER})\s?(?P<code>[€£$]|(?:{_CODES})\b)(?!\d)"
)
#: a code in front: ``EUR 20``
CODE_FIRST: Final = re.compile(
    rf"(?<![\w-])(?P<code>{_CODES})\s?{_MINUS}(?P<amount>{NUMBER})(?![\d\w]|[.,:/]\d|\s?[-–]\s?\d)(?P<first>(?!))?"
)
