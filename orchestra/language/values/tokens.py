"""Texts as the value readers compare them: lower case, without accents, in words, numbers and signs."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import cache
from typing import Final

_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+|[^\w\s]|_")


def plain(text: str) -> str:
    """The text in lower case, without accents, with the digits 0 to 9; apostrophes and hyphens in words are spaces."""
    if text.isascii() and text.isalpha():
        return text.lower()
    parts = (each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    bare = "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in parts)
    return " ".join(re.sub(r"['’`´]|(?<=[^\W\d_])-(?=[^\W\d_])", " ", bare).split())


def tokens(text: str) -> list[str]:
    """The words, numbers and signs of a text, each `plain`."""
    return _TOKEN.findall(plain(text))


def words_of(text: str) -> list[str]:
    """Only its words and numbers."""
    return [token for token in tokens(text) if token[0].isalnum()]


def longest_at(found: Sequence[str], at: int, phrases: Collection[str]) -> int:
    """How many tokens the longest phrase takes that begins at a token; 0 if none does."""
    for size in range(min(_longest(frozenset(phrases)), len(found) - at), 0, -1):
        if " ".join(found[at : at + size]) in phrases:
            return size
    return 0


@cache
def _longest(phrases: frozenset[str]) -> int:
    return max((phrase.count(" ") + 1 for phrase in phrases), default=0)


def has_phrase(text: str, phrases: Collection[str]) -> bool:
    """Whether one of the phrases occurs in the text, as whole words."""
    found = words_of(text)
    return any(longest_at(found, at, phrases) for at in range(len(found)))
