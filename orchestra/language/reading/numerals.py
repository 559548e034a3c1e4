"""Numbers as words of a language."""

from typing import Final

from orchestra.language.reading.detection import function_words
from orchestra.language.reading.notation import Number
from orchestra.language.reading.number_words import number_words
from orchestra.language.reading.rules import Rules

_MILLION: Final = 1_000_000


class Numerals:
    """The number words of one language."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._digits = rules.digits.split()

    def cardinal(self, number: int) -> str:
        """``21`` as it is counted."""
        return self._rules.tidy(number_words(self._rules.numerals, number), number)

    def digits(self, written: str) -> str:
        """``4271`` one by one; other characters are left out."""
        return " ".join(self._digits[int(letter)] for letter in written if letter in "0123456789")

    def decimal(self, number: Number) -> str:
        """``3,14``: what follows the comma digit by digit."""
        said = self.cardinal(number.whole)
        return f"{said} {self._rules.point} {self.digits(number.decimals)}" if number.decimals else said

    def count(self, number: Number, noun: str) -> str | None:
        """The number as it stands before a noun; None if its form is not sure."""
        if number.decimals:
            return self.decimal(number)
        if noun.lower() in function_words(self._rules.locale):
            noun = ""
        return self._rules.agree(self.cardinal(number.whole), number.whole, noun)

    def amount(self, number: Number, one: str, many: str) -> str:
        """A number of something whose forms are known: ``eine Stunde``, ``zwei Millionen de euros``."""
        name = one if number.is_one else many
        if number.is_one:
            number = Number(1)
        if number.whole >= _MILLION and number.whole % _MILLION == 0 and not number.decimals:
            said = self._rules.agree(self.cardinal(number.whole), number.whole, many) or self.cardinal(number.whole)
            return self._rules.millions(said, many)
        return f"{self.count(number, name) or self.cardinal(number.whole)} {name}"

    def year(self, number: int) -> str:
        """A year of the calendar."""
        return self._rules.year(number) if self._rules.year else self.cardinal(number)
