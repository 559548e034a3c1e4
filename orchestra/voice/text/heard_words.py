"""Finds in the text that a carrier was given the place up to which the caller has heard it. Pure functions."""

import re
import unicodedata
from difflib import SequenceMatcher

from orchestra.language.spoken_pieces import split_pieces

_WORD = re.compile(r"[^\W_]+")
#: words that must follow each other in report and text where the report as a whole is not in the text
_ALIKE = 2


def words_heard(words: list[str], report: str, known: int) -> int:
    """How many of these words have been heard, by what a carrier says was.

    ::

        words     One   two   three.   Four   five.
        known         ^ 1
        report          "two  three    Fo"             → 3: "Four" was not heard to its end

    Carriers report all that was said of a reply or only the last piece of it, with or without marks, and with numbers
    as their voice reads them. So the words of the report are looked for: all of them, or else the last that fit.

    Returns:
        ``known`` or more; ``known``, too, where nothing fits.

    """
    sought = _parts(" ".join(split_pieces(report)))
    parts = [(part, place) for place, word in enumerate(words) for part in _parts(word)]
    if not sought or not parts:
        return known
    sought = sought[-len(parts) :]  # what a carrier reports beyond that is of an earlier text
    ends = _ends_of_whole(parts, sought) or _ends_of_alike(parts, sought)
    return min((end for end in ends if end >= known), default=known)


def _parts(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _ends_of_whole(parts: list[tuple[str, int]], sought: list[str]) -> list[int]:
    """After how many words all words of the report have been said; it may occur several times."""
    ends = []
    for start in range(len(parts) - len(sought) + 1):
        found = parts[start : start + len(sought)]
        last, place = found[-1]
        if [part for part, _ in found[:-1]] == sought[:-1] and last.startswith(sought[-1]):
            more = parts[start + len(sought) : start + len(sought) + 1]
            to_its_end = last == sought[-1] and not (more and more[0][1] == place)
            ends.append(place + 1 if to_its_end else place)
    return ends


def _ends_of_alike(parts: list[tuple[str, int]], sought: list[str]) -> list[int]:
    """After how many words the last words have been said that the report has, too."""
    matcher = SequenceMatcher(None, sought, [part for part, _ in parts], autojunk=False)
    least = min(_ALIKE, len(sought))
    ends = []
    for at, start, size in matcher.get_matching_blocks():
        begun = start == 0 and size > 0 and at + size == len(sought)  # the report ends with the beginning of the text
        if size >= least or begun:
            ends = [parts[start + size - 1][1] + 1]
    return ends
