"""What a few words of the caller are. Pure functions."""

import re

#: what listeners say to show that they listen; none of it takes the turn from an agent that speaks
_BACKCHANNEL = re.compile(r"(?:m+|h+m+|m+h+m*|mm?-?hm+|uh-?(?:huh)?|u[hm]+|ah+|oh+|eh+|er+m*)")


def same_words(one: str, other: str) -> bool:
    """Whether two transcripts differ in case and punctuation only."""
    return re.findall(r"\w+", one.casefold()) == re.findall(r"\w+", other.casefold())


def is_backchannel(text: str) -> bool:
    """Whether these are only sounds of listening, as "mhm"."""
    words = re.findall(r"[a-z'-]+|\d+", text.lower())
    return all(_BACKCHANNEL.fullmatch(word) for word in words)
