"""Whether one word may have been heard in place of another."""

from difflib import SequenceMatcher
from typing import Final

_LIKELY: Final = 0.6


def sounds_alike(one: str, other: str) -> bool:
    """Whether two `plain` words share most of their letters, in order."""
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _LIKELY
