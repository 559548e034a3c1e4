"""Back-channels: what English-speaking listeners say to show that they listen. None takes the turn from an agent.

"Okay, but …", "yeah, no" and "right, and then?" begin like one and take the turn: all words must be back-channels.
"""

import re
from typing import Final

from orchestra.language.utterance import has_words, split_words

_SOUNDS: Final = (
    r"m+|h+m+|m-?h-?m*|mm?-?hm+|h n|uh[ -]?h[ua]h?|uh|mm hmm|u[hm]+|a+h+|aha|o+h+|eh+|er+m*|ha(?:ha)*|hehe|wow"
)
_WORDS: Final = (
    r"okay|ok|okey|okie|okeydoke|okey dokey|o k|k|yeah|yea|ya|yep|yup|yes|right|all right|alright|right on|sure"
    r"|sure thing|of course|gotcha|got it|got you|i see|i got it|i got you|i know|i understand|i hear you|understood"
    r"|exactly|absolutely|definitely|indeed|true|correct|great|good|fine|cool|nice|perfect|lovely|excellent|wonderful"
    r"|awesome|very good|very well|fair enough|makes sense|that makes sense|sounds good|that sounds good|good to know"
    r"|that'?s (?:right|good|great|fine|true|correct|okay|ok|nice|cool|perfect)"
)
_BACKCHANNEL: Final = re.compile(rf"(?:(?:{_SOUNDS}|{_WORDS})(?: |$))+")
#: no turn consists of one of these: it is the beginning of one that never came, or a sound that the engine misheard
_FRAGMENTS: Final = frozenset(split_words("so and then them the a an of in on at to for with from as by is was"))
#: a sound that asks to say it again, if the engine wrote a question mark
_PARDON: Final = frozenset({"huh", "eh", "hm", "hmm", "mm", "ah", "oh", "er", "um"})
#: what engines write for a sound without words: "[laughter]", "(coughs)", "*sighs*"
_NOISE: Final = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|♪")
#: words that may follow the first ones of a back-channel
_CONTINUATIONS: Final = (
    "see", "it", "you", "right", "huh", "course", "got it", "know", "understand", "hear you", "thing", "on", "enough",
    "sense", "makes sense", "good", "well", "sounds good", "to know", "know", "dokey",
)  # fmt: skip


def is_backchannel(text: str) -> bool:
    """Whether these words only show that somebody listens, as "mhm" or "okay"; no words at all count as well."""
    text = _NOISE.sub(" ", text)
    words = split_words(text)
    if not has_words(text):
        return True
    if "?" in text and len(words) == 1 and words[0] in _PARDON:
        return False
    if "?" not in text and len(words) == 1 and words[0] in _FRAGMENTS:
        return True
    return _BACKCHANNEL.fullmatch(" ".join(words).replace("’", "'")) is not None


def may_become_backchannel(text: str) -> bool:
    """Whether the first words of somebody who is still speaking may become one, as "I" becomes "I see"."""
    return is_backchannel(text) or any(is_backchannel(f"{text} {rest}") for rest in _CONTINUATIONS)
