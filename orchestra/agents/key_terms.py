"""Names and products that callers are likely to say: what a speech engine is told to expect."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

#: a name that stands once may be a word with a capital by chance
_TIMES: Final = 2
_MOST: Final = 30
#: words with capitals within a sentence, one or more of them: after a small letter or a comma, where none is needed
_NAME = re.compile(r"(?<=[^\W\d_A-Z][ ,;(])[ \"“]?([A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*)")
_NO_NAMES = frozenset(
    (
        "I",
        "I'm",
        "I'll",
        "I've",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Mr",
        "Ms",
    )
)


def names_in(texts: Iterable[str]) -> list[str]:
    """The names in English texts, at most 30, those that stand most often first; what stands once is left out."""
    counted = Counter(name for text in texts for name in _NAME.findall(text) if name not in _NO_NAMES)
    return [name for name, times in counted.most_common(_MOST) if times >= _TIMES]
