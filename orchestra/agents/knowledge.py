"""Knowledge: a folder of Markdown, text and PDF files, searched by section in SQLite's full-text index."""

import hashlib
import math
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from orchestra.agents.documents import Read, Section, read_folder
from orchestra.errors import AppError, EngineError
from orchestra.language import DEFAULT_LANGUAGE, Language, find_language
from orchestra.settings import load_settings
from orchestra.spoken_languages import check_code

if TYPE_CHECKING:
    from orchestra.agents.embeddings import Endpoint

_LOG = structlog.get_logger("orchestra.agents")

_TITLE_WEIGHT = 3.0
_CANDIDATES = 20
#: a section with this share of the query's words answers it, whichever words they are
_MIN_COVERAGE = 0.5
#: a term is specific if no larger share of the sections contains it, and if it is not vague in its language
_TELLING_SHARE = 0.2
#: sections with less than this share of the best score are left out
_FAR_WORSE = 0.25


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of a page that answers a query.

    Attributes:
        title: the page's heading and the section's, ``Customs: How long does customs take``.
        text: the section's paragraphs, without Markdown.
        score: higher is better; only comparable within one query.

    """

    title: str
    text: str
    score: float


class Knowledge:
    """The Markdown, text and PDF files (``*.md``, ``*.txt``, ``*.pdf``) in a folder, searched by words.

    Text files are split at empty lines, PDFs into pages. `check` reads the folder again, but only files that have
    changed.

    The index is built in memory at the first search, in a few milliseconds for a hundred pages. Function words and
    endings are ignored, and a word that no page contains is replaced by one that sounds like it. Safe to search from
    several threads.

    With ``embeddings``, sections are also found by meaning. Their vectors are stored in the data directory, so that
    only changed sections are sent to the endpoint again. While the endpoint fails or is slow, only words are searched,
    and the log says so.

    Args:
        folder: the folder with the pages; subfolders are included.
        embeddings: name of an embedding model on an OpenAI-compatible server; empty: search by words only.
        embeddings_url: its endpoint up to ``/v1``; default: ``ORCHESTRA_MODEL_URL``, with its key.
        embeddings_api_key: for ``embeddings_url``.
        similar_from: the least cosine between a query and a section that is relevant to it, 0 to 1; depends on the
            model.
        language: in which the pages are written, BCP 47: whose word endings and words without meaning count.

    Raises:
        AppError: there is no such language.

    """

    def __init__(
        self,
        folder: str | Path,
        *,
        embeddings: str = "",
        embeddings_url: str = "",
        embeddings_api_key: str = "",
        similar_from: float = 0.4,
        language: str = DEFAULT_LANGUAGE.code,
    ) -> None:
        self.folder = Path(folder)
        self.embeddings = embeddings
        self._endpoint_options = embeddings_url, embeddings_api_key
        self.similar_from = similar_from
        self.language: Language = find_language(language)
        self._lock = threading.Lock()
        self._index: _Index | None = None
        self._read: Read = {}
        self._endpoint: Endpoint | None = None
        self._embedding_thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Knowledge({str(self.folder)!r})"

    def sections(self, query: str, limit: int = 3) -> list[Passage]:
        """The sections that may answer a query, best first; none if no section matches.

        With embeddings it blocks for up to 1.5 s: run it in a thread.

        Args:
            query: what the caller wants to know, in any words.
            limit: how many sections at most.

        Raises:
            AppError: the folder is missing, has no pages, or a page cannot be read.

        """
        vector = None
        if self.embeddings:
            self.prepare()
            vector = self._open_endpoint().query(query)
        with self._lock:
            index = self._current_index()
            found = index.by_words(query, max(limit, _CANDIDATES))
            if vector is not None:
                from orchestra.agents.embeddings import fuse_rankings  # noqa: PLC0415 - only where it is chosen

                near = index.by_meaning(vector, self.similar_from)
                found = fuse_rankings([number for number, _ in found], near)
            return [index.passage(number, score) for number, score in found[:limit]]

    def prepare(self) -> None:
        """Start embedding new sections in the background; does nothing without ``embeddings``."""
        if (
            not self.embeddings
            or (self._embedding_thread is not None and self._embedding_thread.is_alive())
            or self._open_endpoint().paused
        ):
            return
        with self._lock:
            if self._current_index().sections_without_vector():
                self._embedding_thread = threading.Thread(target=self.embed, name="knowledge", daemon=True)
                self._embedding_thread.start()

    def embed(self) -> int:
        """Embed the sections without a vector. Returns how many; a failure of the endpoint is logged.

        Raises:
            AppError: the folder is missing, has no pages, or a page cannot be read.

        """
        with self._lock:
            index = self._current_index()
            wanted = index.sections_without_vector()
        embedded, numbers = 0, list(wanted)
        try:
            for vectors in self._open_endpoint().passages(list(wanted.values())):
                with self._lock:
                    index.add_vectors(dict(zip(numbers[embedded:], vectors, strict=False)))
                embedded += len(vectors)
        except EngineError as error:
            _LOG.warning("knowledge.not_embedded", folder=str(self.folder), sections=len(wanted), error=str(error))
        else:
            _LOG.info("knowledge.embedded", folder=str(self.folder), sections=embedded, model=self.embeddings)
        return embedded

    def close(self) -> None:
        """Close the connections to the embedding endpoint; a search opens new ones."""
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.close()

    def check(self) -> None:
        """Read all pages and build the index now.

        Raises:
            AppError: the folder is missing, has no pages, or a page cannot be read.

        """
        with self._lock:
            self._index = None
            self._current_index()

    def pages(self) -> dict[str, list[Section]]:
        """The sections of every page, by its path below the folder.

        Raises:
            AppError: the folder is missing, has no pages, or a page cannot be read.

        """
        with self._lock:
            self._sections()
            return {page.relative_to(self.folder).as_posix(): sections for page, (_, sections) in self._read.items()}

    def _current_index(self) -> "_Index":
        if self._index is None:
            vector_file = load_settings().data_dir / "knowledge.sqlite" if self.embeddings else None
            self._index = _Index(
                self._sections(), self.language, str(self.folder.absolute()), self.embeddings, vector_file
            )
        return self._index

    def _open_endpoint(self) -> "Endpoint":
        if self._endpoint is None:
            from orchestra.agents.embeddings import Endpoint  # noqa: PLC0415 - only where it is chosen

            settings, (url, key) = load_settings(), self._endpoint_options
            if not url:
                url, key = settings.model_url or "", settings.model_api_key.get_secret_value()
            if not url:
                msg = (
                    f"knowledge with embeddings={self.embeddings!r} has no server: give embeddings_url, or set "
                    "ORCHESTRA_MODEL_URL"
                )
                raise AppError(msg)
            self._endpoint = Endpoint(self.embeddings, url, key)
        return self._endpoint

    def _sections(self) -> list[Section]:
        self._read = read_folder(self.folder, self._read)
        return [section for _, sections in self._read.values() for section in sections]


def check_knowledge(given: Any, here: str) -> None:
    """Check that this is `Knowledge`, or knowledge by the code of a language, or None.

    Raises:
        AppError: it is not.

    """
    for code, each in given.items() if isinstance(given, Mapping) and given else [("", given)]:
        if code:
            check_code(code, f"{here} knowledge")
        if not isinstance(each, Knowledge) and (code or each is not None):
            msg = f'{here} knowledge is {type(each).__name__}: write knowledge=Knowledge("folder")'
            raise AppError(msg)


class _Index:
    """The full-text table of a folder as it was read, the frequency of each term, and the vectors of the sections.

    ``vector_file`` stores the vectors of ``model``; processes and folders share it.
    """

    def __init__(
        self, sections: list[Section], language: Language, folder: str, model: str = "", vector_file: Path | None = None
    ) -> None:
        self._sections = sections
        self._language = language
        self._key = folder, model
        self._vectors: dict[str, bytes] = {}  # by the digest of the section
        self._stores_vectors = False
        # any thread may use it, guarded by Knowledge's lock
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.execute("CREATE VIRTUAL TABLE section USING fts5(title, text, tokenize = 'ascii')")
        terms = language.terms
        rows = [(number, terms(title), terms(text)) for number, (title, text) in enumerate(self._sections)]
        self._database.executemany(
            "INSERT INTO section(rowid, title, text) VALUES (?, ?, ?)",
            [(number, " ".join(title), " ".join(text)) for number, title, text in rows],
        )
        self._terms = [frozenset(title) | frozenset(text) for _, title, text in rows]
        self._frequency: dict[str, int] = {}
        for known in self._terms:
            for term in known:
                self._frequency[term] = self._frequency.get(term, 0) + 1
        self._digests = [hashlib.sha256(f"{title}\0{text}".encode()).hexdigest() for title, text in sections]
        if vector_file is not None:
            self._attach(vector_file)

    def passage(self, number: int, score: float) -> Passage:
        """A section as a search returns it."""
        title, text = self._sections[number]
        return Passage(title, text, score)

    def by_words(self, query: str, limit: int) -> list[tuple[int, float]]:
        """The sections that share specific words with the query, as (number, score), best first.

        Other words of a long question do not lower a score: the agent who reads the sections judges whether they answer
        it. A word that was only guessed, or that many sections contain, is not enough; half of all words are.
        """
        language = self._language
        asked = {term: language.closest_term(term, self._frequency) for term in dict.fromkeys(language.terms(query))}
        wanted = {known: likeness * self._rarity(known) for known, likeness in asked.values() if likeness}
        if not wanted:
            return []
        rows = self._database.execute(
            "SELECT rowid, -bm25(section, ?, 1.0) AS score FROM section "
            "WHERE section MATCH ? ORDER BY score DESC LIMIT ?",
            (_TITLE_WEIGHT, " OR ".join(f'"{term}"' for term in wanted), limit),
        ).fetchall()
        doubt = sum((1 - likeness) * self._rarity(known) for known, likeness in asked.values())
        total = doubt + sum(wanted.values())
        certain = {known for known, likeness in asked.values() if likeness == 1.0} - language.vague_terms
        found = []
        for number, score in rows:
            shared = wanted.keys() & self._terms[number]
            covered = sum(wanted[term] for term in shared) / total
            weight = sum(wanted[term] for term in shared & certain)
            if covered > _MIN_COVERAGE or weight >= self._least_weight:
                found.append((number, score * covered))
        found.sort(key=lambda scored: -scored[1])
        return [(number, score) for number, score in found if score >= _FAR_WORSE * found[0][1]]

    @property
    def _least_weight(self) -> float:
        """The total weight of specific terms that a section must share with a query."""
        return self._rarity_of(max(2.0, _TELLING_SHARE * len(self._sections)))

    def _rarity(self, term: str) -> float:
        """The weight of a term: lower, the more sections contain it; for an unknown one that of the rarest."""
        return self._rarity_of(self._frequency.get(term, 0))

    def _rarity_of(self, sections: float) -> float:
        return math.log(1 + (len(self._sections) + 0.5) / (max(1.0, sections) + 0.5))

    # -- vectors

    def _attach(self, vector_file: Path) -> None:
        try:
            vector_file.parent.mkdir(parents=True, exist_ok=True)
            self._database.execute("ATTACH DATABASE ? AS kept", (str(vector_file),))
            self._load()
        except (OSError, sqlite3.Error) as error:
            _LOG.warning("knowledge.vectors_not_kept", file=str(vector_file), error=str(error))

    def _load(self) -> None:
        """Load the vectors of the sections that still exist, and delete the others."""
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS kept.vector("
            "folder TEXT, model TEXT, digest TEXT, vector BLOB, PRIMARY KEY (folder, model, digest))"
        )
        query = "SELECT digest, vector FROM kept.vector WHERE (folder, model) = (?, ?)"
        known: dict[str, bytes] = dict(self._database.execute(query, self._key))
        gone = [(*self._key, digest) for digest in known.keys() - set(self._digests)]
        self._database.executemany("DELETE FROM kept.vector WHERE (folder, model, digest) = (?, ?, ?)", gone)
        self._vectors = {digest: known[digest] for digest in self._digests if digest in known}
        self._stores_vectors = True

    def sections_without_vector(self) -> dict[int, str]:
        """The sections without a vector, by number."""
        return {
            number: "\n".join(section)
            for number, section in enumerate(self._sections)
            if self._digests[number] not in self._vectors
        }

    def add_vectors(self, vectors: dict[int, bytes]) -> None:
        """Add vectors of sections, and store them."""
        new = {self._digests[number]: vector for number, vector in vectors.items()}
        self._vectors |= new
        if not self._stores_vectors:
            return
        rows = [(*self._key, digest, vector) for digest, vector in new.items()]
        try:
            self._database.executemany("INSERT OR REPLACE INTO kept.vector VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            _LOG.warning("knowledge.vectors_not_kept", error=str(error))
            self._stores_vectors = False

    def by_meaning(self, query: bytes, similar_from: float) -> list[int]:
        """The numbers of the sections with a similar meaning, nearest first."""
        from orchestra.agents.embeddings import similarity  # noqa: PLC0415 - only where it is chosen

        near = [
            (similarity(query, self._vectors[digest]), number)
            for number, digest in enumerate(self._digests)
            if digest in self._vectors
        ]
        return [number for alike, number in sorted(near, reverse=True)[:_CANDIDATES] if alike >= similar_from]
