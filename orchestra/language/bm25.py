"""BM25 over a handful of short texts: which of them a query is about.

Robertson & Zaragoza 2009, with an idf that stays positive for two or three texts (plain BM25's becomes negative there).
A term counts once per text: in a list of examples, a repeated term is not more specific than the others.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from orchestra.language.port import Language

_SATURATION = 1.2
_LENGTH = 0.4
#: cached look-ups of callers' words: each is compared with all known terms
_HEARD = 4096


class Index:
    """An index of named texts, each of several phrases."""

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
        """How relevant each text is to the query, from 0; about 1.5 for one specific word.

        A word in no text counts as the one that it sounds like, with less weight.
        """
        asked = [self._closest(term) for term in dict.fromkeys(self._language.terms(query))]
        return {
            name: factor * sum(likeness * self._weights[term] for term, likeness in asked if term in self._terms[name])
            for name, factor in self._factors.items()
        }
