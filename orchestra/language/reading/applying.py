"""One rule of reading out, and how a list of them is applied."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Reading(NamedTuple):
    """A pattern and what is said for what it finds.

    Attributes:
        needs: characters of which the sentence must contain one; empty: always tried.
        pattern: what is read.
        say: the words; what was found, unchanged, if it is not sure.

    """

    needs: frozenset[str]
    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str] | str


def apply(readings: Iterable[Reading], sentence: str) -> str:
    """The sentence after all of the readings, in order."""
    present = frozenset(sentence)
    for needs, pattern, say in readings:
        if not needs or not needs.isdisjoint(present):
            sentence = pattern.sub(say, sentence)
    return sentence
