"""Number words by num2words, kept: it takes up to a tenth of a millisecond for one."""

from functools import lru_cache
from typing import Final, Literal

from num2words import num2words

_KEPT: Final = 16_384


@lru_cache(_KEPT)
def number_words(language: str, number: int, form: Literal["cardinal", "ordinal", "year"] = "cardinal") -> str:
    """The words of a number; ``language`` as num2words names it: ``es``, ``pt_BR``."""
    said: str = num2words(number, lang=language, to=form)
    return said
