"""The names and products that Deepgram is told to expect, bounded so that it never refuses them.

Deepgram takes 500 tokens of key terms, and a request with more is refused, or not answered.
https://developers.deepgram.com/docs/keyterm
"""

from collections.abc import Iterable
from typing import Final

_MOST: Final = 50
_LONGEST: Final = 60
#: a token is seldom shorter than two bytes
_BYTES: Final = 1_000


def bounded_keyterms(terms: Iterable[str]) -> list[str]:
    """The first of these terms, each once: at most 50, of at most 60 characters each and 1,000 bytes together."""
    kept: dict[str, str] = {}
    room = _BYTES
    for term in terms:
        clean = " ".join(term.split())
        size = len(clean.encode(errors="ignore"))
        if not clean.isprintable() or not 0 < len(clean) <= _LONGEST or size > room or clean.casefold() in kept:
            continue
        kept[clean.casefold()] = clean
        room -= size
        if len(kept) == _MOST:
            break
    return list(kept.values())
