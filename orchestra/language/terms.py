"""Words that carry meaning in any language but English: their stems, and the known one that an unknown one is near to.

Stems are Snowball's (Porter 2001; https://snowballstem.org), where it has an algorithm for the language.
"""

import re
import unicodedata
from collections.abc import Callable, Collection
from functools import cache, lru_cache
from threading import Lock
from typing import Final

from orchestra.language.known_phrases import phrase_words
from orchestra.language.utterance import UNSPACED

_STEMS: Final = 65536
#: longer words are no words of a language, and stemming them takes long
_LONGEST_WORD: Final = 64
_MIN_WORD: Final = 4
_MIN_SPELLED: Final = 5
_SAME_ROOT, _SAME_LETTERS, _ONE_LETTER = 0.8, 0.8, 0.7
_LONGEST_ENDING: Final = 4
_UNSPACED_WORD: Final = re.compile(rf"[{UNSPACED}]")
#: ISO 639-1 → Snowball's name
_ALGORITHMS: Final = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


def stemmer(code: str) -> Callable[[str], str]:
    """The function that takes the ending off a word of this language (ISO 639-1); without one it changes nothing."""
    name = _ALGORITHMS.get(code)
    if name is None:
        return lambda word: word
    one_at_a_time = Lock()  # an algorithm keeps the word that it is working on

    @cache
    def algorithm() -> Callable[[str], str]:
        import snowballstemmer  # noqa: PLC0415 - it loads all of its languages, and English needs none of them

        take_off: Callable[[str], str] = snowballstemmer.stemmer(name).stemWord
        return take_off

    @lru_cache(_STEMS)
    def stem(word: str) -> str:
        if len(word) > _LONGEST_WORD or word.isdigit():
            return word
        with one_at_a_time:
            return without_accents(algorithm()(word))

    return stem


def without_accents(word: str) -> str:
    """A word of a Latin script without accents, which engines write or not; other scripts stay as they are."""
    if word.isascii() or not word[0] < "\N{COMBINING GRAVE ACCENT}":
        return word
    letters = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def terms_of(stem: Callable[[str], str], stop_words: str) -> Callable[[str], list[str]]:
    """Make the function that gives the stems of the words of a text that carry meaning, in order.

    Where there is no space between words, two letters that follow each other are a term.
    """
    small = frozenset(phrase_words(stop_words))

    def terms(text: str) -> list[str]:
        """The stems of the words of ``text`` that carry meaning; without spaces between words, pairs of letters."""
        words = phrase_words(text)
        if text.isascii() or not _UNSPACED_WORD.search(text):
            return [stem(word) for word in words if word not in small]
        found: list[str] = []
        for index, word in enumerate(words):
            if not _UNSPACED_WORD.match(word):
                found += [] if word in small else [stem(word)]
                continue
            follows = words[index + 1] if index + 1 < len(words) else ""
            before = words[index - 1] if index else ""
            if _UNSPACED_WORD.match(follows):
                found.append(word + follows)
            elif not _UNSPACED_WORD.match(before):
                found.append(word)
        return found

    return terms


def closest_term(term: str, known: Collection[str]) -> tuple[str, float]:
    """The known term that an unknown one was most likely meant to be, and how likely that is, 0 to 1.

    By a common root, the same letters but for accents and doubles, or one wrong letter.
    """
    if term in known:
        return term, 1.0
    if not _MIN_WORD <= len(term) <= _LONGEST_WORD or term.isdigit():
        return term, 0.0
    best, likeness = term, 0.0
    for other in known:
        alike = _alike(term, other)
        if alike > likeness or (alike == likeness and alike and other < best):
            best, likeness = other, alike
    return best, likeness


def one_edit(left: str, right: str) -> bool:
    """Whether two texts differ by at most one letter: added, removed or replaced."""
    if len(left) > len(right):
        left, right = right, left
    if len(right) - len(left) > 1:
        return False
    for index, letter in enumerate(left):
        if letter != right[index]:
            return left[index:] == right[index + 1 :] or left[index + 1 :] == right[index + 1 :]
    return True


@lru_cache(maxsize=_STEMS)
def _alike(term: str, other: str) -> float:
    if len(other) < _MIN_WORD or other.isdigit() or abs(len(term) - len(other)) > _LONGEST_ENDING:
        return 0.0
    if min(len(term), len(other)) < _MIN_SPELLED:
        return _SAME_LETTERS if _letters(term) == _letters(other) else 0.0
    if term.startswith(other) or other.startswith(term):
        return _SAME_ROOT
    if _letters(term) == _letters(other):
        return _SAME_LETTERS
    return _ONE_LETTER if one_edit(term, other) else 0.0


def _letters(term: str) -> str:
    return re.sub(r"(.)\1+", r"\1", without_accents(term))
