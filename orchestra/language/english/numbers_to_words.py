"""Numbers as English words, as they are read out."""

from typing import Final

_UNITS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS: Final = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS: Final = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_LARGEST: Final = 10**15
#: between these, a year is said as two numbers
_YEARS: Final = (1100, 2100)


def cardinal(number: int) -> str:
    """``1250`` → ``one thousand two hundred and fifty``; from a quadrillion on digit by digit."""
    if number < 0:
        return f"minus {cardinal(-number)}"
    if number >= _LARGEST:
        return digits(str(number))
    if number < len(_UNITS):
        return _UNITS[number]
    if number < 100:  # noqa: PLR2004
        tens, unit = divmod(number, 10)
        return _TENS[tens] + (f"-{_UNITS[unit]}" if unit else "")
    size, name = next((size, name) for size, name in _GROUPS if number >= size)
    high, low = divmod(number, size)
    joint = " and " if 0 < low < 100 else " "  # noqa: PLR2004
    return f"{cardinal(high)} {name}" + (f"{joint}{cardinal(low)}" if low else "")


def ordinal(number: int) -> str:
    """``22`` → ``twenty-second``."""
    said = cardinal(number)
    at = max(said.rfind(" "), said.rfind("-")) + 1
    last = said[at:]
    if last in _ORDINALS:
        return said[:at] + _ORDINALS[last]
    return said[:at] + (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")


def digits(written: str) -> str:
    """``4271`` → ``four two seven one``; other characters are left out."""
    return " ".join(_UNITS[int(letter)] for letter in written if letter in "0123456789")


def decimal(written: str) -> str:
    """``3.14`` → ``three point one four``; thousands may be set off by commas."""
    whole, _, rest = written.replace(",", "").partition(".")
    return cardinal(int(whole or "0")) + (f" point {digits(rest)}" if rest else "")


def year(number: int) -> str:
    """``1999`` → ``nineteen ninety-nine``, ``2005`` → ``two thousand and five``, ``2026`` → ``twenty twenty-six``."""
    first, last = _YEARS
    high, low = divmod(number, 100)
    if not first <= number < last or number // 10 == 200:  # noqa: PLR2004 - the first decade of this century
        return cardinal(number)
    if low == 0:
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {f'oh {cardinal(low)}' if low < 10 else cardinal(low)}"  # noqa: PLR2004
