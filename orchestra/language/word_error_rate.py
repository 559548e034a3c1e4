"""Word error rate of speech recognition. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from orchestra.language.utterance import split_words


class WordErrors(NamedTuple):
    """``errors`` (words inserted, left out or changed) in ``words`` that were said."""

    errors: int
    words: int

    @property
    def rate(self) -> float:
        """Errors per word that was said; 0.0 if nothing was said and nothing recognized."""
        return self.errors / self.words if self.words else float(self.errors > 0)


def words(text: str) -> list[str]:
    """The words of a text in one case, without punctuation; each letter where no spaces are written between words."""
    return [part for word in split_words(text) for part in word.replace("’", "'").split("-")]


def word_errors(said: str, understood: str) -> WordErrors:
    """The fewest insertions, deletions and substitutions between the words of both (Levenshtein)."""
    reference, guess = words(said), words(understood)
    row = list(range(len(guess) + 1))
    for number, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], number
        for column, other in enumerate(guess, 1):
            change = diagonal + (word != other)
            diagonal = row[column]
            row[column] = min(change, row[column] + 1, row[column - 1] + 1)
    return WordErrors(row[-1], len(reference))


def total(each: Iterable[WordErrors]) -> WordErrors:
    """The sum, with equal weight for every word."""
    counted = list(each)
    return WordErrors(sum(one.errors for one in counted), sum(one.words for one in counted))
