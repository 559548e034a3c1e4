"""BM25 over a handful of short texts, to say which of them some words mean most.

Robertson & Zaragoza 2009, with an idf that stays positive for two or three texts (plain BM25's falls below zero there).
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from orchestra.agents.words import meant, terms

_SATURATION = 1.2
_LENGTH = 0.4


class Index:
    """Named texts, each of several phrases, to be asked which one a query means."""

    def __init__(self, texts: Mapping[str, Iterable[str]]) -> None:
        self._counts = {name: Counter(terms(" ".join(phrases))) for name, phrases in texts.items()}
        lengths = {name: counts.total() for name, counts in self._counts.items()}
        average = sum(lengths.values()) / max(1, len(lengths)) or 1.0
        self._norms = {
            name: _SATURATION * (1 - _LENGTH + _LENGTH * length / average) for name, length in lengths.items()
        }
        spread = Counter(term for counts in self._counts.values() for term in counts)
        total = len(self._counts)
        self._weights = {term: math.log(1 + (total + 1.5 - found) / (found + 0.5)) for term, found in spread.items()}

    def scores(self, query: str) -> dict[str, float]:
        """How much each text has to do with the query, from 0; about 1.5 for one telling word.

        A word that no text has is taken for the one that it sounds like, and counts less.
        """
        asked = [meant(term, self._weights) for term in dict.fromkeys(terms(query))]
        return {
            name: sum(likeness * self._score(name, term) for term, likeness in asked if likeness)
            for name in self._counts
        }

    def _score(self, name: str, term: str) -> float:
        count = self._counts[name][term]
        return self._weights[term] * count * (_SATURATION + 1) / (count + self._norms[name])
