"""Full text over what was said: words in any order and inflection, phrases in double quotes.

SQLite's FTS5 decides what matches, and how well. So that it need not index what was said in a million calls, the
database finds those utterances that have the beginning of a wanted word. FTS5 stems by M. Porter's algorithm
(https://tartarus.org/martin/PorterStemmer/def.txt): of all words with the same stem, that is the stem without what a
step may have put in the place of an ending.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from orchestra.archive.derived.facts import quoted

#: endings of a stem, and how many of their letters a word with this stem may lack: possibl-e, possib-ility; fli, fly
_PUT_IN = (("ble", 2), ("bl", 1), ("e", 1), ("i", 1))
_INDEX = "words, place UNINDEXED, at UNINDEXED, tokenize = 'porter unicode61'"
_SNIPPET_WORDS = 16


class Utterance(NamedTuple):
    """Something that was said, and by whom: ``caller``, an agent, or ``agent``. ``at`` is in epoch seconds."""

    call: str
    turn: int
    who: str
    at: float
    text: str


class WantedWords:
    """What somebody looks for: words, and phrases in double quotes. Everything else in it is text, no operator."""

    def __init__(self, text: str) -> None:
        parts = text.split('"')
        phrases = [part.strip() for part in parts[1::2]]
        single = [word for part in parts[::2] for word in part.split()]
        #: single words and phrases
        self.terms = [term for term in (*single, *phrases) if any(map(str.isalnum, term))]
        self._beginnings = [[_beginning(stem) for stem in stems] for stems in map(_stems, self.terms)]

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def match(self) -> str:
        """The query for FTS5: each word or phrase is quoted."""
        return " ".join(f'"{term}"' for term in self.terms)

    def may_match(self, column: str, *, any_term: bool = False) -> str:
        """An SQL condition that every utterance meets that has all terms, or with ``any_term`` one of them."""
        terms = [
            " AND ".join(_has(column, start) for start in starts if start) or "true" for starts in self._beginnings
        ]
        return (" OR " if any_term else " AND ").join(f"({term})" for term in terms)

    def likely_rank(self, column: str, tokens: str, mean_tokens: float) -> str:
        """An SQL expression for how well an utterance matches: BM25 without the rarity of the terms."""
        folded, parts = f"lower(strip_accents({column}))", []
        for starts in self._beginnings:
            start = max(starts, key=len, default="")
            if start:
                found = f"((length({folded}) - length(replace({folded}, {_folded(start)}, ''))) / {len(start)})"
                parts.append(f"{found} / ({found} + 0.3 + 0.9 * {tokens} / {max(mean_tokens, 1.0)})")
        return " + ".join(parts) or "0"


def _has(column: str, start: str) -> str:
    """A condition: the column has this text, in whatever case and with whatever accents."""
    folded = f"contains(lower(strip_accents({column})), {_folded(start)})"
    if not (start.isascii() and start.isalnum()):
        return folded
    # most of what is said is ASCII, in which this is found in half the time
    return (
        f"CASE WHEN strlen({column}) = length({column}) THEN regexp_matches({column}, '(?i){start}') ELSE {folded} END"
    )


def _folded(text: str) -> str:
    return f"lower(strip_accents({quoted(text)}))"


def _stems(term: str) -> list[str]:
    """The stems of a word or phrase, as FTS5 sees them."""
    with closing(sqlite3.connect(":memory:")) as index:
        index.execute(f"CREATE VIRTUAL TABLE said USING fts5({_INDEX})")
        index.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(said, 'instance')")
        index.execute("INSERT INTO said VALUES (?, 0, 0)", (term,))
        return [stem for (stem,) in index.execute("SELECT term FROM stems ORDER BY offset")]


def _beginning(stem: str) -> str:
    """What every word with this stem begins with."""
    lacking = next((count for ending, count in _PUT_IN if stem.endswith(ending)), 0)
    return stem[: len(stem) - lacking]


def best_matches(
    utterances: Sequence[tuple[str, float]], wanted: WantedWords, limit: int, *, of: tuple[int, int] | None = None
) -> list[tuple[int, str]]:
    """The index of each utterance that matches, with its words between ``[`` and ``]``; the best match comes first.

    Args:
        utterances: text and time of each; of two equally good matches the earlier comes first.
        wanted: the words.
        limit: at most so many.
        of: the number of all utterances among which these were found, and of all their words: how rare a word is, and
            how short an utterance, is measured by these.

    """
    if not wanted or not utterances:
        return []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as index:
        index.execute(f"CREATE VIRTUAL TABLE said USING fts5({_INDEX})")
        index.execute("BEGIN")
        index.executemany(
            "INSERT INTO said VALUES (?, ?, ?)", ((text, place, at) for place, (text, at) in enumerate(utterances))
        )
        if of is not None:
            index.execute("UPDATE said_data SET block = ? WHERE id = 1", (_averages(*of),))
        index.execute("COMMIT")
        return index.execute(
            "SELECT place, snippet(said, 0, '[', ']', '…', ?) FROM said WHERE said MATCH ? ORDER BY rank, at LIMIT ?",
            (_SNIPPET_WORDS, wanted.match, limit),
        ).fetchall()


def _averages(rows: int, tokens: int) -> bytes:
    """FTS5's record of its number of rows, and of the tokens in each column (https://sqlite.org/fts5.html, "Averages").

    The other two columns are not indexed.
    """
    return _varint(rows) + _varint(tokens) + bytes(2)


def _varint(number: int) -> bytes:
    """A number in SQLite's form: 7 bits a byte, the highest first (https://sqlite.org/fileformat.html#varint)."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.insert(0, number & 0x7F | 0x80)
    return bytes(found)
