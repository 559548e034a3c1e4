"""Ranks tools by the caller's words: BM25 over each tool's descriptions, and similarity to its examples."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from orchestra.execution.models.offline.dialogue import HANDOFF
from orchestra.language.bm25 import Index
from orchestra.language.english import LANGUAGE
from orchestra.language.english.spoken_digits import without_numbers
from orchestra.language.english.stemming import closest_term, strip_pleasantries, terms
from orchestra_schemas import ToolSchema

_EXAMPLES = re.compile(r"\bexamples?:\s*", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]?")
_DAY = re.compile(r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b")
_EXAMPLE_WEIGHT = 2.5


def rank(said: str, tools: Sequence[ToolSchema], instructions: str) -> dict[str, float]:
    """How well each tool fits, by name, from 0; about 1.5 for one specific word, 2.5 more for a whole example.

    Args:
        said: the caller's words; unknown words are matched by sound, a number counts as the word "number".
        tools: the tools to choose from; their descriptions may end in ``Examples: "…", "…"``.
        instructions: the system prompt; a sentence in it that names a tool describes that tool, too.

    """
    corpus = _corpus(tuple((tool.name, tool.description) for tool in tools), instructions)
    return corpus.scores(_alike(without_numbers(said)))


def example_of(said: str, tools: Sequence[ToolSchema]) -> str | None:
    """The first tool with the caller's words as an example, whatever number or day they name."""
    words = _as_example(said)
    if not words:
        return None
    return next((t.name for t in tools if words in map(_as_example, examples_in(t.description))), None)


def _as_example(text: str) -> str:
    return strip_pleasantries(_alike(without_numbers(text)))


@lru_cache(maxsize=256)
def examples_in(description: str) -> tuple[str, ...]:
    """The examples at the end of a tool's description."""
    _, *listed = _EXAMPLES.split(description, maxsplit=1)
    return tuple(_listed(listed[0])) if listed else ()


class _Corpus:
    """The texts about each of a set of tools."""

    def __init__(self, tools: Sequence[tuple[str, str]], instructions: str) -> None:
        texts: dict[str, list[str]] = {}
        self._examples: dict[str, list[frozenset[str]]] = {}
        for name, description in tools:
            about, examples = _EXAMPLES.split(description, maxsplit=1)[0], examples_in(description)
            mentions = [s.replace(name, " ") for s in _SENTENCE.findall(instructions) if re.search(rf"\b{name}\b", s)]
            own_name = name.removeprefix(HANDOFF).replace("_", " ")
            texts[name] = [_alike(text) for text in (own_name, own_name, about, *mentions, *examples)]
            self._examples[name] = [frozenset(terms(_alike(example))) for example in examples]
        self._index = Index(texts, LANGUAGE)
        self._found_in = Counter(term for phrases in texts.values() for term in frozenset(terms(" ".join(phrases))))

    def scores(self, said: str) -> dict[str, float]:
        """See `rank`."""
        asked = dict(closest_term(term, self._found_in) for term in terms(said))
        return {
            name: score + _EXAMPLE_WEIGHT * max((self._likeness(asked, e) for e in self._examples[name]), default=0.0)
            for name, score in self._index.scores(said).items()
        }

    def _likeness(self, asked: Mapping[str, float], example: frozenset[str]) -> float:
        """The similarity to an example, 0 to 1: shared terms over the geometric mean of both sizes."""
        size = math.sqrt(sum(map(self._rarity, asked)) * sum(map(self._rarity, example)))
        shared = sum(self._rarity(term) * likeness for term, likeness in asked.items() if term in example)
        return shared / size if size else 0.0

    def _rarity(self, term: str) -> float:
        """The weight of a term: low if every tool has it; for an unknown one that of the rarest."""
        return math.log((len(self._examples) + 1) / (max(1, self._found_in[term]) - 0.5))


@lru_cache(maxsize=64)
def _corpus(tools: tuple[tuple[str, str], ...], instructions: str) -> _Corpus:
    return _Corpus(tools, instructions)


def _alike(text: str) -> str:
    """The text with every day of the week as "day": an example with one day covers all of them."""
    return _DAY.sub("day", text.lower())


def _listed(text: str) -> list[str]:
    """The examples in a description: quoted, or one after each semicolon or line."""
    return re.findall(r'"([^"]+)"', text) or [part for part in re.split(r"[;|\n]", text) if part.strip()]
