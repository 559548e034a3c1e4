"""Reading out: numbers, money, dates, times, units and addresses of a sentence as the words of its language.

Number words come from num2words, names of months, units and currencies from Unicode's CLDR by Babel. The rules here
decide what a figure is: an amount, a time of day, or the name of a parcel, which is said digit by digit. A language
adds a file ``verbalize.py`` with what differs. What is not sure is left to the speech engine as it is written: the
meaning of a time, price or number never changes.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Final

#: ISO 639-1 code → package of `orchestra.language`
_READ_OUT: Final = {
    "en": "english", "es": "spanish", "de": "german", "fr": "french", "it": "italian", "pt": "portuguese",
    "nl": "dutch",
}  # fmt: skip
#: a longer text is no sentence that somebody speaks; the splitter cuts at a few hundred characters
_LONGEST: Final = 2_000


def verbalizer(code: str) -> Callable[[str], str]:
    """Make the function that writes a plain sentence of this language as the words that are spoken.

    ``code`` is a BCP 47 code. Its region decides what a sign means: ``$100`` is pesos in ``es-MX``. Sentences in a
    language without rules are returned as they are. The libraries are imported with the first sentence.
    """
    base, _, rest = code.partition("-")
    if base.lower() not in _READ_OUT:
        return as_written
    region = next((part.upper() for part in rest.split("-") if len(part) == 2), "")  # noqa: PLR2004
    package = _READ_OUT[base.lower()]

    def verbalize(sentence: str) -> str:
        if len(sentence) > _LONGEST:
            return sentence
        return _reader(package, region)(sentence)

    return verbalize


def as_written(sentence: str) -> str:
    """The sentence unchanged, for an engine that reads well itself, or a language without rules."""
    return sentence


@cache
def _reader(package: str, region: str) -> Callable[[str], str]:
    reader: Callable[[str], str] = import_module(f"orchestra.language.{package}.verbalize").reader(region)
    return reader
