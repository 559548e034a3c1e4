"""Whether digits, letters or an address are being dictated, and whether all has been said: for all but English."""

import re
from typing import Final

from orchestra.language.known_phrases import KnownPhrases, phrase_words
from orchestra.language.question_reader import Question, Wanted
from orchestra.language.utterance import UNSPACED
from orchestra.language.utterance_words import UtteranceWords

#: digits alone are dictated if at most this many words introduce them
_INTRODUCTION: Final = 4
_DICTATED_DIGITS: Final = 2
_DATE_DIGITS: Final = 6
_UNSPACED: Final = re.compile(rf"[{UNSPACED}]")
_POSTCODE: Final = re.compile(r"\b(?:\d{4,5}(?:-?\d{3})?(?: ?[a-z]{2})?)\W*$", re.IGNORECASE)
#: ends of a host's name that are no words: nobody has to say the full stop before them
_CLEAR_ENDINGS: Final = "com|org|net|edu|info"
#: and those that may be words: "at" is the sign of the address, too, "de" and "es" are small words
_ENDINGS: Final = rf"(?:{_CLEAR_ENDINGS}|io|eu|es|de|at|ch|fr|be|it|pt|br|nl|mx|ar|cl|co|uk|us)"
_WRITTEN_HOST: Final = re.compile(rf"\w\.{_ENDINGS}\W*$")
_CLEAR_HOST: Final = re.compile(rf"\w (?:{_CLEAR_ENDINGS})(?: {_ENDINGS})?$")
_ENDING: Final = re.compile(_ENDINGS)
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\W*$")
_WRITTEN_DATE: Final = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\W*$")


class DictationReader:
    """Recognizes dictations in one language."""

    def __init__(self, words: UtteranceWords) -> None:
        digits = phrase_words(words.digits)
        self._digits = frozenset(digits)
        self._numbers = frozenset(digits) | frozenset(phrase_words(words.tens))
        self._small = frozenset(
            word for word in phrase_words(f"{words.unfinished} {words.copulas} {words.begun}") if len(word) == 1
        )
        self._named = KnownPhrases(words.digits_wanted)
        self._at, self._dot = KnownPhrases(words.at), KnownPhrases(words.dot)
        self._full_stop = KnownPhrases(words.dot.split(",", 1)[0])
        self._spells_like = frozenset(phrase_words(words.spells_like))
        self._months = KnownPhrases(words.months)
        self._address_begins = KnownPhrases(words.address_begins)

    def complete(self, said: str, words: list[str], question: Question) -> bool | None:
        """Whether all that is dictated has been said; None: nothing is dictated."""
        for kind in (self._email, self._birth, self._number, self._letters, self._address):
            found = kind(said, words, question)
            if found is not None:
                return found
        return None

    def _email(self, said: str, words: list[str], question: Question) -> bool | None:
        asked = question.wanted is Wanted.EMAIL
        begun = "@" in said or (self._at.occur(words) and (asked or self._dot.occur(words)))
        if begun:
            return _WRITTEN_HOST.search(said.casefold()) is not None or self._ends_in_host(said, words)
        return False if asked and (self._dot.occur(words) or self._spells(words)) else None

    def _ends_in_host(self, said: str, words: list[str]) -> bool:
        """Whether the name of a host has been said to its end: ``gmail punto com``, ``uol com br``."""
        if "@" not in said:
            at = next(index for index in range(len(words)) if self._at.length_at(words, index))
            words = words[at + self._at.length_at(words, at) :]
        ends = self._full_stop.ends(words[:-1]) and _ENDING.fullmatch(words[-1]) is not None
        return ends or _CLEAR_HOST.search(" ".join(words)) is not None

    def _birth(self, said: str, words: list[str], question: Question) -> bool | None:
        if question.wanted is not Wanted.BIRTH:
            return None
        if _WRITTEN_DATE.search(said) or self._count(words) >= _DATE_DIGITS:
            return True
        if self._months.occur(words):
            return _YEAR.search(said) is not None or self._is_number(words[-2:])
        return False if self._count(words) else None

    def _is_number(self, words: list[str]) -> bool:
        return len(words) > 1 and all(word in self._numbers or word.isdigit() for word in words)

    def _number(self, said: str, words: list[str], question: Question) -> bool | None:
        del said
        if not self._ends_in_number(words):
            return None
        if question.wanted is Wanted.DIGITS:
            return question.length is not None and self._count(words) >= question.length
        counted = question.counts or question.wanted is Wanted.ADDRESS
        one_by_one = len(words) > 1 and all(word in self._digits or _is_digit(word) for word in words[-2:])
        introduced = sum(1 for word in words if not (word in self._numbers or word.isdigit()))
        bare = self._count(words) >= _DICTATED_DIGITS and (introduced == 0 or self._named.occur(words))
        return False if not counted and (one_by_one or bare) and introduced <= _INTRODUCTION else None

    def _ends_in_number(self, words: list[str]) -> bool:
        return words[-1] in self._numbers or words[-1].isdigit()

    def _count(self, words: list[str]) -> int:
        """How many digits the numbers at the end of the words have, at least."""
        count = 0
        for word in reversed(words):
            if word.isdigit():
                count += len(word)
            elif word in self._numbers:
                count += 1
            else:
                break
        return count

    def _letters(self, said: str, words: list[str], question: Question) -> bool | None:
        del said
        asked = question.wanted in (Wanted.SPELLING, Wanted.DIGITS) and _is_letter(words[-1])
        asked = asked and words[-1] not in self._small
        return False if asked or self._spells(words) else None

    def _spells(self, words: list[str]) -> bool:
        """Whether the last words are letters one by one, or a letter and its word: "b for Berlin"."""
        last = [word for word in words[-2:] if _is_letter(word)]
        if len(last) > 1 and not self._small.issuperset(last):
            return True
        return len(words) > 2 and words[-2] in self._spells_like and _is_letter(words[-3])  # noqa: PLR2004 - "b for berlin"

    def _address(self, said: str, words: list[str], question: Question) -> bool | None:
        if question.wanted is not Wanted.ADDRESS and not self._address_begins.occur(words[:-1]):
            return None
        return _POSTCODE.search(said) is not None


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isalpha() and not _UNSPACED.match(word)


def _is_digit(word: str) -> bool:
    return len(word) == 1 and word.isdigit()
