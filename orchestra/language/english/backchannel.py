"""Back-channels: what English-speaking listeners say to show that they listen. None takes the turn from an agent."""

import re
from typing import Final

from orchestra.language.utterance import has_words, split_words

_BACKCHANNEL: Final = re.compile(
    r"(?:(?:m+|h+m+|m-?h-?m*|mm?-?hm+|h n|uh[ -]?huh|uh|mm hmm|u[hm]+|ah+|aha|oh+|eh+|er+m*"
    r"|okay|ok|okey|o k|yeah|yea|yep|yup|right|all right|alright|i see|got it|sure|gotcha)(?: |$))+"
)
#: words that may follow the first one of a back-channel
_CONTINUATIONS: Final = ("see", "it", "right", "huh")


def is_backchannel(text: str) -> bool:
    """Whether these words only show that somebody listens, as "mhm" or "okay"; no words at all count as well."""
    return not has_words(text) or _BACKCHANNEL.fullmatch(" ".join(split_words(text))) is not None


def may_become_backchannel(text: str) -> bool:
    """Whether the first words of somebody who is still speaking may become one, as "I" becomes "I see"."""
    return is_backchannel(text) or any(is_backchannel(f"{text} {rest}") for rest in _CONTINUATIONS)
