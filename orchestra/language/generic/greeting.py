"""Whether somebody who has taken up a telephone has only said hello, in a language that nobody here knows."""

from typing import Final

from orchestra.language.utterance import split_words

#: a greeting with a name is not longer: "Kowalski, słucham"
_WORDS: Final = 3
_LETTERS: Final = 20


def only_greets(text: str) -> bool:
    """Whether so few words can only be a greeting: whoever takes up a telephone says little else so shortly."""
    words = split_words(text)
    letters = sum(map(len, words))
    unspaced = all(len(word) == 1 for word in words)
    return 0 < letters <= _LETTERS and (unspaced or len(words) <= _WORDS)
