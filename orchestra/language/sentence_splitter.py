"""Splits a model's stream into sentences, each as soon as it is complete: the caller waits for the first."""

import re
from typing import Final

from orchestra.language.plain_text import DATED

#: a first sentence longer than this is cut at a clause; a wide letter, which is a syllable or word, counts as three
_LONG_FIRST: Final = 80
_SHORTEST_CLAUSE: Final = 24
#: longer text is cut between words
_LONGEST: Final = 300
_WIDE_COUNTS: Final = 3

_END = re.compile(
    r"""(?P<mark>(?<![.!?…])[.!?…]+["'”’“»›)\]]*)(?=\s)"""
    # the full stops of Arabic, Urdu, Hindi, Armenian, Ethiopic, Khmer, Burmese, Chinese and Japanese need no space
    r"""|(?P<wide>[\u061f\u06d4\u0964\u0965\u0589\u1362\u17d4\u104b\u3002\uff61\uff01\uff1f]+["'”’»)\u300d\u300f\uff09]*)"""
    r"""|(?P<line>\n)"""
)
_CLAUSE = re.compile(r"[,;:\u060c\u061b]\s|\s[–—-]\s|[\uff0c\u3001\uff1b\uff1a]")
_WIDE = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_LIST_NUMBER = re.compile(r"(?:\A|\n)\s*\d{1,3}\Z")
#: a number that may be the day of a date in many languages: "am 3. Mai"
_DAY = re.compile(r"(?:\A|[\s(])\d{1,2}\Z")
_SHORT_WORD = re.compile(r"(?<!\w)[^\W\d_]{1,4}\Z")
_WORD_BEGUN = re.compile(r"\s*[^\W\d_]*\Z")
#: abbreviations, and what is before an ordinal, are shorter
_LONGEST_BEFORE: Final = 32
_CONTENT = re.compile(r"\w")
#: a line end that opens or closes a block: program code is not said, prose is
_FENCE = re.compile(r"(?<!`)```[ ]?(?P<language>[\w+#.-]*)\Z")
_PROSE: Final = frozenset({"", "text", "txt", "plain", "plaintext", "markdown", "md"})


class SentenceEnds:
    """Where a full stop ends no sentence in one language.

    Args:
        abbreviations: without their last full stop, with commas between them; a single letter is one as well.
        may_end: those of them that end a sentence if the next word has a capital letter.
        endings: what longer words end in that do so as well: German "str", as in "Hauptstr. 5".
        before_ordinal: words after which a number with a full stop is an ordinal: German "am", "der"; with spaces.
        after_day: regular expression for what makes the number before it an ordinal: "Mai".
        capitals: whether a small letter after a full stop tells that the sentence goes on, and a number after a short
            word: for languages of which nobody has listed the abbreviations.

    """

    def __init__(
        self,
        abbreviations: str = "",
        *,
        may_end: str = "",
        endings: str = "",
        before_ordinal: str = "",
        after_day: str = DATED,
        capitals: bool = False,
    ) -> None:
        known = _any_of(abbreviations, may_end)
        compounds = rf"(?<=[^\W\d_])(?:{_any_of(endings)})"
        self.abbreviation = re.compile(
            rf"(?:(?<!\w)(?:{known})|{compounds}|(?:^|\s)[A-Za-zÀ-ÿΑ-ωА-яЁё])\Z", re.IGNORECASE
        )
        self.may_end = re.compile(rf"(?:(?<!\w)(?:{_any_of(may_end)})|{compounds})\Z", re.IGNORECASE)
        self.before_ordinal = re.compile(
            rf"\b(?:{_any_of(before_ordinal.replace(' ', ','))})\s\d{{1,3}}\Z", re.IGNORECASE
        )
        self.after_day = re.compile(rf"\s+{after_day}")
        self.capitals = capitals


def _any_of(*lists: str) -> str:
    """A regular expression for any of the entries of lists with commas; for none, one that is never found."""
    entries = [re.escape(entry.strip()) for text in lists for entry in text.split(",") if entry.strip()]
    return "|".join(entries) or r"(?!)"


#: of English, and of the names and addresses of its neighbours
_ENGLISH: Final = SentenceEnds(
    """
    mr, mrs, ms, dr, st, nos, nr, vs, prof, approx, dept, ext, e.g, i.e, p.o, pp, apt, ste, fig, vol, mt, rev, gen, col,
    sgt, capt, lt, gov, sen, rep, hon, tel, incl, excl, sra, ca, bzw, z.b, mme, mlle
    """,
    may_end="a.m, p.m, u.s, u.k, ph.d, jr, sr, fl, ft, est, temp, no",
)


class SentenceSplitter:
    """Takes a stream of text and returns the sentences that are ready to be spoken.

    A sentence is complete when something follows its full stop, so that ``3.50`` and ``Dr. Hill`` stay in one piece.
    Sentences are stripped, and contain at least one letter or digit.
    """

    def __init__(self, ends: SentenceEnds = _ENGLISH) -> None:
        self._ends = ends
        self._rest = ""
        self._searched = 0
        self._first = True
        self._over = self._fenced = self._unsaid = False

    def feed(self, text: str) -> list[str]:
        """The sentences that are complete now."""
        self._rest += text
        ready: list[str] = []
        while (cut := self._next_cut()) is not None:
            self._take(cut, ready)
        return ready

    def end(self) -> list[str]:
        """The stream is over: the rest, complete or not."""
        self._over = True
        ready = self.feed("")
        self._take(len(self._rest), ready)
        return ready

    def _take(self, cut: int, ready: list[str]) -> None:
        sentence, self._rest, self._searched = self._rest[:cut].strip(), self._rest[cut:], 0
        unsaid = self._unsaid
        if fence := _FENCE.search(sentence):
            sentence = sentence[: fence.start()].rstrip()
            self._fenced = not self._fenced
            self._unsaid = self._fenced and fence["language"].lower() not in _PROSE
        if _CONTENT.search(sentence) and not unsaid:
            ready.append(sentence)
            self._first = False

    def _next_cut(self) -> int | None:
        for end in _END.finditer(self._rest, self._searched):
            if end.start() > _LONGEST:
                break
            goes_on = self._goes_on(end)
            if goes_on is None:
                break
            if not goes_on:
                return end.end()
            self._searched = end.end()
        rest = self._rest
        long_first, shortest, longest = _LONG_FIRST, _SHORTEST_CLAUSE, _LONGEST
        if not rest.isascii() and _WIDE.search(rest):
            long_first, shortest, longest = (
                limit // _WIDE_COUNTS for limit in (_LONG_FIRST, _SHORTEST_CLAUSE, _LONGEST)
            )
        if self._first and len(rest) > long_first:
            clause = _CLAUSE.search(rest, shortest)
            if clause is not None:
                return clause.end()
        if len(rest) > longest:
            return rest.rfind(" ", shortest, longest) + 1 or longest
        return None

    def _goes_on(self, end: re.Match[str]) -> bool | None:
        """Whether this full stop belongs to an abbreviation, an ordinal or a list number; None: not known yet."""
        if end["mark"] != ".":
            return False
        before = self._rest[max(0, end.start() - _LONGEST_BEFORE) : end.start()]
        follows = self._rest[end.end() :]
        numbered = end.start() < _LONGEST_BEFORE and _LIST_NUMBER.search(before) is not None
        if numbered or self._ends.before_ordinal.search(before):
            return True
        if _DAY.search(before):
            if _WORD_BEGUN.match(follows) and not self._over:
                return None
            goes_on = self._ends.after_day.match(follows) is not None
            return goes_on or (self._ends.capitals and follows.lstrip()[:1].islower())
        return self._abbreviates(before, follows.lstrip()[:1])

    def _abbreviates(self, before: str, first: str) -> bool | None:
        """Whether the full stop between ``before`` and the next word's ``first`` letter ends no sentence."""
        if self._ends.abbreviation.search(before):
            if not self._ends.may_end.search(before):
                return True
            return not first.isupper() if first else None
        if not self._ends.capitals:
            return False
        if not first:
            return False if self._over else None
        return first.islower() or (first.isdigit() and _SHORT_WORD.search(before) is not None)
