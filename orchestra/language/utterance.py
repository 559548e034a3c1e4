"""What holds for a few words of the caller or of an agent in any language. Pure functions."""

import re
import unicodedata
from difflib import SequenceMatcher
from typing import Final

#: scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters
UNSPACED: Final = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\uff66-\uff9f\U00020000-\U0003134f"
)
#: vowels and accents that are characters of their own, and belong to the letter before them
_MARKS: Final = "".join(mark for mark in map(chr, range(0x0300, 0x2000)) if unicodedata.category(mark).startswith("M"))
_LETTERS: Final = rf"(?:[^\W_{UNSPACED}][{_MARKS}]*)+"
#: in scripts without spaces each letter with its marks stands for a word
_WORD: Final = re.compile(rf"{_LETTERS}(?:['’\u200c\u200d-]{_LETTERS})*|[{UNSPACED}](?<=[^\W_])[{_MARKS}]*")
_JOINT: Final = re.compile(r"['’-]")
#: of Latin, Chinese, Arabic, Armenian and Greek, whose mark is mostly written as a semicolon
QUESTION_MARK: Final = r"(?:[?？؟՞\u037e]|(?<=[\u0370-\u03ff]);)"
_QUESTION: Final = re.compile(QUESTION_MARK)
#: a transcript is the agent's own voice when this share of its words occurs close together in what was just said
_ECHOED_SHARE: Final = 0.75
_LETTERS_IN_A_WORD: Final = 2


def split_words(text: str) -> list[str]:
    """The words of a text in any script, in one case and without punctuation."""
    return _WORD.findall(text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold())


def has_words(text: str) -> bool:
    """Whether any of it can be spoken; of marks and pictures alone no engine makes a sound."""
    return any(character.isalnum() for character in text)


def same_words(one: str, other: str) -> bool:
    """Whether two transcripts differ only in case and punctuation."""
    return _bare_words(one) == _bare_words(other)


def contains_words(text: str, part: str) -> bool:
    """Whether the words of ``part`` follow each other in ``text``, whatever the case and punctuation."""
    words, sought = _bare_words(text), _bare_words(part)
    return any(words[at : at + len(sought)] == sought for at in range(len(words) - len(sought) + 1))


def _bare_words(text: str) -> list[str]:
    """The words of a text, those apart that a mark joins."""
    return [part for word in split_words(text) for part in _JOINT.split(word)]


def is_question(text: str) -> bool:
    """Whether words ask something, by their marks."""
    return _QUESTION.search(text) is not None


def is_echo(text: str, said: str, *, least: int) -> bool:
    """Whether a transcript of ``least`` words or more repeats what was just ``said``: a line without echo cancellation.

    The engine may get a word of it wrong, or the beginning and the end of one.
    """
    transcript, reply = split_words(text), split_words(said)
    letters = sum(map(len, transcript)) == len(transcript)  # of a script without spaces, in which all texts share some
    if len(transcript) < least * (_LETTERS_IN_A_WORD if letters else 1):
        return False
    matcher = SequenceMatcher(None, transcript, reply, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size > letters]
    near = [block.size for block in blocks if block.b - blocks[0].b < 2 * len(transcript)]
    return sum(near) >= _ECHOED_SHARE * len(transcript)
