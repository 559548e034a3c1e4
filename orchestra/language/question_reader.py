"""What an agent's last words ask of the caller: the kinds of answers, and machinery for all languages but English."""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from orchestra.language.known_phrases import KnownPhrases, phrase_words
from orchestra.language.utterance import is_question
from orchestra.language.utterance_words import UtteranceWords

_SENTENCE: Final = re.compile(r"[^.?!。？！؟।;]+[.?!。？！؟।;]*")
_CARD_DIGITS: Final = 16
_QUESTIONS: Final = 64


class Wanted(Enum):
    """The kind of answer that is asked for."""

    ANYTHING = "anything"
    YES_NO = "yes or no"
    CHOICE = "one of the options that it names"
    DIGITS = "a number, digit by digit"
    SPELLING = "letters"
    EMAIL = "an e-mail address"
    ADDRESS = "a postal address"
    BIRTH = "a date of birth"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        wanted: the kind of answer.
        length: how many digits it has; None: not known.
        words: the words of the question.
        open_ended: whether a clause alone answers it.
        counts: whether a number answers it that nobody dictates.

    """

    wanted: Wanted = Wanted.ANYTHING
    length: int | None = None
    words: frozenset[str] = frozenset()
    open_ended: bool = False
    counts: bool = False


class QuestionReader:
    """Reads questions in one language."""

    def __init__(self, words: UtteranceWords) -> None:
        self._kinds = (
            (KnownPhrases(words.email_wanted), Wanted.EMAIL),
            (KnownPhrases(words.spelling_wanted), Wanted.SPELLING),
            (KnownPhrases(words.birth_wanted), Wanted.BIRTH),
            (KnownPhrases(words.address_wanted), Wanted.ADDRESS),
            (KnownPhrases(words.digits_wanted), Wanted.DIGITS),
        )
        self._question_words, self._requests = KnownPhrases(words.question_words), KnownPhrases(words.requests)
        self._or, self._tags = KnownPhrases(words.or_), KnownPhrases(words.tags)
        self._whys, self._quantities = KnownPhrases(words.whys), KnownPhrases(words.quantities)
        self._lengths = {word: index for index, word in enumerate(phrase_words(words.lengths), 1)}
        self._digit_nouns, self._card = KnownPhrases(words.digit_nouns), KnownPhrases(words.card)
        self.read = lru_cache(_QUESTIONS)(self._read)

    def _read(self, text: str) -> Question:
        asked, is_asked = _last_question(text)
        words = phrase_words(asked)
        if not words:
            return Question()
        return Question(
            self._wanted(words, is_asked=is_asked),
            self._length(words),
            frozenset(words),
            open_ended=self._whys.occur(words),
            counts=self._quantities.occur(words),
        )

    def _wanted(self, words: list[str], *, is_asked: bool) -> Wanted:
        requests = self._requests.occur(words)
        asks = self._question_words.occur(words)
        if not (is_asked or requests):
            return Wanted.ANYTHING
        chooses = self._or.occur(words[1:-1])
        if is_asked and self._tags.ends(words) and not requests:
            return Wanted.YES_NO
        if requests or asks:
            found = next((wanted for phrases, wanted in self._kinds if phrases.occur(words)), None)
            if found is not None:
                return found
            return Wanted.CHOICE if is_asked and chooses else Wanted.ANYTHING
        return Wanted.CHOICE if chooses else Wanted.YES_NO

    def _length(self, words: list[str]) -> int | None:
        for index, word in enumerate(words):
            length = int(word) if word.isascii() and word.isdigit() and len(word) <= 2 else self._lengths.get(word)  # noqa: PLR2004
            if length and any(self._digit_nouns.length_at(words, at) for at in (index + 1, index + 2)):
                return length
        return _CARD_DIGITS if self._card.occur(words) else None


def _last_question(text: str) -> tuple[str, bool]:
    """The last question with what follows it, or else the last two sentences; and whether it is a question."""
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text)]
    asking = [index for index, sentence in enumerate(sentences) if is_question(sentence[-2:])]
    return " ".join(sentences[asking[-1] if asking else -2 :]), bool(asking)
