"""How far a caller's words have got: machinery for every language, with the words of each as data."""

import re
from dataclasses import dataclass
from typing import Final

from orchestra.language.utterance import has_words
from orchestra.language.utterance_state import UtteranceState

_TRAILS_OFF: Final = re.compile(r"(?:\.\.+|…|[,:;،、，：；\N{EN DASH}\N{EM DASH}-])\s*$")
_ASKS: Final = re.compile(r"[?？؟;՞]\s*$")  # of Latin, Chinese, Arabic, Greek, Armenian
_ENDS: Final = re.compile(r"[.!。！．｡۔।॥։።។]\s*$")
_DIGITS_LAST: Final = re.compile(r"\d\W*$")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
#: digits alone are dictated if at most this many words introduce them
_INTRODUCTION: Final = 4


@dataclass(frozen=True, kw_only=True)
class UtteranceWords:
    """What callers say, by what it tells about how far they have got."""


class UtteranceReader:
    """Tells how far the words of a caller have got, in one language."""

    def __init__(self, words: UtteranceWords) -> None:
        self._words = words

    def state(self, text: str, asked: str = "", *, punctuation_tells: bool = True) -> UtteranceState:
        """`Language.utterance_state`."""
        del asked
        said = text.strip()
        if not has_words(said):
            return UtteranceState.OPEN
        if _TRAILS_OFF.search(said):
            return UtteranceState.UNFINISHED
        if _DIGITS_LAST.search(said) and len(_LETTERS.findall(said)) <= _INTRODUCTION:
            return UtteranceState.DICTATION
        if _ASKS.search(said):
            return UtteranceState.QUESTION if punctuation_tells else UtteranceState.PREAMBLE
        if _ENDS.search(said):
            return UtteranceState.COMPLETE if punctuation_tells else UtteranceState.PREAMBLE
        return UtteranceState.OPEN
