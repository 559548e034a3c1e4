"""What holds for a few words of the caller or of an agent in any language. Pure functions."""

import re
from difflib import SequenceMatcher
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_QUESTION_MARKS: Final = "?？؟;՞"  # noqa: RUF001 - of Latin, Chinese, Arabic, Greek, Armenian
#: a transcript is the agent's own voice when this share of its words occurs close together in what was just said
_ECHOED_SHARE: Final = 0.75


def split_words(text: str) -> list[str]:
    """The words of a text, in one case and without punctuation."""
    return _WORD.findall(text.casefold())


def has_words(text: str) -> bool:
    """Whether any of it can be spoken; of marks and pictures alone no engine makes a sound."""
    return any(character.isalnum() for character in text)


def same_words(one: str, other: str) -> bool:
    """Whether two transcripts differ only in case and punctuation."""
    return re.findall(r"\w+", one.casefold()) == re.findall(r"\w+", other.casefold())


def contains_words(text: str, part: str) -> bool:
    """Whether the words of ``part`` follow each other in ``text``, whatever the case and punctuation."""
    words, sought = re.findall(r"\w+", text.casefold()), re.findall(r"\w+", part.casefold())
    return any(words[at : at + len(sought)] == sought for at in range(len(words) - len(sought) + 1))


def is_question(text: str) -> bool:
    """Whether an agent's words ask something."""
    return any(mark in text for mark in _QUESTION_MARKS)


def is_echo(text: str, said: str, *, least: int) -> bool:
    """Whether a transcript of ``least`` words or more repeats what was just ``said``: a line without echo cancellation.

    The engine may get a word of it wrong, or the beginning and the end of one.
    """
    transcript, reply = split_words(text), split_words(said)
    if len(transcript) < least:
        return False
    matcher = SequenceMatcher(None, transcript, reply, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    near = [block.size for block in blocks if block.b - blocks[0].b < 2 * len(transcript)]
    return sum(near) >= _ECHOED_SHARE * len(transcript)
