"""What a robot that answers a telephone for its owner may say, and how a person answers one."""

import re
from dataclasses import dataclass
from typing import Final, Literal, Protocol

#: it asks who calls and why · has them wait · says that its owner does not take the call · takes a message
ScreeningCue = Literal["asks", "waits", "declines", "takes_message"]

_NOT_WORDS: Final = re.compile(r"[^\w' ]+|_")
_APOSTROPHE: Final = "\N{RIGHT SINGLE QUOTATION MARK}"


class ReadsScreening(Protocol):
    """Tells from words what a robot says with them; None if a person may have said them."""

    def __call__(self, text: str, *, screened: bool) -> ScreeningCue | None:
        """``screened``: the call is being screened, so that words count which people say as well."""


@dataclass(frozen=True, kw_only=True)
class ScreeningPatterns:
    """Regular expressions for words in lower case without punctuation; an empty one is never found.

    Attributes:
        takes_message: a recorder is about to record.
        asks: only a robot asks so.
        asks_on: a person may ask so as well.
        declines: the owner does not take the call.
        waits: the caller is to wait.

    """

    takes_message: str = ""
    asks: str = ""
    asks_on: str = ""
    declines: str = ""
    waits: str = ""


class CallScreening:
    """Recognizes screening robots and greetings of one language; ``greetings`` are words, with spaces between them."""

    def __init__(self, patterns: ScreeningPatterns, greetings: str) -> None:
        self._takes_message = _compiled(patterns.takes_message)
        self._asks, self._asks_on = _compiled(patterns.asks), _compiled(patterns.asks_on)
        self._declines, self._waits = _compiled(patterns.declines), _compiled(patterns.waits)
        self._greetings = frozenset(_plain(greetings).split())

    def cue(self, text: str, *, screened: bool) -> ScreeningCue | None:
        """What a robot says with these words; None if a person may have said them.

        ``screened``: the call is being screened, so that words count which people say as well.
        """
        said = _plain(text)
        if self._takes_message.search(said):
            return "takes_message"
        if self._asks.search(said):
            return "asks"
        if not screened:
            return None
        if self._declines.search(said):
            return "declines"
        if self._waits.search(said):
            return "waits"
        return "asks" if self._asks_on.search(said) else None

    def only_greets(self, text: str) -> bool:
        """Whether somebody who has taken up a telephone has only said hello."""
        words = _plain(text).split()
        return bool(words) and self._greetings.issuperset(words)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern or r"(?!)")


def _plain(text: str) -> str:
    return " ".join(_NOT_WORDS.sub(" ", text.lower().replace(_APOSTROPHE, "'")).split())
