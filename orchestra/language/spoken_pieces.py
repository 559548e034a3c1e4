"""The smallest parts of a text that can have been heard or not.

They are words, or characters where a script has no spaces between words. A piece that continues the written word before
it begins with `JOINER`, which is nothing to see or say. So pieces can be counted, cut off and put together again like
words::

    "Am Bahnhof"   Am  Bahnhof
    "東京駅です。"   東  ⁠京  ⁠駅  ⁠で  ⁠す。
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final

#: U+2060, word joiner
JOINER: Final = "\u2060"

#: scripts without spaces between words, first and last code point of each block
_SPACELESS: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),  # small Katakana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),  # halfwidth Katakana
    (0x20000, 0x3FFFF),
)
_FIRST_SPACELESS: Final = _SPACELESS[0][0]
#: written after the sound that they lengthen or belong to, although they count as letters
_CONTINUES: Final = frozenset("ำຳ々ーｰっゃゅょッャュョぁぃぅぇぉァィゥェォ")
#: the next letter is written below this one
_STACKS: Final = frozenset("\u1039\u17d2")
#: vowels that are written before the consonant after which they are said
_LEADS: Final = frozenset("เแโใไເແໂໃໄ")


def split_pieces(text: str) -> list[str]:
    """The pieces of a text, in order; put together by `join_pieces` they are the text with single spaces."""
    if text.isascii():
        return text.split()
    return [piece for word in text.split() for piece in _pieces_of_word(word)]


def join_pieces(pieces: Iterable[str]) -> str:
    """The text of these pieces; each may itself be several, with spaces between them."""
    return " ".join(pieces).replace(f" {JOINER}", "").removeprefix(JOINER)


def count_pieces(text: str) -> int:
    """How many pieces a text has."""
    return len(split_pieces(text))


def begins_piece(before: str, character: str) -> bool:
    """Whether a piece ends between these neighbouring characters of one written word."""
    if before in _LEADS or before in _STACKS or character in _CONTINUES:
        return False
    if not (_is_spaceless(before) or _is_spaceless(character)) or not _is_base(character):
        return False
    return not unicodedata.category(before).startswith(("Ps", "Pi"))


@lru_cache(maxsize=4096)
def _pieces_of_word(word: str) -> tuple[str, ...]:
    if ord(max(word)) < _FIRST_SPACELESS or word.startswith(JOINER):
        return (word,)
    starts = [0, *(at for at in range(1, len(word)) if begins_piece(word[at - 1], word[at])), len(word)]
    pieces = [word[start:end] for start, end in pairwise(starts)]
    return (pieces[0], *(JOINER + piece for piece in pieces[1:]))


def _is_spaceless(character: str) -> bool:
    code = ord(character)
    return code >= _FIRST_SPACELESS and any(first <= code <= last for first, last in _SPACELESS)


def _is_base(character: str) -> bool:
    """Whether it may begin a piece: a letter, a digit, an opening mark; not a sign on or after the one before it."""
    return unicodedata.category(character)[0] in "LN" or unicodedata.category(character) in {"Ps", "Pi", "Sc"}
