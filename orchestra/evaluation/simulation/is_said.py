"""Whether a text says something, however numbers are written in it."""

import re
from functools import lru_cache

from num2words import num2words

from orchestra.language import find_language
from orchestra.language.tags import base_of
from orchestra.language.word_error_rate import words

_LONG = re.compile(r"\d{3}")


def is_said(wanted: str, text: str, language: str = "en") -> bool:
    """Whether a text has these words, in this order and one after the other.

    Case and punctuation do not count, nor does how a number is written: ``4271``, ``4 2 7 1`` and "four two seven one"
    are the same, and so are ``12`` and "twelve".
    """
    if not words(wanted):
        return False
    if _has(_as_digits(text, language), _as_digits(wanted, language)):
        return True
    # a long number is read out digit by digit, so one that only begins like it would have its words
    return not _LONG.search(wanted) and _has(_as_speech(text, language), _as_speech(wanted, language))


def as_compared(text: str, language: str = "en") -> str:
    """The text as it is compared with others: words in one case, digits as digits, in one piece."""
    return _as_digits(text, language)


def _has(text: str, wanted: str) -> bool:
    return f" {wanted} " in f" {text} "


@lru_cache(maxsize=4096)
def _as_digits(text: str, language: str) -> str:
    digits = _digit_words(base_of(language))
    found = " ".join(digits.get(word, word) for word in words(text))
    return re.sub(r"(?<=\d) (?=\d)", "", found)


@lru_cache(maxsize=4096)
def _as_speech(text: str, language: str) -> str:
    return " ".join(words(find_language(language).to_speech(text)))


@lru_cache
def _digit_words(language: str) -> dict[str, str]:
    try:
        return {str(num2words(digit, lang=language)): str(digit) for digit in range(10)}
    except NotImplementedError:  # the library has no words for numbers in this language
        return {}
