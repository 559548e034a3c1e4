"""Payment cards: number, expiry and security code, said in one go or one after another. Pure."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from orchestra.agents.capture.corrections import correct_digits, without_idioms
from orchestra.agents.capture.kinds import Heard, Kind, Setting
from orchestra.language.values import ValueWords
from orchestra.language.values.numbers import digit_places, number_tokens
from orchestra.language.values.tokens import longest_at


class _Brand(NamedTuple):
    """A scheme, by how its numbers begin, with their lengths; the usual one first."""

    name: str
    begins: re.Pattern[str]
    lengths: tuple[int, ...]
    cvc: int = 3


def _brand(name: str, begins: str, *lengths: int, cvc: int = 3) -> _Brand:
    return _Brand(name, re.compile(begins), lengths, cvc)


#: the ranges that the schemes publish (ISO/IEC 7812-1 issuer identification numbers). Shorter numbers than the usual
#: one, such as Visa's of 13 digits, are out of use; they would be taken for whole while a caller still dictates
_BRANDS: Final = (
    _brand("Visa", r"4", 16, 19),
    _brand("Mastercard", r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", 16),
    _brand("American Express", r"3[47]", 15, cvc=4),
    _brand("Discover", r"6011|64[4-9]|65", 16, 17, 18, 19),
    _brand("Diners Club", r"30[0-5]|3095|36|3[89]", 14, 15, 16, 17, 18, 19),
    _brand("JCB", r"352[89]|35[3-8]", 16, 17, 18, 19),
    _brand("UnionPay", r"62|81", 16, 17, 18, 19),
    _brand("Maestro", r"50|5[6-9]|6", 16, 17, 18, 19),
)
_OTHER: Final = _brand("card", r"", 16, 17, 18, 19)
_ENDING: Final = 4
#: a card is valid for no longer, in years
_LONGEST_YEARS: Final = 20
_MONTHS: Final = 12
#: digits of a month, and after it of a year, by how many there are together
_EXPIRIES: Final = {3: 1, 4: 2, 5: 1, 6: 2}


@dataclass(frozen=True)
class Card(Kind):
    """A payment card: what was asked for of its number, the month until which it is valid (ISO 8601) and its code.

    The value has them in this order, with a space between: ``"4242424242424242 2029-12 123"``. The number has the
    length of its scheme and a valid check digit (ISO/IEC 7812-1, Luhn).

    Attributes:
        expiry: whether the month is asked for.
        cvc: whether the security code is asked for: three digits, four of American Express.

    """

    expiry: bool = True
    cvc: bool = False
    name: ClassVar[str] = "card"
    about: ClassVar[str] = "their payment card"
    keyed: ClassVar[bool] = True
    secret: ClassVar[bool] = True

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102 - see `Kind`
        return self._joined("", text, setting)

    def join(self, part: str, text: str, setting: Setting) -> Heard:
        """The card, of what was said of it before and of these words: they may also be the number said anew."""
        anew = self._joined("", text, setting)
        heard = anew if _number_of(anew.value or anew.part) else self._joined(part, text, setting)
        return Heard() if heard == Heard(part=part) else heard

    def asks(self, part: str) -> str:
        """The name of the question for what is missing after a part."""
        number, *others = part.split(" ")
        if not is_card_number(number):
            return self.name
        return "card_cvc" if others or not self.expiry else "card_expiry"

    def _joined(self, part: str, text: str, setting: Setting) -> Heard:
        known = part.split(" ") if part else []
        found = number_tokens(without_idioms(text, setting.values), setting.values)
        if not known or not is_card_number(known[0]):
            begun = known[0] if known else ""
            number, rest = _number_in(begun, found, setting.values)
            if not is_card_number(number):
                if number == begun:
                    return Heard()
                return Heard(part=number) if len(number) < _brand_of(number).lengths[0] else Heard(invalid=True)
            known, found = [number], rest
        return self._after_number(known, found, setting)

    def _after_number(self, known: list[str], found: list[str], setting: Setting) -> Heard:
        """The card with the month and the code that were said after the number; ``known`` has the number first."""
        code_digits = _brand_of(known[0]).cvc
        if self.expiry and len(known) == 1:
            month, found = _month_in(found, setting.values, code_digits if self.cvc else 0)
            if not month:
                return Heard(part=known[0], invalid=any(digit_places(found, setting.values)))
            if not _is_valid_until(month, setting):
                return Heard(part=known[0], invalid=True)
            known = [*known, month]
        if self.cvc:
            code = "".join(digits for digits, _, _ in digit_places(found, setting.values))
            if len(code) != code_digits:
                return Heard(part=" ".join(known), invalid=bool(code))
            known = [*known, code]
        return Heard(" ".join(known))

    def correct(self, value: str, text: str, setting: Setting) -> str:  # noqa: D102
        if heard := self.read(text, setting).value:
            return heard
        number, *others = value.split(" ")
        corrected = correct_digits(number, text, setting.values, is_card_number)
        return " ".join([corrected, *others]) if is_card_number(corrected) else ""

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        return setting.values.phrases.ending.format(value=" ".join(_number_of(value)[-_ENDING:]))

    def masked(self, value: str) -> str:
        """The scheme and the end of the number, as receipts print it: ``Visa ending in 4242``."""
        number = _number_of(value)
        return f"{_brand_of(number).name} ending in {number[-_ENDING:]}"


def is_card_number(digits: str) -> bool:
    """Whether digits are a card's number: of the length of their scheme, with a valid check digit."""
    return len(digits) in _brand_of(digits).lengths and _luhn(digits)


def _number_of(value: str) -> str:
    """The number of a card; empty if there is no whole one."""
    number = value.split(" ", 1)[0]
    return number if is_card_number(number) else ""


def _luhn(digits: str) -> bool:
    doubled = [int(each) * (1 + at % 2) for at, each in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0  # noqa: PLR2004 - digits


def _brand_of(digits: str) -> _Brand:
    return next((brand for brand in _BRANDS if brand.begins.match(digits)), _OTHER)


def _number_in(begun: str, found: list[str], values: ValueWords) -> tuple[str, list[str]]:
    """The card's number that ``begun`` and the tokens begin with, and the tokens after it; else all their digits."""
    digits = begun
    ends: dict[int, int] = {}  # how many digits there are up to a token
    for more, _, end in digit_places(found, values):
        digits += more
        ends[len(digits)] = end
    for length in _brand_of(digits).lengths:
        if length in ends and is_card_number(digits[:length]):
            return digits[:length], found[ends[length] :]
    return digits, []


def _month_in(found: list[str], values: ValueWords, code_digits: int) -> tuple[str, list[str]]:
    """The month (``2029-12``) that tokens name, and those after it; empty if they name none.

    ``code_digits``: a security code with this many digits may follow.
    """
    for at in range(len(found)):
        if size := longest_at(found, at, values.months.keys()):
            places = list(digit_places(found[at + size :], values))
            year, used = "", 0
            while used < len(places) and len(year) < 4 and (len(year) < 2 or year == "20"):  # noqa: PLR2004
                year += places[used][0]
                used += 1
            after = found[at + size + places[used - 1][2] :] if used else []
            return _month(str(values.months[" ".join(found[at : at + size])]), year), after
    digits = "".join(digits for digits, _, _ in digit_places(found, values))
    for whole, rest in ((len(digits), ""), (len(digits) - code_digits, digits[len(digits) - code_digits :])):
        size = _EXPIRIES.get(whole, 0)
        month = _month(digits[:size], digits[size:whole]) if size else ""
        if month:
            return month, list(rest)
    return "", found


def _month(month: str, year: str) -> str:
    """A month as ISO 8601; empty if there is none like this."""
    year = f"20{year}" if len(year) == 2 else year  # noqa: PLR2004
    if not month or not 1 <= int(month) <= _MONTHS or len(year) != 4 or not year.startswith("20"):  # noqa: PLR2004
        return ""
    return f"{year}-{int(month):02d}"


def _is_valid_until(month: str, setting: Setting) -> bool:
    this = f"{setting.today:%Y-%m}"
    return this <= month <= f"{setting.today.year + _LONGEST_YEARS}{this[4:]}"
