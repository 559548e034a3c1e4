"""Finds the phrases that a language knows among the words that somebody said."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from orchestra.language.utterance import split_words

_APOSTROPHE: Final = "\N{RIGHT SINGLE QUOTATION MARK}"
_JOINT: Final = re.compile(r"['-]")


def spoken_words(text: str) -> list[str]:
    """The words of a text as phrases have them: in one case, without punctuation, with plain apostrophes."""
    return split_words(text.replace(_APOSTROPHE, "'"))


def phrase_words(text: str) -> list[str]:
    """The words of a text, those apart that an apostrophe or a hyphen joins: ``l'adresse``, ``dites-moi``."""
    return [part for word in spoken_words(text) for part in _JOINT.split(word)]


class KnownPhrases:
    """Phrases of one or more words, written with commas between them; where several begin, the longest counts.

    ``words`` makes the words of a phrase, as those were made among which it is looked for.
    """

    def __init__(self, *lists: str, words: Callable[[str], list[str]] = phrase_words) -> None:
        phrases = (tuple(words(phrase)) for text in lists for phrase in text.split(","))
        self._phrases = frozenset(phrase for phrase in phrases if phrase)
        self._lengths = sorted({len(phrase) for phrase in self._phrases}, reverse=True)
        self._beginnings = frozenset(phrase[:count] for phrase in self._phrases for count in range(1, len(phrase)))

    def length_at(self, words: Sequence[str], index: int) -> int:
        """How many words the longest phrase has that begins at ``index``; 0: none begins there."""
        left = len(words) - index
        fitting = (count for count in self._lengths if count <= left)
        return next((count for count in fitting if tuple(words[index : index + count]) in self._phrases), 0)

    def starts(self, words: Sequence[str]) -> bool:
        """Whether the words begin with a phrase."""
        return self.length_at(words, 0) > 0

    def length_before(self, words: Sequence[str]) -> int:
        """How many words the longest phrase has with which the words end; 0: they end with none."""
        return next(
            (
                count
                for count in self._lengths
                if count <= len(words) and tuple(words[len(words) - count :]) in self._phrases
            ),
            0,
        )

    def ends(self, words: Sequence[str]) -> bool:
        """Whether the words end with a phrase."""
        return self.length_before(words) > 0

    def occur(self, words: Sequence[str]) -> bool:
        """Whether a phrase occurs among the words."""
        return any(self.length_at(words, index) for index in range(len(words)))

    def make_up(self, words: Sequence[str]) -> bool:
        """Whether the words are one phrase after the other, and nothing else."""
        return len(words) in self._reached(words)

    def may_make_up(self, words: Sequence[str]) -> bool:
        """Whether more words may follow after which these are one phrase after the other."""
        return any(index == len(words) or tuple(words[index:]) in self._beginnings for index in self._reached(words))

    def _reached(self, words: Sequence[str]) -> set[int]:
        """The places up to which phrases, one after the other, reach."""
        reached = {0}
        for index in range(len(words)):
            if index in reached:
                reached.update(
                    index + count
                    for count in self._lengths
                    if index + count <= len(words) and tuple(words[index : index + count]) in self._phrases
                )
        return reached
