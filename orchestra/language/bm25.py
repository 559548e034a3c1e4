"""BM25 over a handful of short texts, to say which of them some words mean most.

Robertson & Zaragoza 2009, with an idf that stays positive for two or three texts (plain BM25's falls below zero there),
and a term counts once in a text: in a list of examples the often repeated one is no more telling than the others.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from orchestra.language.port import Language

_SATURATION = 1.2
_LENGTH = 0.4
#: words of callers of which it is remembered what they mean: each is compared with all that is known
_HEARD = 4096


class Index:
    """Named texts, each of several phrases, to be asked which one a query means."""

    def __init__(self, texts: Mapping[str, Iterable[str]], language: Language) -> None:
        self._language = language
        self._terms = {name: frozenset(language.terms(" ".join(phrases))) for name, phrases in texts.items()}
        lengths = {name: len(found) for name, found in self._terms.items()}
        average = sum(lengths.values()) / max(1, len(lengths)) or 1.0
        self._factors = {
            name: (_SATURATION + 1) / (1 + _SATURATION * (1 - _LENGTH + _LENGTH * length / average))
            for name, length in lengths.items()
        }
        spread = Counter(term for found in self._terms.values() for term in found)
        total = len(self._terms)
        self._weights = {term: math.log(1 + (total + 1.5 - found) / (found + 0.5)) for term, found in spread.items()}
        self._closest = lru_cache(_HEARD)(lambda term: language.closest_term(term, self._weights))

    def scores(self, query: str) -> dict[str, float]:
        """How much each text has to do with the query, from 0; about 1.5 for one telling word.

        A word that no text has is taken for the one that it sounds like, and counts less.
        """
        asked = [self._closest(term) for term in dict.fromkeys(self._language.terms(query))]
        return {
            name: factor * sum(likeness * self._weights[term] for term, likeness in asked if term in self._terms[name])
            for name, factor in self._factors.items()
        }
