"""One rule of reading out, and how a list of them is applied."""

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple


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


#: figures that something joins to what was found, before it and after it: 12.5.|–|14.5., 9h|–|11h30
_JOINED_BEFORE: Final = re.compile(r"[0-9](?:[.,:/–—−-]|[.,][–—−-]|[^\W\d_]{1,3}[–—−-])\Z")
_JOINED_AFTER: Final = re.compile(r"[–—−-][0-9]|(?<=[0-9])[.,][–—−-][0-9]|(?<=[0-9]\.)[0-9]")
_LONGEST_JOINT: Final = 5
_DIGIT: Final = re.compile("[0-9]")


def apply(readings: Iterable[Reading], sentence: str) -> str:
    """The sentence after all of the readings, in order.

    Half of a range is never read: figures that something joins to others, without a space, are said with these or left
    as they are written by every reading.
    """
    present = frozenset(sentence)
    for needs, pattern, say in readings:
        if not needs or not needs.isdisjoint(present):
            sentence = pattern.sub(_whole(say), sentence)
    return sentence


def _whole(say: Callable[[re.Match[str]], str] | str) -> Callable[[re.Match[str]], str]:
    """The same, but for what is joined to other figures: that is left as it is."""

    def say_whole(found: re.Match[str]) -> str:
        text, (start, end) = found.string, found.span()
        joined_before = found[0][:1].isdigit() and _JOINED_BEFORE.search(text[max(0, start - _LONGEST_JOINT) : start])
        if joined_before or (_JOINED_AFTER.match(text, end) and _DIGIT.search(found[0])):
            return found[0]
        return found.expand(say) if isinstance(say, str) else say(found)

    return say_whole
