"""The words of the numbers from 0 to 99, in every language that num2words knows."""

from collections.abc import Collection

from num2words import num2words

from orchestra.language.values.tokens import plain


def below_hundred(code: str, joins: Collection[str] = ()) -> dict[str, int]:
    """The numbers by their `plain` words; a word like "and" between two of them may be left out."""
    found: dict[str, int] = {}
    for number in range(99, -1, -1):
        words = plain(num2words(number, lang=code)).split()
        found[" ".join(words)] = number
        found.setdefault(" ".join(word for word in words if word not in joins), number)
    return found
