"""Knowledge: a folder of Markdown, text and PDF files, searched by section in SQLite's full-text index."""

import math
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from orchestra.agents.pages import Read, Section, read_folder
from orchestra.agents.words import meant, terms

_TITLE_WEIGHT = 3.0
_CANDIDATES = 20
_MIN_COVERAGE = 0.5


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of a page that answers a query.

    Attributes:
        title: the page's heading and the section's, ``Customs: How long does customs take``.
        text: the section's paragraphs, without Markdown marks.
        score: BM25, higher is better; only comparable within one query.

    """

    title: str
    text: str
    score: float


class Knowledge:
    """The Markdown, text and PDF files (``*.md``, ``*.txt``, ``*.pdf``) under a folder, found by words.

    A text file is cut at its empty lines, a PDF at its pages. Of a folder that was read once, a second reading (in
    `check`) reads only what has changed.

    The index is built in memory at the first search, in a few milliseconds for a hundred pages. Small words do not
    count, endings do not count, and a word that no page knows is taken for the one that it sounds like. Safe to
    search from several threads.

    Args:
        folder: where the pages lie; subfolders are searched too.

    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._lock = threading.Lock()
        self._index: _Index | None = None
        self._read: Read = {}

    def __repr__(self) -> str:
        return f"Knowledge({str(self.folder)!r})"

    def sections(self, query: str, limit: int = 3) -> list[Passage]:
        """The sections that answer a query, best first; none if no section knows enough of its words.

        Args:
            query: what the caller wants to know, in any words.
            limit: how many sections at most.

        Raises:
            AppError: the folder is missing, has no pages, or a page cannot be read.

        """
        with self._lock:
            if self._index is None:
                self._index = _Index(self._sections())
            return self._index.search(query, limit)

    def check(self) -> None:
        """Read all pages and build the index now.

        Raises:
            AppError: the folder is missing, has no pages, or a page cannot be read.

        """
        with self._lock:
            self._index = _Index(self._sections())

    def pages(self) -> dict[str, list[Section]]:
        """The sections of every page, by its path below the folder.

        Raises:
            AppError: the folder is missing, has no pages, or a page cannot be read.

        """
        with self._lock:
            self._sections()
            return {page.relative_to(self.folder).as_posix(): sections for page, (_, sections) in self._read.items()}

    def _sections(self) -> list[Section]:
        self._read = read_folder(self.folder, self._read)
        return [section for _, sections in self._read.values() for section in sections]


class _Index:
    """The full-text table over one reading of the folder, and how rare each term is."""

    def __init__(self, sections: list[Section]) -> None:
        self._sections = sections
        # Guarded by Knowledge's lock, which is why another thread than the builder's may use it.
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE VIRTUAL TABLE section USING fts5(title, text, tokenize = 'ascii')")
        rows = [(number, terms(title), terms(text)) for number, (title, text) in enumerate(self._sections)]
        self._database.executemany(
            "INSERT INTO section(rowid, title, text) VALUES (?, ?, ?)",
            [(number, " ".join(title), " ".join(text)) for number, title, text in rows],
        )
        self._terms = [frozenset(title) | frozenset(text) for _, title, text in rows]
        self._found_in: dict[str, int] = {}
        for known in self._terms:
            for term in known:
                self._found_in[term] = self._found_in.get(term, 0) + 1

    def search(self, query: str, limit: int) -> list[Passage]:
        """See `Knowledge.sections`."""
        asked = {term: meant(term, self._found_in) for term in dict.fromkeys(terms(query))}
        wanted = {known: likeness * self._rarity(known) for known, likeness in asked.values() if likeness}
        if not wanted:
            return []
        doubt = sum((1 - likeness) * self._rarity(known) for known, likeness in asked.values())
        rows = self._database.execute(
            "SELECT rowid, -bm25(section, ?, 1.0) AS score FROM section "
            "WHERE section MATCH ? ORDER BY score DESC LIMIT ?",
            (_TITLE_WEIGHT, " OR ".join(f'"{term}"' for term in wanted), max(limit, _CANDIDATES)),
        ).fetchall()
        total = doubt + sum(wanted.values())
        found = []
        for number, score in rows:
            covered = sum(rarity for term, rarity in wanted.items() if term in self._terms[number]) / total
            if covered > _MIN_COVERAGE:
                title, text = self._sections[number]
                found.append(Passage(title, text, score * covered))
        return sorted(found, key=lambda passage: -passage.score)[:limit]

    def _rarity(self, term: str) -> float:
        """How much a term tells: the more sections have it, the less; one that none has tells as much as the rarest."""
        return math.log(1 + (len(self._sections) + 0.5) / (max(1, self._found_in.get(term, 0)) + 0.5))
