"""Finds what is personal in a text: cards, telephone numbers, accounts, e-mail addresses. Pure.

Recognized are the forms that people write, those of speech recognition ("4111, 1111", "1, 1, 1, 1", "ann at
example.com"), and digits said in words ("five five five, oh one").
Dates, times, amounts, counters and the numbers of orders and parcels are left alone.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from orchestra.telemetry.spoken_digits import said_numbers


class Found(NamedTuple):
    """Characters ``start`` to ``end`` of a text are of this ``kind``: card, phone, email, iban or id."""

    start: int
    end: int
    kind: str


#: between the digits of one number as people write it
_NARROW: Final = r"\s().\-/\u2010-\u2015\u00b7"
#: the same for speech recognition and forms: also invisible characters and marks of a pause
WIDE: Final = rf"{_NARROW},\u2026_*\u00ad\u200b-\u200f\u2060\ufeff"
_STRETCH: Final = re.compile(rf"\+?\d(?:[{WIDE}]{{0,5}}\d){{6,}}")
_NUMBER: Final = re.compile(rf"\+?\d(?:[{_NARROW}]{{0,3}}\d){{6,}}")
_GROUP: Final = re.compile(r"\d+")
_LOCAL: Final = re.compile(rf"\d{{3}}[{_NARROW}]{{1,3}}\d{{4}}")
_DECIMAL: Final = re.compile(r"\d+\.\d+")
_SSN: Final = re.compile(r"(?<![\d-])\d{3}([- ])\d{2}\1\d{4}(?![\d-])")
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?![A-Za-z0-9])", re.IGNORECASE)

_IN_FOURS: Final = re.compile(r"[A-Za-z]{2}\d{2}(?: \d{4}){3,}(?: \d{1,4})?")

_TLD: Final = (
    "com|org|net|edu|gov|io|co|uk|de|fr|es|it|nl|eu|info|biz|me|us|ca|au|ch|be|at|pl|pt|se|no|dk|fi|ie|in|jp|cn|br|mx"
    "|ru|cz|gr|hu|ro|app|dev|ai"
)
#: how "@" and "." are said
_AT_WORDS: Final = ("at", "arroba", "arobase", "arobas", "chiocciola", "klammeraffe", "apenstaartje", "aapje")
_AT: Final = "|".join(_AT_WORDS)
_SAID_AT: Final = ("(at)", "[at]", *(f" {word} " for word in _AT_WORDS))
_DOTS: Final = "dot|punto|punkt|point|ponto|punt"
_DOT: Final = rf"(?:\.| (?:{_DOTS}) | ?\(dot\) ?| ?\[dot\] ?)"
_EMAIL: Final = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\s{0,2}(?:@|%40)\s{0,2}(?:[\w-]{1,63}(?:\.[\w-]{1,63})+|\[(?:IPv6:)?[\da-fA-F.:]{3,45}\])"
)
_SPOKEN_DOMAIN: Final = re.compile(
    rf"(?i: ?(?: (?:{_AT}) |\(at\)|\[at\]) ?[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{0,3}}{_DOT}(?:{_TLD})\b)"
)
_SPOKEN_NAME: Final = re.compile(
    r"[\w.+-]{1,64}(?: (?:" + _DOTS + r"|underscore|unterstrich|dash|tiret|guion|guión"
    r"|bindestrich|trattino|hífen|streepje) [\w-]{1,64}){0,4}\Z",
    re.IGNORECASE,
)
_LONGEST_NAME: Final = 200
#: in every spoken address
_SPOKEN_AT: Final = re.compile(
    rf"(?: (?:{_AT}) |\(at\)|\[at\]) ?[\w-]+(?: [\w-]+)?(?:\.| (?:{_DOTS}) | ?\(dot\)| ?\[dot\])[\w -]", re.IGNORECASE
)
#: the beginning of an IBAN
IBAN_START: Final = re.compile(r"\d(?<=[A-Za-z]{2}\d)\d[ -]?[A-Za-z0-9]{2}[ -]?[A-Za-z0-9]{2}")
_ANY_DIGIT: Final = re.compile(r"\d")
#: words before "at example.com" that make it a page and not a person
_PAGES: Final = """
    us me it them him her you we look looking available found find online track order book page site website web here
    out now directly more is are be see shop today also and or anytime visit
"""
_NO_NAME: Final = frozenset(_PAGES.split())

_CARD_DIGITS: Final = range(19, 12, -1)
_FIRST_OF_CARDS: Final = frozenset("23456")
_PHONE_DIGITS: Final = 10
_SHORTEST_INTERNATIONAL: Final = 7
_SHORTEST_WITH_TRUNK: Final = 8
_IBAN_REMAINDER: Final = 1
_YEARS: Final = re.compile(r"(?:(?:19|20)\d\d){1,3}")
#: fewer words or figures that are said are an amount, or a year
_FEWEST_PARTS: Final = 4
#: how national numbers of seven to nine digits are grouped (Denmark, Norway, Spain, Poland, Singapore, Hong Kong, …)
_SHAPES: Final = frozenset({(2, 2, 2, 2), (3, 3, 3), (3, 2, 2, 2), (2, 3, 2, 2), (3, 2, 3), (2, 3, 4), (4, 4)})
_FIRST_OF_FOUR_AND_FOUR: Final = frozenset("235689")

_TIME: Final = r"(?:[T ]{1,2}[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?)?"
#: numbers that are not personal, whatever their digits
_HARMLESS: Final = re.compile(
    rf"(?<!\d)(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?!\d){_TIME}"
    rf"|(?<!\d)(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:19|20)\d\d(?!\d){_TIME}"
    r"|(?<![\d.+])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])"  # an IP address
    r"|(?<![\d+])\d{1,3}(?:[ .,’]\d{3}){2,}(?=\s?(?:dollars?|euros?|pounds?|yen|cents?|people|bytes|€|\$|£|%))"
    r"|(?<=[$€£])\s?\d{1,3}(?:[ .,’]\d{3}){2,}"
    r"|(?<=_ms)\W{0,3}\d{10,17}|(?<=_us)\W{0,3}\d{10,17}|(?<=_ns)\W{0,3}\d{10,19}|(?<![\d+])\d{7,17}(?=\s?(?:ms|us|ns|bytes)\b)"
)
_BOOK: Final = re.compile(r"97[89](?:[ -]?\d){10}")
#: words before a number that identifies a thing
_NAMES_A_THING: Final = re.compile(
    r"\b(?:order|tracking|invoice|ticket|case|reference|ref|booking|parcel|shipment|isbn|serial|version|article|item|sku"
    r"|pedido|referencia|reserva|factura|encomenda|referência|fatura|commande|référence|facture|ordine|riferimento|fattura"
    r"|(?:bestell|auftrags|rechnungs|vorgangs|sendungs|kunden|artikel)(?:nummer|nr)|(?:bestel|factuur|artikel|order)nummer"
    r"|paquete|envío|colis|pacco|pakket|paket)s?"
    r"(?: (?:number|numbers|no|nr|id|code|número|numéro|numero|nummer))?\.?[ :#]{0,3}(?:is |are )?\Z",
    re.IGNORECASE,
)
_NAME_BEFORE: Final = 40


def luhn(digits: str) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1, annex B).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    odd = [int(digit) for digit in digits[::-1][0::2]]
    even = [sum(divmod(2 * int(digit), 10)) for digit in digits[::-1][1::2]]
    return (sum(odd) + sum(even)) % 10 == 0


def is_card(digits: str) -> bool:
    """Whether these digits can be those of a payment card."""
    return len(digits) in _CARD_DIGITS and digits[0] in _FIRST_OF_CARDS and luhn(digits)


def may_say_address(text: str, start: int = 0) -> bool:
    """Whether an e-mail address may be said in the text from ``start`` on, as in "ann at example dot com"."""
    lower = text.lower()
    return any(said in lower for said in _SAID_AT) and _SPOKEN_AT.search(text, start) is not None


def found(text: str) -> Iterator[Found]:
    """Everything personal in the text; the results may overlap."""
    if "@" in text or "%40" in text:
        yield from (Found(*match.span(), "email") for match in _EMAIL.finditer(text))
    if may_say_address(text):
        for domain in _SPOKEN_DOMAIN.finditer(text):
            name = _SPOKEN_NAME.search(text, max(0, domain.start() - _LONGEST_NAME), domain.start())
            if name and name[0].lower() not in _NO_NAME:
                yield Found(name.start(), domain.end(), "email")
    yield from _said_in_words(text)
    if not _ANY_DIGIT.search(text):
        return
    yield from (Found(*match.span(), "id") for match in _SSN.finditer(text))
    if IBAN_START.search(text):
        yield from (Found(*match.span(), "iban") for match in _IBAN.finditer(text) if _is_iban(match[0]))
    harmless: list[tuple[int, int]] | None = None
    for stretch in _STRETCH.finditer(text):
        if harmless is None:
            harmless = [match.span() for match in _HARMLESS.finditer(text)]
        yield from _in_stretch(text, stretch.start(), stretch.end(), harmless)


def _said_in_words(text: str) -> Iterator[Found]:
    """Cards and telephone numbers whose digits are said: single ones and pairs, not one large amount."""
    for number in said_numbers(text):
        digits = number.digits
        few = len(number.parts) < _FEWEST_PARTS or len(digits) < _SHORTEST_INTERNATIONAL
        if few or _YEARS.fullmatch(digits):
            continue
        if is_card(digits):
            yield Found(number.start, number.end, "card")
        elif not _NAMES_A_THING.search(text[max(0, number.start - _NAME_BEFORE) : number.start]):
            yield Found(number.start, number.end, "phone")


def _is_iban(written: str) -> bool:
    letters = re.sub(r"[ -]", "", written).upper()
    if not letters.isascii():
        return False
    if _IN_FOURS.fullmatch(written):  # also where one digit was misheard
        return True
    return int("".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])) % 97 == _IBAN_REMAINDER


def _in_stretch(text: str, start: int, end: int, harmless: list[tuple[int, int]]) -> Iterator[Found]:
    """Cards and numbers in a stretch of digits, except where they are dates and the like."""
    at = start
    for begin, stop in harmless:
        if at <= stop and begin < end:
            yield from _in_digits(text, at, max(at, begin))
            at = max(at, stop)
    if at < end:
        yield from _in_digits(text, at, end)


def _in_digits(text: str, start: int, end: int) -> Iterator[Found]:
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    digits = sum(stop - begin for begin, stop in groups)
    if digits < _SHORTEST_INTERNATIONAL:
        return
    singles = sum(stop - begin == 1 for begin, stop in groups)
    if digits >= _PHONE_DIGITS and singles * 2 > len(groups) and singles >= _SHORTEST_INTERNATIONAL:
        yield Found(groups[0][0], groups[-1][1], "card" if is_card(_digits(text, groups)) else "phone")
        return  # read digit by digit, or heard so
    cards = list(_cards_of_groups(text, groups))
    yield from cards
    for number in _NUMBER.finditer(text, start, end):
        at = number.start()
        for card in cards:
            if at <= card.start < number.end():
                yield from _in_number(text, at, card.start)
            if card.start < number.end():
                at = max(at, card.end)
        yield from _in_number(text, at, number.end())


def _cards_of_groups(text: str, groups: list[tuple[int, int]]) -> Iterator[Found]:
    """Cards that begin and end with a group, whatever separates the groups."""
    at = 0
    while at < len(groups):
        digits, last = "", at
        while last < len(groups) and len(digits) < _CARD_DIGITS[0] and not is_card(digits):
            digits += text[slice(*groups[last])]
            last += 1
        if is_card(digits):
            yield Found(groups[at][0], groups[last - 1][1], "card")
        at = last if is_card(digits) else at + 1


def _in_number(text: str, start: int, end: int) -> Iterator[Found]:
    """Cards anywhere in a number as people write it, and telephone numbers in the rest of it."""
    if start >= end:
        return
    indexes = [index for index in range(start, end) if text[index].isdecimal()]
    digits = "".join(text[index] for index in indexes)
    begin, at = start, 0
    while at <= len(digits) - _CARD_DIGITS[-1]:
        size = next((size for size in _CARD_DIGITS if at + size <= len(digits) and is_card(digits[at : at + size])), 0)
        if not size:
            at += 1
            continue
        yield from _phone(text, begin, indexes[at])
        yield Found(indexes[at], indexes[at + size - 1] + 1, "card")
        begin, at = indexes[at + size - 1] + 1, at + size
    yield from _phone(text, begin, end)


def _phone(text: str, start: int, end: int) -> Iterator[Found]:
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    if groups and _is_phone(text, start, end, groups):
        first = groups[0][0]
        yield Found(first - 1 if text[first - 1 : first] == "+" and first > start else first, groups[-1][1], "phone")


def _is_phone(text: str, start: int, end: int, groups: list[tuple[int, int]]) -> bool:
    written, digits = text[start:end], _digits(text, groups)
    if "+" in written and len(digits) >= _SHORTEST_INTERNATIONAL:
        return True
    if (_BOOK.fullmatch(written.strip()) and _ean(digits)) or _NAMES_A_THING.search(
        text[max(0, start - _NAME_BEFORE) : start]
    ):
        return False
    if len(digits) >= _PHONE_DIGITS:
        return not (_DECIMAL.fullmatch(written) and len(digits) < _CARD_DIGITS[-1])
    if _LOCAL.fullmatch(written.strip()):
        return True
    if (
        digits[0] == "0"
        and len(digits) >= _SHORTEST_WITH_TRUNK
        and (len(groups) > 1 or len(digits) > _SHORTEST_WITH_TRUNK)
    ):
        return not _DECIMAL.fullmatch(written)
    return _LOCAL.fullmatch(written.strip()) is not None or _has_shape(text, digits, groups)


def _has_shape(text: str, digits: str, groups: list[tuple[int, int]]) -> bool:
    sizes = tuple(end - start for start, end in groups)
    marks = {text[end:start].strip() for (_, end), (start, _) in pairwise(groups)}
    if sizes not in _SHAPES or len(marks) > 1:
        return False
    if sizes == (4, 4):
        years = all(text[start : start + 2] in {"19", "20"} for start, _ in groups)
        return digits[0] in _FIRST_OF_FOUR_AND_FOUR and not years
    return "." not in marks or sizes != (3, 3, 3)  # 123.456.789 is an amount


def _ean(digits: str) -> bool:
    return sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits)) % 10 == 0


def _digits(text: str, groups: list[tuple[int, int]]) -> str:
    return "".join(text[start:end] for start, end in groups)
