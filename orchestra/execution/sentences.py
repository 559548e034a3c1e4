"""Cuts a model's stream into sentences, each as soon as it is whole: the first decides how long the caller waits."""

import re
from typing import Final

#: a first sentence longer than this is cut at a clause
_LONG_FIRST: Final = 80
_SHORTEST_CLAUSE: Final = 24
#: whatever is longer is cut between words
_LONGEST: Final = 300

_END = re.compile(
    r"""(?P<mark>[.!?…]+["'”’)\]]*)(?=\s)"""
    r"""|(?P<wide>[\u3002\uff01\uff1f]["”’\u300d\uff09]*)"""  # full-width marks need no space behind them
    r"""|(?P<line>\n)"""
)
_CLAUSE = re.compile(r"[,;:]\s|\s[–—-]\s")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|st|no|nr|vs|prof|approx|dept|ext|e\.g|i\.e|a\.m|p\.m|u\.s|u\.k)|(?:^|\s)[A-Za-z])\Z",
    re.IGNORECASE,
)
_CAN_END_A_SENTENCE = re.compile(r"(?:\b(?:a\.m|p\.m|u\.s|u\.k)|\bno)\Z", re.IGNORECASE)
_LIST_NUMBER = re.compile(r"(?:\A|\n)\s*\d{1,3}\Z")
_CONTENT = re.compile(r"\w")


class Sentences:
    """Feed it the stream; it gives back what is ready to be spoken.

    A sentence is whole when something follows its full stop, so that ``3.50`` and ``Dr. Hill`` stay in one piece. Each
    comes stripped; none is empty or without a letter or digit.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._searched = 0
        self._first = True

    def feed(self, text: str) -> list[str]:
        """The sentences that are whole now."""
        self._rest += text
        ready: list[str] = []
        while (cut := self._next_cut()) is not None:
            self._take(cut, ready)
        return ready

    def end(self) -> list[str]:
        """The stream is over: what is left, whole or not."""
        ready: list[str] = []
        self._take(len(self._rest), ready)
        return ready

    def _take(self, cut: int, ready: list[str]) -> None:
        sentence, self._rest, self._searched = self._rest[:cut].strip(), self._rest[cut:], 0
        if _CONTENT.search(sentence):
            ready.append(sentence)
            self._first = False

    def _next_cut(self) -> int | None:
        for end in _END.finditer(self._rest, self._searched):
            goes_on = self._goes_on(end)
            if goes_on is None:
                break
            if not goes_on:
                return end.end()
            self._searched = end.end()
        if self._first and len(self._rest) > _LONG_FIRST:
            clause = _CLAUSE.search(self._rest, _SHORTEST_CLAUSE)
            if clause is not None:
                return clause.end()
        if len(self._rest) > _LONGEST:
            return self._rest.rfind(" ", _SHORTEST_CLAUSE, _LONGEST) + 1 or _LONGEST
        return None

    def _goes_on(self, end: re.Match[str]) -> bool | None:
        """Whether this full stop belongs to an abbreviation or a list number; None: that cannot be told yet."""
        if end["mark"] != ".":
            return False
        before = self._rest[: end.start()]
        if _LIST_NUMBER.search(before):
            return True
        if not _ABBREVIATION.search(before):
            return False
        if not _CAN_END_A_SENTENCE.search(before):
            return True
        follows = self._rest[end.end() :].lstrip()[:1]
        return not follows.isupper() if follows else None
