"""Back-channels: what listeners say to show that they listen. Machinery for every language, and sounds of all of them.

None takes the turn from an agent. "Okay, but …" begins like one and takes the turn: all words must be back-channels.
"""

import re
from typing import Final

from orchestra.language.known_phrases import KnownPhrases, spoken_words
from orchestra.language.utterance import has_words, is_question

#: what engines write for a sound without words: "[laughter]", "(coughs)", "*sighs*"
_NOISE: Final = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|♪")
_SOUND: Final = re.compile(
    r"m+|h+m+|m-?h-?m*|mm?-?hm+|u+h+|u+h-?h[ua]+h?|uhuh|u+h*m+|a+h+|a+h+m+|aha+|o+h+|e+h+|e+h*m+|e+r+m*|ha(?:ha)*|hehe"
    r"|wow|xm+|хм+|мм+|м-м|угу|ага|м|嗯+|음+|흠+|हम्म|हूँ|مم+|همم+"
)
#: understood everywhere
_EVERYWHERE: Final = "okay, ok, okey, okej, o k, okie, окей, ок, うん, うんうん, ふんふん, 嗯嗯"
_PARDONS: Final = "huh, eh, hm, hmm, mm, ah, oh, er, um"


class Backchannels:
    """Recognizes the back-channels of one language. Phrases are written with commas between them.

    Args:
        phrases: words that only listen.
        fragments: no turn consists of one of these: it is the beginning of one that never came, or a misheard sound.
        pardons: sounds that ask to say it again, if the engine wrote a question mark.
        words: what sounds like listening elsewhere, and is a word here.

    """

    def __init__(self, phrases: str = "", *, fragments: str = "", pardons: str = "", words: str = "") -> None:
        self._phrases = KnownPhrases(_EVERYWHERE, phrases, "m", words=spoken_words)
        self._fragments = frozenset(spoken_words(fragments))
        self._pardons = frozenset(spoken_words(f"{_PARDONS},{pardons}"))
        self._no_sounds = frozenset(spoken_words(words))

    def is_backchannel(self, text: str) -> bool:
        """Whether these words only show that somebody listens; no words at all count as well."""
        if not has_words(_NOISE.sub(" ", text)):
            return True
        words = self._words(text)
        if len(words) == 1:
            asked = is_question(text)
            if asked and words[0] in self._pardons:
                return False
            if not asked and words[0] in self._fragments:
                return True
        return self._phrases.make_up(self._with_sounds(words))

    def may_become_backchannel(self, text: str) -> bool:
        """Whether the first words of somebody who is still speaking may become one."""
        return self.is_backchannel(text) or self._phrases.may_make_up(self._with_sounds(self._words(text)))

    def _words(self, text: str) -> list[str]:
        return spoken_words(_NOISE.sub(" ", text))

    def _with_sounds(self, words: list[str]) -> list[str]:
        """The words, each of those that are only sounds as ``m``."""
        return ["m" if word not in self._no_sounds and _SOUND.fullmatch(word) else word for word in words]
