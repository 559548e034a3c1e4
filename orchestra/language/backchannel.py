"""What a few words of the caller are. Pure functions."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

#: what listeners say to show that they listen; none of it takes the turn from an agent that speaks
_BACKCHANNEL = re.compile(
    r"(?:(?:m+|h+m+|m-?h-?m*|mm?-?hm+|h n|uh[ -]?huh|uh|mm hmm|u[hm]+|ah+|aha|oh+|eh+|er+m*"
    r"|okay|ok|okey|o k|yeah|yea|yep|yup|right|all right|alright|i see|got it|sure|gotcha)(?: |$))+"
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_QUESTION_MARKS = "?？؟;՞"  # noqa: RUF001 - of Latin, Chinese, Arabic, Greek, Armenian
#: a transcript is the agent's own voice when so much of it stands together in what was just said
_ECHOED_SHARE = 0.75


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def has_words(text: str) -> bool:
    """Whether there is anything in it that can be spoken; of marks and pictures alone no engine makes a sound."""
    return any(character.isalnum() for character in text)


def same_words(one: str, other: str) -> bool:
    """Whether two transcripts differ in case and punctuation only."""
    return re.findall(r"\w+", one.casefold()) == re.findall(r"\w+", other.casefold())


def is_backchannel(text: str) -> bool:
    """Whether these only show that somebody listens, as "mhm" or "okay"; words of any other kind are not."""
    return not has_words(text) or _BACKCHANNEL.fullmatch(" ".join(_words(text))) is not None


def may_be_backchannel(text: str) -> bool:
    """Whether these first words of somebody who speaks on may become one, as "I" becomes "I see"."""
    return is_backchannel(text) or any(is_backchannel(f"{text} {rest}") for rest in ("see", "it", "right", "huh"))


def is_question(text: str) -> bool:
    """Whether something is asked in these words of an agent."""
    return any(mark in text for mark in _QUESTION_MARKS)


def is_echo(text: str, said: str, *, least: int) -> bool:
    """Whether a transcript of ``least`` words or more is what was just ``said``, as a line without cancellation has it.

    The engine may hear a word of it wrongly, or the beginning and the end of one.
    """
    heard, spoken = _words(text), _words(said)
    if len(heard) < least:
        return False
    matcher = SequenceMatcher(None, heard, spoken, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    near = [block for block in blocks if block.b - blocks[0].b < 2 * len(heard)]
    return _size(near) >= _ECHOED_SHARE * len(heard)


def _size(blocks: Iterable[object]) -> int:
    return sum(block.size for block in blocks)  # type: ignore[attr-defined]
